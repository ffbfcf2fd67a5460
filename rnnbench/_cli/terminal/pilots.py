"""Tuning as a person sees it: pilot runs, and what they chose."""

from __future__ import annotations

import shlex
import sys

import typer

from rnnbench._cli.terminal.analysis_text import recipe_lines
from rnnbench._cli.terminal.formatting import say
from rnnbench._cli.terminal.sweep_progress import cost_lines, watched
from rnnbench._config import SweepRequest
from rnnbench._study import Study
from rnnbench._sweep.launch import build_queue, default_jobs, start_workers
from rnnbench._sweep.tuning import Pilots, needed


def say_cost(pilots: Pilots, jobs: int | None) -> None:
    """What ``--dry-run`` says of them."""
    asked = pilots.asked
    for line in cost_lines(
        build_queue(asked, Study(pilots.folder)), jobs or default_jobs(asked.device, asked.threads), pilots.runs
    ):
        say(line)


def tune_now(pilots: Pilots, jobs: int | None, dask: str | None, retry_failed: bool, quiet: bool) -> bool:
    """Do the pilot runs and write down what they chose; whether none of them failed."""
    workers = start_workers(pilots.asked, Study.create(pilots.folder), jobs, dask, retry_failed)
    watched(workers, quiet)
    if rows := pilots.record(shlex.join(["rnnbench", *sys.argv[1:]])):
        typer.echo(f"{recipe_lines(rows)}\n  {pilots.table}")
    return workers.run_queue.all_succeeded


def tuned(sweep: SweepRequest, jobs: int | None, dask: str | None, retry_failed: bool, quiet: bool, dry_run: bool) -> bool:
    """Tune first what the table of a sweep lacks; false where a dry run ends, since what follows depends on what is chosen."""
    first = needed(sweep)
    if first and dry_run:
        say(f"first {len(first.runs)} pilot runs, in {first.folder}; what comes after them is known then")
        say_cost(first, jobs)
        return False
    if first:
        tune_now(first, jobs, dask, retry_failed, quiet)
    return True
