"""``rnnbench atlas``: a cell's row among the baselines of a versioned protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags

CellsFlag = Annotated[str, typer.Option("--cell", metavar="CELLS", help="Cells, by name, path or package.module:Class.")]
QuickFlag = Annotated[bool, typer.Option("--quick", help="Only recall and copy at gaps 10 and 50, three seeds.")]


@app.command(epilog="Example: rnnbench atlas --cell ./mine.py --quick")
def atlas(
    cell: CellsFlag,
    quick: QuickFlag = False,
    out: flags.OutFlag = Path("atlas"),
    jobs: flags.JobsFlag = None,
    dask: flags.DaskFlag = None,
    dry_run: flags.DryRunFlag = False,
    retry_failed: flags.RetryFailedFlag = False,
    quiet: flags.QuietFlag = False,
    format: flags.FormatFlag = flags.Format.rich,
) -> None:
    """Enter a cell into the atlas: tune it, train it and print its row among the baselines.

    The protocol, atlas-2, fixes tasks, gaps, seeds, the number of parameters, the budget and the tuning. Interrupted runs resume.
    `docs/atlas.md` explains the protocol, how to cite it, and how to send in a row.
    """
    from rnnbench._cli.terminal.atlas import print_ranking
    from rnnbench._cli.terminal.sweep_progress import print_cost, run_workers
    from rnnbench._cli.terminal.tuning import tune_missing
    from rnnbench._study import StudyFolder
    from rnnbench._sweep.atlas import atlas_request
    from rnnbench._sweep.grid import grid
    from rnnbench._sweep.launch import build_queue, start_workers

    request = atlas_request(flags.name_list("--cell", cell), StudyFolder(out), quick)
    if not tune_missing(request, jobs, dask, retry_failed, quiet, dry_run):
        return
    runs = grid(request, {})
    if dry_run:
        print_cost(build_queue(request, StudyFolder(out), retry_failed), request, jobs, runs)
        return
    study = StudyFolder.create(out)
    workers = start_workers(request, study, jobs, dask, retry_failed)
    run_workers(workers, quiet)
    print_ranking(study, runs, quick, format)
    if not workers.run_queue.all_succeeded:
        raise typer.Exit(3)
