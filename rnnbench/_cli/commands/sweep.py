"""``rnnbench sweep``: many runs in one study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._config import SweepRequest

FailFastFlag = Annotated[bool, typer.Option("--fail-fast", help="Stop all runs at the first failure.")]


@app.command(epilog="Example: rnnbench sweep --cell rnn,lstm --task copy --gap 10,20,50 --seed 0,1,2,3,4 --out results/mine")
@flags.with_flags(SweepRequest)
def sweep(
    file: flags.SweepFileArgument = None,
    out: flags.OutFlag = Path("results"),
    jobs: flags.JobsFlag = None,
    dask: flags.DaskFlag = None,
    dry_run: flags.DryRunFlag = False,
    retry_failed: flags.RetryFailedFlag = False,
    fail_fast: FailFastFlag = False,
    quiet: flags.QuietFlag = False,
    **given: object,
) -> None:
    """Train every combination of cells, tasks, gaps, seeds, widths, learning rates and initialisations.

    Finished runs of the study are skipped, and interrupted runs resume. A failed run is recorded with its reason and does not
    affect the others; the exit code is then 3. With --tune and --tuned, cells and tasks without a recipe are tuned first.
    """
    from rnnbench._cli.terminal.sweep_progress import print_cost, print_sweep_results, run_workers
    from rnnbench._cli.terminal.tuning import tune_missing
    from rnnbench._study import StudyFolder
    from rnnbench._sweep.grid import grid
    from rnnbench._sweep.launch import build_queue, start_workers
    from rnnbench._sweep.sweep_file import read_sweep

    request = read_sweep(file, flags.sweep_values(given))
    if not tune_missing(request, jobs, dask, retry_failed, quiet, dry_run):
        return
    if dry_run:
        print_cost(build_queue(request, StudyFolder(out), retry_failed), request, jobs, grid(request, {}))
        return
    workers = start_workers(request, StudyFolder.create(out), jobs, dask, retry_failed, fail_fast)
    run_workers(workers, quiet)
    print_sweep_results(workers.run_queue)
    if not workers.run_queue.all_succeeded:
        raise typer.Exit(3)
