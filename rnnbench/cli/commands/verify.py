"""``rnnbench verify``: the field's claims, checked against runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.flags import Jobs, Quiet

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
    from rnnbench.cli.terminal.claims import chosen, say_claims, say_verdicts
    from rnnbench.cli.terminal.sweep_screen import make
    from rnnbench.study import Study

    claims = chosen(name, quick)
    if list_claims:
        say_claims(claims, quick)
        return
    folder = out or (QUICK if quick else REFERENCE)
    study = Study.open(folder) if check else Study.create(folder)
    if not check:
        make([run for verdict in verifier.verify(study, claims, quick) for run in verdict.missing], study, jobs, quiet)
    verdicts = verifier.verify(study, claims, quick)
    say_verdicts(verdicts)
    if not all(verdict.ruling and verdict.ruling.holds for verdict in verdicts):
        raise typer.Exit(3)
