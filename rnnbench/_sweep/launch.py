"""The workers of a sweep request."""

from __future__ import annotations

import os

from rnnbench._config import MOST_AT_ONCE, Run, SweepRequest
from rnnbench._errors import FieldError, shorten_repr
from rnnbench._spec.resolve import rebuild
from rnnbench._study import StudyFolder
from rnnbench._sweep.grid import SpanSearch, grid
from rnnbench._sweep.local import Local
from rnnbench._sweep.run_queue import RunQueue, no_further_runs
from rnnbench._sweep.sweep_file import save_sweep
from rnnbench._sweep.workers import Workers


def start_workers(
    request: SweepRequest,
    study: StudyFolder,
    jobs: int | None,
    dask: str | None,
    retry_failed: bool = False,
    fail_fast: bool = False,
) -> Workers:
    """Save a sweep in its study, and start its workers: processes on this machine, or a Dask cluster.

    Raises UserError if ``jobs`` is neither None nor a number of processes.
    """
    if jobs is not None and not (type(jobs) is int and 1 <= jobs <= MOST_AT_ONCE):
        limits, given = f"from 1 to {MOST_AT_ONCE:,}", shorten_repr(jobs)
        raise FieldError("{jobs} must be a whole number {limits}, not {given}", limits=limits, given=given)
    run_queue = build_queue(request, study, retry_failed)
    save_sweep(request, study)
    if dask is not None:
        from rnnbench._sweep.dask import Dask

        return Dask(run_queue, dask, fail_fast)
    return Local(run_queue, jobs or default_jobs(request.device, request.threads), fail_fast)


def build_queue(request: SweepRequest, study: StudyFolder, retry_failed: bool = False) -> RunQueue:
    """Return the queue of the runs that a sweep still needs in a study."""
    load_errors: dict[str, str] = {}
    runs = grid(request, load_errors)
    if any(run.engine not in ("auto", "torch") for run in runs):
        from rnnbench._training.model import check_engines

        check_engines(rebuild(run) for run in runs)
    search = SpanSearch(runs) if request.search_span else None
    first, after = (search.first(), search.after) if search else (runs, no_further_runs)
    return RunQueue(study, first, after, retry_failed, load_errors)


def requested_runs(study: StudyFolder, request: SweepRequest, load_errors: dict[str, str]) -> list[Run]:
    """Return the runs of a sweep; for a search for the span those requested so far. ``load_errors`` as in :func:`grid`."""
    runs = grid(request, load_errors)
    if request.search_span:
        run_ids = build_queue(request, study).run_ids
        runs = [run for run in runs if run.run_id in run_ids]
    return runs


def default_jobs(device: str = "cpu", threads: int = 1) -> int:
    """Return how many runs this machine trains at once: one per core, or one on a GPU."""
    if device != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // threads)
