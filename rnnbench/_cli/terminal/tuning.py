"""Tuning in the terminal: pilot runs, and the recipes that they choose."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence

from rnnbench._cli.terminal.formatting import echo, print_wrapped
from rnnbench._cli.terminal.sweep_progress import print_cost, run_workers
from rnnbench._config import SweepRequest
from rnnbench._study import StudyFolder, Tuned
from rnnbench._sweep.launch import build_queue, start_workers
from rnnbench._sweep.tuning import Pilots, needed


def print_pilot_cost(pilots: Pilots, jobs: int | None) -> None:
    """Print the number of pilot runs and their estimated time."""
    print_cost(build_queue(pilots.request, StudyFolder(pilots.folder)), pilots.request, jobs, pilots.runs)


def run_pilots(pilots: Pilots, jobs: int | None, dask: str | None, retry_failed: bool, quiet: bool) -> bool:
    """Train the pilot runs and write the chosen recipes; return True if all runs succeeded."""
    pilots.check_table()
    workers = start_workers(pilots.request, StudyFolder.create(pilots.folder), jobs, dask, retry_failed)
    run_workers(workers, quiet)
    for caution in pilots.cautions():
        print_wrapped(caution, err=True)
    if rows := pilots.record(shlex.join(["rnnbench", *sys.argv[1:]])):
        echo(f"{recipe_lines(rows)}\n  {pilots.table}")
    return workers.run_queue.all_succeeded


def tune_missing(sweep: SweepRequest, jobs: int | None, dask: str | None, retry_failed: bool, quiet: bool, dry_run: bool) -> bool:
    """Tune the cells and tasks that the sweep's table lacks; return False if a dry run must end here.

    The runs of the sweep depend on the recipes that are chosen.
    """
    pilots = needed(sweep)
    if pilots and dry_run:
        print_wrapped(f"first {len(pilots.runs)} pilot runs, in {pilots.folder}; the runs of the sweep depend on their result")
        print_pilot_cost(pilots, jobs)
        return False
    if pilots:
        run_pilots(pilots, jobs, dask, retry_failed, quiet)
    return True


def recipe_lines(rows: Sequence[Tuned]) -> str:
    """Return the chosen recipes, one line per cell, task and initialisation."""
    return "\n".join(
        f"{row.cell} ({row.init}) on {row.task}, {row.axis}s {row.gap}: lr {row.lr:g}, {row.hidden_size} units, "
        f"of {row.candidates} (mean skill {row.skill or 0:.2f}){': none learned' * (row.learned == 'none learned')}"
        for row in rows
    )
