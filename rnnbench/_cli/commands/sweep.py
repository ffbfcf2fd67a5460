"""``rnnbench sweep``: many runs in one study, with workers that may crash and a driver that may be killed."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import DryRun, Jobs, Out, Quiet, RetryFailed, SweepFile, sweep_values, with_flags
from rnnbench._config import SweepRequest

DaskFlag = Annotated[str | None, typer.Option("--dask", metavar="ADDRESS", help="Dask scheduler, or its file, to send runs to.")]
FailFast = Annotated[bool, typer.Option("--fail-fast", help="Stop all runs at the first failure.")]


@app.command(epilog="Example: rnnbench sweep --cell rnn,lstm --task copy --gap 10,20,50 --seed 0,1,2,3,4 --out results/mine")
@with_flags(SweepRequest)
def sweep(
    file: SweepFile = None,
    out: Out = Path("results"),
    jobs: Jobs = None,
    dask: DaskFlag = None,
    dry_run: DryRun = False,
    retry_failed: RetryFailed = False,
    fail_fast: FailFast = False,
    quiet: Quiet = False,
    **flags: object,
) -> None:
    """Train every combination of cells, tasks, gaps, seeds, widths, learning rates and initialisations.

    Runs that the study has are skipped, interrupted ones resume where they stopped. A run that fails is recorded with its cause and
    does not affect the others; the exit code is then 3. With --tune and --tuned, cells and tasks without a recipe are tuned first.
    """
    from rnnbench._cli.terminal.formatting import say
    from rnnbench._cli.terminal.pilots import tuned
    from rnnbench._cli.terminal.sweep_progress import cost_lines, watched
    from rnnbench._study import Study
    from rnnbench._sweep.grid import grid
    from rnnbench._sweep.launch import build_queue, default_jobs, start_workers
    from rnnbench._sweep.sweep_file import read_sweep

    asked = read_sweep(file, sweep_values(flags))
    if not tuned(asked, jobs, dask, retry_failed, quiet, dry_run):
        return
    study = Study(out) if dry_run else Study.create(out)
    if dry_run:
        processes = jobs or default_jobs(asked.device, asked.threads)
        for line in cost_lines(build_queue(asked, study, retry_failed), processes, grid(asked, {}), asked.search_span):
            say(line)
        return
    workers = start_workers(asked, study, jobs, dask, retry_failed, fail_fast)
    watched(workers, quiet)
    if not workers.run_queue.all_succeeded:
        raise typer.Exit(3)
