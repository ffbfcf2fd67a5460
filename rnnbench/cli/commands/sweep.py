"""``rnnbench sweep``: many runs in one study, with workers that may crash and a driver that may be killed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from rnnbench.cli import app
from rnnbench.cli.commands.run import stop_between_steps
from rnnbench.cli.terminal.options import Out, Quiet
from rnnbench.cli.terminal.sweep_flags import SweepFile, sweep_flags, sweep_values
from rnnbench.config import MOST_AT_ONCE

Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, max=MOST_AT_ONCE, help="Runs at once on this machine. Default: one per core.")
]
DaskFlag = Annotated[str | None, typer.Option("--dask", metavar="ADDRESS", help="Dask scheduler, or its file, to send runs to.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the number of runs and an estimate of the time; run nothing.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try runs again that failed before.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop all runs at the first failure.")]
Search = Annotated[bool, typer.Option("--search-span", help="Bisect the gaps for the largest one solved, not the whole grid.")]


@app.command(epilog="Example: rnnbench sweep --cell rnn,lstm --task copy --gap 10,20,50 --seed 0,1,2,3,4 --out results/mine")
@sweep_flags
def sweep(
    file: SweepFile = None,
    out: Out = Path("results"),
    jobs: Jobs = None,
    dask: DaskFlag = None,
    dry_run: DryRun = False,
    retry_failed: RetryFailed = False,
    fail_fast: FailFast = False,
    search_span: Search = False,
    quiet: Quiet = False,
    **flags: Any,
) -> None:
    """Train every combination of cells, tasks, gaps, seeds, widths, learning rates and initialisations.

    Runs that the study has are skipped, interrupted ones resume where they stopped. A run that fails is recorded with its cause and
    does not affect the others; the exit code is then 3.
    """
    from rnnbench.cli.terminal.sweep_screen import SweepScreen
    from rnnbench.study import Study
    from rnnbench.sweep.agenda import Agenda, no_more
    from rnnbench.sweep.files import read_sweep, save_sweep
    from rnnbench.sweep.grid import SpanSearch, grid
    from rnnbench.sweep.workers import Workers

    asked = read_sweep(file, sweep_values(flags))
    runs = grid(asked)
    search = SpanSearch(runs) if search_span else None
    study = Study.open(out) if dry_run and out.is_dir() else Study(out) if dry_run else Study.create(out)
    agenda = Agenda(study, search.first() if search else runs, search.after if search else no_more, retry_failed)
    if jobs is None:  # on a GPU one run at a time, however many cores there are
        jobs = max(1, cores() // asked.threads) if asked.device == "cpu" else 1
    if dry_run:
        from rnnbench.cli.terminal.sweep_screen import cost_lines

        typer.echo(cost_lines(agenda, jobs, runs, search))
        return
    save_sweep(asked, study)
    if dask is not None:
        from rnnbench.sweep.dask import Dask

        workers: Workers = Dask(agenda, dask, fail_fast)
    else:
        from rnnbench.sweep.local import Local

        workers = Local(agenda, jobs, fail_fast)
    with stop_between_steps(workers) as stopped_by, SweepScreen(agenda, quiet) as screen:
        for event in workers.events():
            screen.show(event)
    typer.echo(screen.summary(bool(stopped_by)))
    if stopped_by:
        raise typer.Exit(128 + stopped_by[0])
    if agenda.failed or agenda.failed_before:
        raise typer.Exit(3)


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
