"""``rnnbench tune``: the same search for a recipe for every cell, on pilot seeds."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnbench.cli import app
from rnnbench.cli.commands.run import stop_between_steps
from rnnbench.cli.commands.sweep import DryRun, Jobs, RetryFailed, cores
from rnnbench.cli.terminal.options import Quiet
from rnnbench.cli.terminal.sweep_flags import SweepFile, sweep_flags, sweep_values

Out = Annotated[Path, typer.Option("--out", help="Study folder of the pilot runs.")]
Into = Annotated[
    Path | None, typer.Option("--table", help="Table that takes the choices. Default: tuning.csv in the study folder.")
]


@app.command(epilog="Example: rnnbench tune --cell rnn,lstm,gru,./mine.py --task copy,adding --gap 50 --schedule linear")
@sweep_flags
def tune(
    file: SweepFile = None,
    out: Out = Path("results/tuning"),
    table: Into = None,
    jobs: Jobs = None,
    dry_run: DryRun = False,
    retry_failed: RetryFailed = False,
    quiet: Quiet = False,
    **flags: Any,
) -> None:
    """Choose a recipe for every cell and task: the same grid for each, on pilot seeds, by one rule.

    Unless flags say otherwise: learning rates 0.02, 0.005 and 0.001, seeds 1000, 1001 and 1002. Lists for --hidden-size and --init
    are searched too. The rule: most seeds solved, then the higher median accuracy, fewer steps, the smaller rate. `rnnbench sweep
    --tuned TABLE` runs the chosen recipes on other seeds.
    """
    from rnnbench.cli.terminal.sweep_screen import SweepScreen, cost_lines
    from rnnbench.study import Study
    from rnnbench.sweep.agenda import Agenda
    from rnnbench.sweep.files import read_sweep, save_sweep
    from rnnbench.sweep.local import Local
    from rnnbench.sweep.tuned import write
    from rnnbench.tune import DEFAULTS, choose, pilots

    given = sweep_values(flags)
    asked = read_sweep(file, given)
    asked = asked.model_copy(update={name: value for name, value in DEFAULTS.items() if name not in asked.model_fields_set})
    runs = pilots(asked)
    study = Study(out) if dry_run else Study.create(out)
    agenda = Agenda(study, runs, retry_failed=retry_failed)
    jobs = jobs or (max(1, cores() // asked.threads) if asked.device == "cpu" else 1)
    if dry_run:
        typer.echo(cost_lines(agenda, jobs, runs, None))
        return
    save_sweep(asked, study.folder / "sweep.json")
    workers = Local(agenda, jobs)
    with stop_between_steps(workers) as stopped_by, SweepScreen(agenda, quiet) as screen:
        for event in workers.events():
            screen.show(event)
    typer.echo(screen.summary(bool(stopped_by)))
    rows, into = choose(runs, study, shlex.join(["rnnbench", *sys.argv[1:]])), table or out / "tuning.csv"
    if rows:
        write(into, rows)
        for row in rows:
            recipe = f"lr {row.lr:g}, {row.hidden_size} units, {row.init}"
            typer.echo(f"{row.cell} {row.task} gap {row.gap}: {recipe} of {row.candidates} ({100 * row.accuracy:.1f} %)")
        typer.echo(f"  {into}")
    if stopped_by:
        raise typer.Exit(128 + stopped_by[0])
    if agenda.failed or agenda.failed_before:
        raise typer.Exit(3)
