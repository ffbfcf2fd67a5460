"""``rnnbench verify``: the field's claims, checked against runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.options import Quiet
from rnnbench.cli.terminal.words import say
from rnnbench.config import MOST_AT_ONCE
from rnnbench.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from rnnbench.config import Run
    from rnnbench.study import Study

REFERENCE, QUICK = Path("results/reference"), Path("results/quick")
"""Where the runs of the claims are looked for, and made where they are missing: the committed ones, or those of --quick."""
Name = Annotated[list[str] | None, typer.Argument(help="Names of the claims. Default: all of them.", show_default=False)]
Study_ = Annotated[
    Path | None,
    typer.Option("--out", help=f"Study folder that has the runs, or takes them. Default: {REFERENCE}, with --quick {QUICK}."),
]
Quick = Annotated[bool, typer.Option("--quick", help="A reduced set of runs, under ten minutes on two cores.")]
Check = Annotated[bool, typer.Option("--check", help="Run nothing: decide what the study's runs decide.")]
List_ = Annotated[bool, typer.Option("--list", help="List the claims, their sources and how many runs they need; decide nothing.")]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, max=MOST_AT_ONCE, help="Runs at once. Default: one per core.")]


@app.command(epilog="Example: rnnbench verify --quick")
def verify(
    name: Name = None,
    out: Study_ = None,
    quick: Quick = False,
    check: Check = False,
    list_claims: List_ = False,
    jobs: Jobs = None,
    quiet: Quiet = False,
) -> None:
    """Check the field's claims: does the runs that each needs, unless the study has them, and prints the verdicts.

    The exit code is 3 if a claim is false or, with --check, undecided for lack of runs.
    """
    from rnnbench import verify as verifier
    from rnnbench.claims import CLAIMS
    from rnnbench.study import Study

    known = {claim.name: claim for claim in CLAIMS}
    for wanted in name or ():
        if wanted not in known:
            raise UserError(f"unknown claim {wanted!r}{did_you_mean(wanted, known)}")
        if not known[wanted].runs(quick):
            raise UserError(f"claim {wanted!r} has no quick set of runs: leave out --quick")
    claims = [known[wanted] for wanted in name] if name else [claim for claim in CLAIMS if claim.runs(quick)]
    if list_claims:
        for claim in claims:
            say(f"{claim.name}: {claim.statement}")
            say(f"{len(claim.runs(quick))} runs; {claim.source}", 4, 0)
        return
    folder = out or (QUICK if quick else REFERENCE)
    study = Study.open(folder) if check else Study.create(folder)
    if not check:
        make([run for verdict in verifier.verify(study, claims, quick) for run in verdict.missing], study, jobs, quiet)
    verdicts = verifier.verify(study, claims, quick)
    for claim, ruling, missing in verdicts:
        word = "undecided" if ruling is None else "holds" if ruling.holds else "FALSE"
        say(f"{word:>9}  {claim.name}: {claim.statement}", 0, 11)
        say(f"{len(missing)} runs are missing" if ruling is None else ruling.numbers, 11, 0)
    if not all(verdict.ruling and verdict.ruling.holds for verdict in verdicts):
        raise typer.Exit(3)


def make(runs: list[Run], study: Study, jobs: int | None, quiet: bool) -> None:
    """Run what is missing, as a sweep does; Ctrl-C leaves through an exit code of its own."""
    from rnnbench.cli.commands.run import stop_between_steps
    from rnnbench.cli.commands.sweep import cores
    from rnnbench.cli.terminal.sweep_screen import SweepScreen
    from rnnbench.sweep.agenda import Agenda
    from rnnbench.sweep.local import Local

    each = {run.run_id: run for run in runs}  # a run may decide several claims
    if not each:
        return
    agenda = Agenda(study, sorted(each.values(), key=lambda run: run.gap), retry_failed=True)
    workers = Local(agenda, jobs or cores())
    with stop_between_steps(workers) as stopped_by, SweepScreen(agenda, quiet) as screen:
        for event in workers.events():
            screen.show(event)
    if stopped_by:
        typer.echo(screen.summary(True))
        raise typer.Exit(128 + stopped_by[0])
