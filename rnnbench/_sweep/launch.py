"""From a sweep as it was asked for to the workers that do it."""

from __future__ import annotations

import os

from rnnbench._config import Run, SweepRequest
from rnnbench._study import Study
from rnnbench._sweep.grid import SpanSearch, grid
from rnnbench._sweep.local import Local
from rnnbench._sweep.run_queue import RunQueue, no_more
from rnnbench._sweep.sweep_file import save_sweep
from rnnbench._sweep.workers import Workers


def begin(
    asked: SweepRequest, study: Study, jobs: int | None, dask: str | None, retry_failed: bool = False, fail_fast: bool = False
) -> Workers:
    """Who does a sweep, which the study notes down: processes of this machine, or a Dask cluster."""
    run_queue = plan(asked, study, retry_failed)
    save_sweep(asked, study)
    if dask is not None:
        from rnnbench._sweep.dask import Dask

        return Dask(run_queue, dask, fail_fast)
    return Local(run_queue, jobs or at_once(asked.device, asked.threads), fail_fast)


def plan(asked: SweepRequest, study: Study, retry_failed: bool = False) -> RunQueue:
    """What a sweep has to do in a study."""
    broken: dict[str, str] = {}
    runs = grid(asked, broken)
    search = SpanSearch(runs) if asked.search_span else None
    return RunQueue(study, search.first() if search else runs, search.after if search else no_more, retry_failed, broken)


def requested(study: Study, asked: SweepRequest, broken: dict[str, str]) -> list[Run]:
    """The runs of a sweep, of a search for the span those that it has asked for so far; ``broken`` as in :func:`grid`."""
    runs = grid(asked, broken)
    if asked.search_span:
        known = plan(asked, study).known
        runs = [run for run in runs if run.run_id in known]
    return runs


def at_once(device: str = "cpu", threads: int = 1) -> int:
    """Runs at once on this machine: one per core, or one on a GPU however many cores there are."""
    if device != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // threads)
