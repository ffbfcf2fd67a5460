"""``rnnbench tune``: the same search of recipes for every cell, on pilot seeds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._config import NO_PILOTS, PILOTS, SweepRequest

TableFlag = Annotated[
    Path | None, typer.Option("--table", help="Table for the chosen recipes. Default: tuning.csv in the study folder.")
]


@app.command(epilog="Example: rnnbench tune --cell rnn,lstm,gru,./mine.py --task copy,adding --gap 50 --schedule linear")
@flags.with_flags(SweepRequest, without=NO_PILOTS, defaults=PILOTS)
def tune(
    file: flags.SweepFileArgument = None,
    out: flags.OutFlag = Path("results/tuning"),
    table: TableFlag = None,
    jobs: flags.JobsFlag = None,
    dry_run: flags.DryRunFlag = False,
    retry_failed: flags.RetryFailedFlag = False,
    quiet: flags.QuietFlag = False,
    **given: object,
) -> None:
    """Choose one learning rate for every cell and task on pilot seeds, from the same grid and by the same rule.

    Defaults: learning rates 0.02, 0.005 and 0.001, seeds 1000, 1001 and 1002, and each task's gaps. A list for --hidden-size is
    searched too; a list for --init gives a rate for each. The rule: the highest mean skill over gaps and seeds. Rates within one
    standard error of the best, or within 0.02, tie, and the middle one is taken. `none learned` marks a choice at chance. Give at
    least two gaps and three seeds. `rnnbench sweep --tuned TABLE` trains the chosen recipes on other seeds.
    """
    from rnnbench._cli.terminal.tuning import print_pilot_cost, run_pilots
    from rnnbench._sweep.sweep_file import read_sweep
    from rnnbench._sweep.tuning import Pilots, pilots, with_defaults

    request = with_defaults(read_sweep(file, flags.sweep_values(given)))
    candidates = Pilots(request, pilots(request), out, table or out / "tuning.csv")
    if dry_run:
        print_pilot_cost(candidates, jobs)
    elif not run_pilots(candidates, jobs, None, retry_failed, quiet):
        raise typer.Exit(3)
