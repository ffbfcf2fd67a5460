"""Which run is next, and what became of it: the part of a sweep that local workers and Dask share."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from rnnbench._config import Run
from rnnbench._study import Row, RunRecord, Study
from rnnbench._sweep.failures import failure

PATIENCE = 6.0
"""Seconds that a sweep waits for a run that another process has, such as a worker of a sweep that was just killed."""


@dataclass(frozen=True)
class Started:
    """A worker took a run."""

    run: Run


@dataclass(frozen=True)
class Progress:
    """A run was evaluated."""

    run: Run
    row: Row


@dataclass(frozen=True)
class Finished:
    """A run has its verdict: its row of ``runs.csv``."""

    run: Run
    record: RunRecord


@dataclass(frozen=True)
class Failed:
    """A run came to no verdict."""

    run: Run
    reason: str


@dataclass(frozen=True)
class Elsewhere:
    """Another process has this run, so it is left to it."""

    run: Run


@dataclass(frozen=True)
class Tick:
    """Nothing happened for a moment."""


@dataclass(frozen=True)
class Note:
    """Something that a person should know of the workers."""

    text: str


Event = Started | Progress | Finished | Failed | Elsewhere | Note | Tick


def no_more(run: Run, solved: bool) -> list[Run]:
    """A plain grid asks for nothing more after a run."""
    return []


class RunQueue:
    """The runs of a sweep, taken one by one; every end is written into the study before it is announced.

    Args:
        study: where runs are recorded.
        first: the runs to start with.
        after: the runs that a run's end calls for, as :meth:`SpanSearch.after`.
        retry_failed: try runs again that failed in an earlier sweep; else they are left out.
        broken: cells and tasks whose own file is at fault, with the reason: runs of theirs are left out.

    Attributes:
        done, failed_before, failed, elsewhere: counts of runs finished (now or earlier), left out as failed, failed now, left to
            another process.
    """

    def __init__(
        self,
        study: Study,
        first: Iterable[Run],
        after: Callable[[Run, bool], list[Run]] = no_more,
        retry_failed: bool = False,
        broken: Mapping[str, str] | None = None,
    ) -> None:
        self.study = study
        self.broken = broken or {}
        self.after = after
        self.queue = deque(first)
        self.known = {run.run_id for run in self.queue}  # all runs of the sweep so far
        self.waiting: deque[tuple[float, Run]] = deque()  # runs of another process, and when to look again
        self.since: dict[str, float] = {}  # when each of them was first met
        self.skipped = set() if retry_failed else {row.run_id for row in study.failures.rows()}
        self.tally: dict[str, int] = {}  # of runs finished now, by status
        self.done = self.failed_before = self.failed = self.elsewhere = self.at_work = 0
        self._skip()

    @property
    def total(self) -> int:
        """Runs of the sweep as far as they are known: a search for the span adds some as it goes."""
        return self.ended + self.at_work + len(self.queue) + len(self.waiting)

    @property
    def ended(self) -> int:
        return self.done + self.failed_before + self.failed + self.elsewhere

    def left_out_lines(self) -> list[str]:
        """What is said of runs that cannot be."""
        return [f"left out are runs of {spec}: {reason}" for spec, reason in self.broken.items()]

    @property
    def whole(self) -> bool:
        """Whether nothing failed, now or earlier."""
        return not (self.failed or self.failed_before or self.broken)

    @property
    def to_come(self) -> list[Run]:
        """Runs that nobody has, as far as they are known."""
        return [*self.queue, *(run for _, run in self.waiting)]

    @property
    def empty(self) -> bool:
        """Nothing is left to take, now or later, unless a run at work calls for more."""
        return not (self.queue or self.waiting)

    def next(self) -> Run | None:
        """The next run to do; None if there is none now."""
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            self.queue.append(self.waiting.popleft()[1])
        while self.queue:
            run = self.queue.popleft()
            record = self.study.finished(run.run_id)  # another sweep may have done it since
            if record is None:
                self.at_work += 1
                return run
            self.done += 1
            self._follow(run, record.status == "solved")
        return None

    def finished(self, run: Run) -> Event:
        """The run's worker is done and has recorded it."""
        record = self.study.finished(run.run_id)
        if record is None:
            return self.fail(run, "it left no row in runs.csv", None)
        self.at_work -= 1
        self.done += 1
        self.tally[record.status] = self.tally.get(record.status, 0) + 1
        self.study.clear_failure(run.run_id)
        self._follow(run, record.status == "solved")
        return Finished(run, record)

    def fail(self, run: Run, reason: str, exit_code: int | None) -> Failed:
        """The run's worker came to no verdict."""
        self.at_work -= 1
        self.failed += 1
        self.study.record_failure(failure(run, reason, exit_code))
        self._follow(run, False)
        return Failed(run, reason)

    def busy(self, run: Run) -> Event:
        """Another process has the run: look again soon, and leave it to that process at last.

        A search for the span cannot go further without its verdict, and waits.
        """
        self.at_work -= 1
        now = time.monotonic()
        if self.after is no_more and now - self.since.setdefault(run.run_id, now) > PATIENCE:
            self.elsewhere += 1
            return Elsewhere(run)
        self.waiting.append((now + 0.3, run))
        return Tick()

    def give_back(self, run: Run) -> None:
        """The run was stopped before its end; the next sweep resumes it."""
        self.at_work -= 1
        self.queue.appendleft(run)

    def _follow(self, run: Run, solved: bool) -> None:
        self.queue.extend(self.after(run, solved))
        self._skip()

    def _skip(self) -> None:
        """Take out of the queue what is done or left out; a search may call for more, which is looked at too."""
        fresh: deque[Run] = deque()
        while self.queue:
            run = self.queue.popleft()
            self.known.add(run.run_id)
            if record := self.study.finished(run.run_id):
                self.done += 1
                self.queue.extend(self.after(run, record.status == "solved"))
            elif run.run_id in self.skipped:
                self.failed_before += 1
                self.queue.extend(self.after(run, False))
            else:
                fresh.append(run)
        self.queue = fresh
