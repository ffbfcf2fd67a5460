"""``rnnbench verify``: the field's claims and our findings, held against runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Jobs, Quiet
from rnnbench._errors import UserError

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
    """Check the field's claims and our findings against runs: train what is missing, unless --check, and print the verdicts.

    A claim *holds*, holds *partly* or is *refuted*; it is *undecided* while runs are missing. The exit code is 3 if a verdict
    differs from the study's verdicts.csv, or if one is undecided that was not recorded so.
    """
    from rnnbench._claims import decide
    from rnnbench._claims.claim import changed, recorded
    from rnnbench._claims.claim import record as write_down
    from rnnbench._cli.terminal.claims import chosen, say_claims, say_verdicts
    from rnnbench._cli.terminal.sweep_progress import make
    from rnnbench._study import Study

    claims = chosen(claim, quick)
    if list_claims and (check or record):
        raise UserError("--list decides nothing: leave out --check and --record, or --list")
    if list_claims:
        say_claims(claims, quick)
        return
    folder = study or (QUICK if quick else REFERENCE)
    home = Study.open(folder) if check else Study.create(folder)
    if not check:
        make([run for verdict in decide(home, claims, quick) for run in verdict.missing], home, jobs, quiet)
    before, verdicts = recorded(home), decide(home, claims, quick)
    say_verdicts(verdicts, before, quick)
    if record:
        typer.echo(f"  {write_down(home, verdicts)}")
        return
    undecided = [verdict for verdict in verdicts if verdict.ruling is None and verdict.claim.name not in before]
    if undecided or changed(verdicts, before):
        raise typer.Exit(3)
