"""``rnnbench verify``: claims of the literature and our findings, checked against runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import echo
from rnnbench._errors import UserError

REFERENCE, QUICK = Path("results/reference"), Path("results/quick")
"""Default study folders: the committed runs, and those of --quick."""
StudyArgument = Annotated[
    Path | None,
    typer.Argument(
        metavar="STUDY",
        help=f"Study folder with the runs; missing ones are added. Default: {REFERENCE}, with --quick {QUICK}.",
        show_default=False,
    ),
]
ClaimFlag = Annotated[
    str | None, typer.Option("--claim", metavar="NAMES", help="Only these claims and findings, separated by commas.")
]
QuickFlag = Annotated[bool, typer.Option("--quick", help="Use a reduced set of runs: under ten minutes on two cores.")]
CheckFlag = Annotated[bool, typer.Option("--check", help="Train nothing: only use the study's runs.")]
RecordFlag = Annotated[bool, typer.Option("--record", help="Write the verdicts to verdicts.csv in the study.")]
DetailsFlag = Annotated[bool, typer.Option("--details", help="Print the runs and numbers behind each verdict.")]
ListFlag = Annotated[bool, typer.Option("--list", help="List the claims and findings with sources and runs; check nothing.")]


@app.command(epilog="Example: rnnbench verify results/reference --check")
def verify(
    study: StudyArgument = None,
    claim: ClaimFlag = None,
    quick: QuickFlag = False,
    check: CheckFlag = False,
    record: RecordFlag = False,
    details: DetailsFlag = False,
    list_claims: ListFlag = False,
    jobs: flags.JobsFlag = None,
    quiet: flags.QuietFlag = False,
) -> None:
    """Check claims of the literature and our findings against runs, and print the verdicts.

    Missing runs are trained first, unless --check is given. A claim holds, holds partly, or does not hold under our recipe. A
    finding, which this project predicted, holds, holds partly, or is refuted. Both are undecided if runs are missing. The exit
    code is 3 if a verdict differs from the study's verdicts.csv, or if a claim is undecided but not recorded as undecided.
    """
    from rnnbench._claims import decide
    from rnnbench._claims.claim import changed_verdicts, record_verdicts, recorded_decisions
    from rnnbench._cli.terminal.claims import print_claims, print_verdicts, select_claims
    from rnnbench._cli.terminal.sweep_progress import train_missing
    from rnnbench._study import StudyFolder

    claims = select_claims(claim, quick)
    if list_claims and (check or record):
        raise UserError("--list does not check claims: leave out --check and --record, or --list")
    if list_claims:
        print_claims(claims, quick)
        return
    folder = study or (QUICK if quick else REFERENCE)
    if study is not None and not (check or study.is_dir()):
        advice = "check the path; to train the runs of a new study, which can take days, create its folder first"
        raise UserError(f"no study in {study}: {advice}")
    home = StudyFolder.open(folder) if check else StudyFolder.create(folder)
    if not check:
        train_missing([run for verdict in decide(home, claims, quick) for run in verdict.missing], home, jobs, quiet)
    before, verdicts = recorded_decisions(home), decide(home, claims, quick)
    print_verdicts(verdicts, before, details)
    if record:
        echo(f"  {record_verdicts(home, verdicts)}")
        return
    undecided = [verdict for verdict in verdicts if verdict.ruling is None and verdict.claim.name not in before]
    if undecided or changed_verdicts(verdicts, before):
        raise typer.Exit(3)
