"""The workers of a sweep request."""

from __future__ import annotations

import os

from rnnbench._config import Run, SweepRequest
from rnnbench._spec.rates import rate_lines
from rnnbench._spec.resolve import Resolved
from rnnbench._study import StudyFolder
from rnnbench._sweep.grid import SpanSearch, grid, resolved_grid
from rnnbench._sweep.local import Local
from rnnbench._sweep.run_queue import RunQueue, no_further_runs
from rnnbench._sweep.sweep_file import StoredRuns, save_sweep
from rnnbench._sweep.workers import Workers


def start_workers(
    request: SweepRequest,
    study: StudyFolder,
    jobs: int | None,
    dask: str | None,
    retry_failed: bool = False,
    fail_fast: bool = False,
) -> Workers:
    """Start the workers of a sweep, processes on this machine or a Dask cluster, and save the sweep in its study."""
    resolved, load_errors = _resolved(request)
    run_queue = _queue(request, resolved, load_errors, study, retry_failed)
    if dask is None:
        workers: Workers = Local(run_queue, jobs or default_jobs(request.device, request.threads), fail_fast)
    else:
        from rnnbench._sweep.dask import Dask

        workers = Dask(run_queue, dask, fail_fast)
    try:
        save_sweep(request, stored_runs(request, [one.run for one in resolved], load_errors), study)
    except BaseException:
        workers.close()
        raise
    return workers


def build_queue(request: SweepRequest, study: StudyFolder, retry_failed: bool = False) -> RunQueue:
    """Return the queue of the runs that a sweep still needs in a study."""
    return _queue(request, *_resolved(request), study, retry_failed)


def _resolved(request: SweepRequest) -> tuple[list[Resolved], dict[str, str]]:
    """Return the runs of a sweep, and the cells and tasks that cannot be loaded; raise UserError for an engine that is missing."""
    load_errors: dict[str, str] = {}
    resolved = resolved_grid(request, load_errors)
    if any(one.run.engine not in ("auto", "torch") for one in resolved):
        from rnnbench._training.model import check_engines

        check_engines(resolved)
    return resolved, load_errors


def _queue(
    request: SweepRequest, resolved: list[Resolved], load_errors: dict[str, str], study: StudyFolder, retry_failed: bool
) -> RunQueue:
    runs = [one.run for one in resolved]
    search = SpanSearch(runs) if request.search_span else None
    first, after = (search.first(), search.after) if search else (runs, no_further_runs)
    return RunQueue(study, first, after, retry_failed, load_errors, rate_lines(one.rate for one in resolved))


def stored_runs(request: SweepRequest, runs: list[Run], load_errors: dict[str, str]) -> StoredRuns:
    """Return the runs of a sweep as its study stores them."""
    if not request.search_span:
        return StoredRuns(run_ids=[run.run_id for run in runs], skipped=load_errors)
    curves = SpanSearch(runs).curves.values()
    names = [{gap: [run.run_id for run in at_gap] for gap, at_gap in curve.runs.items()} for curve in curves]
    return StoredRuns(curves=names, skipped=load_errors)


def requested_runs(request: SweepRequest) -> StoredRuns:
    """Return the runs of a sweep that the user names now."""
    load_errors: dict[str, str] = {}
    return stored_runs(request, grid(request, load_errors), load_errors)


def default_jobs(device: str = "cpu", threads: int = 1) -> int:
    """Return how many runs this machine trains at once: one per core, or one on a GPU."""
    if device != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // threads)
