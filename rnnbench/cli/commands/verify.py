"""``rnnbench verify``: the field's claims and our findings, held against runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.options import Quiet
from rnnbench.cli.terminal.words import say
from rnnbench.errors import UserError

if TYPE_CHECKING:
    from rnnbench.claims import Claim
    from rnnbench.config import Run
    from rnnbench.study import Study

REFERENCE, QUICK = Path("results/reference"), Path("results/quick")
"""Where the runs are looked for, and put where they are missing: the committed ones, or those of --quick."""
StudyName = Annotated[
    Path | None,
    typer.Argument(
        metavar="STUDY",
        help=f"Study folder that has the runs, or takes them. Default: {REFERENCE}, with --quick {QUICK}.",
        show_default=False,
    ),
]
Names = Annotated[str | None, typer.Option("--claim", metavar="NAMES", help="Only these claims and findings, with commas between.")]
Quick = Annotated[bool, typer.Option("--quick", help="A reduced set of runs, under ten minutes on two cores.")]
Check = Annotated[bool, typer.Option("--check", help="Run nothing: decide what the study's runs decide.")]
Record = Annotated[bool, typer.Option("--record", help="Write the verdicts into the study, as verdicts.csv.")]
List_ = Annotated[bool, typer.Option("--list", help="List claims and findings, sources and runs needed; decide nothing.")]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Runs at once. Default: one per core.")]


@app.command(epilog="Example: rnnbench verify results/reference --check")
def verify(
    study: StudyName = None,
    claim: Names = None,
    quick: Quick = False,
    check: Check = False,
    record: Record = False,
    list_claims: List_ = False,
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """Hold the field's claims and our findings against runs: trains what is missing, unless --check, and prints the verdicts.

    A claim *holds*, holds *partly* or is *refuted*; it is *undecided* while runs are missing. The exit code is 3 if a verdict
    differs from the study's verdicts.csv, if one is undecided that was not recorded so, or if a finding is younger than its runs.
    """
    from rnnbench.claims import FINDINGS
    from rnnbench.claims import verify as decide
    from rnnbench.claims.claim import Finding
    from rnnbench.claims.commits import registration
    from rnnbench.claims.recorded import changed, recorded
    from rnnbench.claims.recorded import record as write_down
    from rnnbench.study import Study

    claims = chosen(claim, quick)
    if list_claims:
        for one in claims:
            say(f"{one.name}: {one.statement}")
            say(f"{len(one.runs(quick))} runs; {one.source}" if not one.table else f"`{one.command}`; {one.source}", 4, 0)
        return
    folder = study or (QUICK if quick else REFERENCE)
    home = Study.open(folder) if check else Study.create(folder)
    if not check:
        make([run for verdict in decide(home, claims, quick) for run in verdict.missing], home, jobs, quiet)
    before, verdicts, late = recorded(home), decide(home, claims, quick), False
    for verdict in verdicts:
        one, was = verdict.claim, before.get(verdict.claim.name, verdict.word)
        if one in FINDINGS[:1]:
            typer.echo("\nfindings: sentences of ours, decided by seeds that were run after they were written\n")
        say(f"{verdict.word:>9}  {one.name}: {one.statement}", 0, 11)
        say(verdict.numbers, 11, 0)
        if was != verdict.word:
            say(f"recorded: {was}", 11, 0)
        if isinstance(one, Finding) and not quick:
            registered = registration(one, home)
            say(registered.told, 11, 0)
            late = late or registered.valid is False
    if record:
        typer.echo(f"  {write_down(home, verdicts)}")
        return
    undecided = [verdict for verdict in verdicts if verdict.ruling is None and verdict.claim.name not in before]
    if late or undecided or changed(verdicts, before):
        raise typer.Exit(3)


def chosen(names: str | None, quick: bool) -> list[Claim]:
    """The claims and findings asked for; raises UserError for one that is unknown, or that has no quick set of runs."""
    from rnnbench.catalog import did_you_mean
    from rnnbench.claims import CLAIMS, FINDINGS

    known: dict[str, Claim] = {one.name: one for one in (*CLAIMS, *FINDINGS)}
    if names is None:
        return [one for one in known.values() if one.quick or not quick]
    found = []
    for name in (word.strip() for word in names.split(",")):
        if name not in known:
            raise UserError(f"unknown claim {name!r}{did_you_mean(name, known)}")
        if quick and not known[name].quick:
            raise UserError(f"claim {name!r} has no quick set of runs: leave out --quick")
        found.append(known[name])
    return found


def make(runs: list[Run], study: Study, jobs: int | None, quiet: bool) -> None:
    """Run what is missing, as a sweep does; Ctrl-C leaves through an exit code of its own."""
    from rnnbench.cli.commands.run import stop_between_steps
    from rnnbench.cli.commands.sweep import cores
    from rnnbench.cli.terminal.sweep_screen import SweepScreen
    from rnnbench.sweep.agenda import Agenda
    from rnnbench.sweep.local import Local

    wanted = {run.run_id: run for run in runs}  # a run may decide several claims
    if not wanted:
        return
    agenda = Agenda(study, sorted(wanted.values(), key=lambda run: run.gap), retry_failed=True)
    workers = Local(agenda, jobs or cores())
    with stop_between_steps(workers) as stopped_by, SweepScreen(agenda, quiet) as screen:
        for event in workers.events():
            screen.show(event)
    if stopped_by:
        typer.echo(screen.summary(True))
        raise typer.Exit(128 + stopped_by[0])
