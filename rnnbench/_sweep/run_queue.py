"""The queue of a sweep's runs and the events of a sweep, shared by local workers and Dask."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import mean

from rnnbench._config import Run
from rnnbench._errors import printable
from rnnbench._study import Failure, Row, RunRecord, StudyFolder

BUSY_TIMEOUT_S = 6.0
"""Seconds to wait for a run that another process holds, such as a worker of a sweep that was just killed."""
BUSY_RETRY_S = 0.3
"""Seconds between two attempts to take such a run."""


@dataclass(frozen=True)
class Started:
    """Event: a worker took a run."""

    run: Run


@dataclass(frozen=True)
class Evaluated:
    """Event: a run was evaluated."""

    run: Run
    row: Row


@dataclass(frozen=True)
class Finished:
    """Event: a run has ended and its row is in ``runs.csv``."""

    run: Run
    record: RunRecord


@dataclass(frozen=True)
class Failed:
    """Event: a run ended without a result."""

    run: Run
    reason: str


@dataclass(frozen=True)
class HeldElsewhere:
    """Event: another process holds this run, and this sweep no longer waits for it."""

    run: Run


@dataclass(frozen=True)
class Tick:
    """Event: nothing happened for a moment."""


@dataclass(frozen=True)
class Message:
    """Event: a line for the user about the workers or a plug-in."""

    text: str


Event = Started | Evaluated | Finished | Failed | HeldElsewhere | Message | Tick


def cost_units(run: Run, steps: int | None = None) -> int:
    """Return the cost of a run's first ``steps`` (None: all) in time steps; a training step costs about ten more than its gap."""
    return int((run.max_steps if steps is None else steps) * (mean(run.trained_gaps) + 10))


def no_further_runs(run: Run, solved: bool) -> list[Run]:
    """Return no runs: a plain grid adds none when a run ends."""
    return []


class RunQueue:
    """The runs of a sweep. The end of a run is written to the study before its event is returned.

    ``after`` returns the runs to add when a run ends, as :meth:`SpanSearch.after`. Runs that failed in an earlier sweep are skipped
    unless ``retry_failed``. ``load_errors`` are the cells and tasks whose file cannot be loaded, with the reason.
    ``rate_lines`` are the default learning rates and their origin, as text.

    The counts below are kept up to date, so that the work per finished run does not grow with the number of runs left.
    """

    def __init__(
        self,
        study: StudyFolder,
        first: Iterable[Run],
        after: Callable[[Run, bool], list[Run]] = no_further_runs,
        retry_failed: bool = False,
        load_errors: Mapping[str, str] | None = None,
        rate_lines: Sequence[str] = (),
    ) -> None:
        self.study = study
        self.rate_lines = rate_lines
        self.load_errors = load_errors or {}
        self.after = after
        self.queue: deque[Run] = deque()
        self.run_ids: set[str] = set()  # of all runs so far
        self.pending_cost = 0  # of the runs that have not started
        self.results: Counter[str] = Counter()  # of the finished runs, by status
        self.postponed: deque[tuple[float, Run]] = deque()  # runs that another process holds, with the time of the next attempt
        self.busy_since: dict[str, float] = {}
        self.skipped = set() if retry_failed else {row.run_id for row in study.failed_runs()}
        self.failed_before = self.failed = self.held_elsewhere = self.running = 0
        self._add(first)

    @property
    def done(self) -> int:
        """Number of runs that finished, now or earlier."""
        return self.results.total()

    @property
    def total(self) -> int:
        """Number of runs known so far. A search for the span adds runs."""
        return self.ended + self.running + len(self.queue) + len(self.postponed)

    @property
    def ended(self) -> int:
        """Number of runs that this sweep will not start again."""
        return self.done + self.failed_before + self.failed + self.held_elsewhere

    def load_error_lines(self) -> list[str]:
        """Return one line per cell or task that cannot be loaded."""
        return [f"skipping the runs of {spec}: {reason}" for spec, reason in self.load_errors.items()]

    @property
    def all_succeeded(self) -> bool:
        """True if no run failed, now or earlier, and every cell and task could be loaded."""
        return not (self.failed or self.failed_before or self.load_errors)

    @property
    def empty(self) -> bool:
        """True if no run is pending. The end of a run may still add some."""
        return not (self.queue or self.postponed)

    def next(self) -> Run | None:
        """Return the next run to start, or None if there is none now."""
        while self.postponed and self.postponed[0][0] <= time.monotonic():
            self.queue.append(self.postponed.popleft()[1])
        while self.queue:
            run = self.queue.popleft()
            self.pending_cost -= cost_units(run)
            record = self.study.finished(run.run_id)  # another sweep may have finished it since
            if record is None:
                self.running += 1
                return run
            self._finish(run, record)
        return None

    def finished(self, run: Run) -> Event:
        """Count a run that its worker has recorded."""
        record = self.study.finished(run.run_id)
        if record is None:
            return self.fail(run, "it left no row in runs.csv", None)
        self.running -= 1
        self.study.clear_failure(run.run_id)
        self._finish(run, record)
        return Finished(run, record)

    def fail(self, run: Run, reason: str, exit_code: int | None) -> Failed:
        """Record a run that ended without a result. One that diverged has a result and did not fail."""
        self.running -= 1
        self.failed += 1
        when = datetime.now(UTC).isoformat(timespec="seconds")
        self.study.record(Failure.of(run, reason=printable(reason), exit_code=exit_code, last_tried=when))
        self._add(self.after(run, False))
        return Failed(run, reason)

    def postpone(self, run: Run) -> Event:
        """Put a run that another process holds back into the queue; after :data:`BUSY_TIMEOUT_S` leave it to that process.

        A search for the span needs the run's result, so it waits without a limit.
        """
        self.running -= 1
        now = time.monotonic()
        if self.after is no_further_runs and now - self.busy_since.setdefault(run.run_id, now) > BUSY_TIMEOUT_S:
            self.held_elsewhere += 1
            return HeldElsewhere(run)
        self.postponed.append((now + BUSY_RETRY_S, run))
        self.pending_cost += cost_units(run)
        return Tick()

    def requeue(self, run: Run) -> None:
        """Put back a run that was stopped before its end; the next sweep resumes it."""
        self.running -= 1
        self.pending_cost += cost_units(run)
        self.queue.appendleft(run)

    def _finish(self, run: Run, record: RunRecord) -> None:
        self.results[record.status] += 1
        self._add(self.after(run, record.status == "solved"))

    def _add(self, runs: Iterable[Run]) -> None:
        """Queue runs. Those that are finished or skipped are counted instead, and the runs that follow from them are added."""
        arriving = deque(runs)
        while arriving:
            run = arriving.popleft()
            self.run_ids.add(run.run_id)
            if record := self.study.finished(run.run_id):
                self.results[record.status] += 1
                arriving.extend(self.after(run, record.status == "solved"))
            elif run.run_id in self.skipped:
                self.failed_before += 1
                arriving.extend(self.after(run, False))
            else:
                self.pending_cost += cost_units(run)
                self.queue.append(run)
