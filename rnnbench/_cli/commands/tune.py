"""``rnnbench tune``: the same search for a recipe for every cell, on pilot seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import DryRun, Jobs, Out, Quiet, RetryFailed, SweepFile, sweep_values, with_flags
from rnnbench._config import NO_PILOTS, PILOTS, SweepRequest

Into = Annotated[
    Path | None, typer.Option("--table", help="Table that takes the choices. Default: tuning.csv in the study folder.")
]


@app.command(epilog="Example: rnnbench tune --cell rnn,lstm,gru,./mine.py --task copy,adding --gap 50 --schedule linear")
@with_flags(SweepRequest, without=NO_PILOTS, defaults=PILOTS)
def tune(
    file: SweepFile = None,
    out: Out = Path("results/tuning"),
    table: Into = None,
    jobs: Jobs = None,
    dry_run: DryRun = False,
    retry_failed: RetryFailed = False,
    quiet: Quiet = False,
    **flags: object,
) -> None:
    """Choose a recipe for every cell and task: the same grid for each, on pilot seeds, by one rule.

    Unless flags say otherwise: learning rates 0.02, 0.005 and 0.001, seeds 1000, 1001 and 1002. Lists for --hidden-size and --init
    are searched too. The rule: largest share of seeds solved, then the higher median accuracy, fewer steps, the smaller rate.
    `rnnbench sweep --tuned TABLE` runs the chosen recipes on other seeds.
    """
    from rnnbench._cli.terminal.pilots import say_cost, tune_now
    from rnnbench._sweep.sweep_file import read_sweep
    from rnnbench._sweep.tuning import Pilots, pilots, with_defaults

    asked = with_defaults(read_sweep(file, sweep_values(flags)))
    wanted = Pilots(asked, pilots(asked), out, table or out / "tuning.csv")
    if dry_run:
        say_cost(wanted, jobs)
    elif not tune_now(wanted, jobs, None, retry_failed, quiet):
        raise typer.Exit(3)
