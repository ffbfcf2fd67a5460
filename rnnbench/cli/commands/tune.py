"""``rnnbench tune``: the same search for a recipe for every cell, on pilot seeds."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.flags import DryRun, Jobs, Out, Quiet, RetryFailed, SweepFile, sweep_values, with_flags
from rnnbench.config import SweepRequest

Into = Annotated[
    Path | None, typer.Option("--table", help="Table that takes the choices. Default: tuning.csv in the study folder.")
]


@app.command(epilog="Example: rnnbench tune --cell rnn,lstm,gru,./mine.py --task copy,adding --gap 50 --schedule linear")
@with_flags(SweepRequest)
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
    from rnnbench import api
    from rnnbench.cli.terminal.explained import recipe_lines
    from rnnbench.cli.terminal.sweep_screen import cost_lines, watched
    from rnnbench.cli.terminal.words import say
    from rnnbench.study import Study
    from rnnbench.sweep.agenda import Agenda
    from rnnbench.sweep.files import read_sweep, save_sweep
    from rnnbench.sweep.tuned import write
    from rnnbench.tune import choose, pilots, with_defaults

    asked = with_defaults(read_sweep(file, sweep_values(flags)))
    runs = pilots(asked)
    study = Study(out) if dry_run else Study.create(out)
    agenda = Agenda(study, runs, retry_failed=retry_failed)
    if dry_run:
        for line in cost_lines(agenda, jobs or api.at_once(asked.device, asked.threads), runs):
            say(line)
        return
    save_sweep(asked, study)
    watched(api.make_workers(agenda, asked, jobs, None), quiet)
    rows, into = choose(runs, study, shlex.join(["rnnbench", *sys.argv[1:]])), table or out / "tuning.csv"
    if rows:
        write(into, rows)
        typer.echo(f"{recipe_lines(rows)}\n  {into}")
    if not agenda.whole:
        raise typer.Exit(3)
