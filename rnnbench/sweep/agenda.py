"""Which run is next, and what became of it: the part of a sweep that local workers and Dask share."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from rnnbench.config import RunConfig
from rnnbench.records import RUN_COLUMNS, Row, Study, read_csv
from rnnbench.sweep.failures import Failures

PATIENCE = 6.0
"""Seconds that a sweep waits for a run another process is at, such as a worker of a sweep that was just killed."""


@dataclass(frozen=True)
class Started:
    """A worker took a run."""

    config: RunConfig


@dataclass(frozen=True)
class Progress:
    """A run was evaluated."""

    config: RunConfig
    row: Row


@dataclass(frozen=True)
class Finished:
    """A run has its verdict: its row of ``runs.csv``."""

    config: RunConfig
    run: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """A run came to no verdict."""

    config: RunConfig
    reason: str


@dataclass(frozen=True)
class Elsewhere:
    """Another process is at this run, so it is left to it."""

    config: RunConfig


@dataclass(frozen=True)
class Tick:
    """Nothing happened for a moment."""


Event = Started | Progress | Finished | Failed | Elsewhere | Tick


def no_more(config: RunConfig, solved: bool) -> list[RunConfig]:
    """A plain grid asks for nothing more after a run."""
    return []


class Agenda:
    """The runs of a sweep, taken one by one; every end is written into the study before it is announced.

    Args:
        study: where runs are recorded.
        first: the runs to start with.
        after: the runs that a run's end calls for, as :meth:`SpanSearch.after`.
        retry_failed: try runs again that failed in an earlier sweep; else they are left out.

    Attributes:
        done, failed_before, failed, elsewhere: counts of runs finished (now or earlier), left out as failed, failed now, left to
            another process.
    """

    def __init__(
        self,
        study: Study,
        first: Iterable[RunConfig],
        after: Callable[[RunConfig, bool], list[RunConfig]] = no_more,
        retry_failed: bool = False,
    ) -> None:
        self.study = study
        self.failures = Failures(study)
        self.after = after
        self.queue = deque(first)
        self.waiting: deque[tuple[float, RunConfig]] = deque()  # runs of another process, and when to look again
        self.since: dict[str, float] = {}  # when each of them was first met
        rows = read_csv(study.runs_file, RUN_COLUMNS) if study.runs_file.exists() else []
        self.known = {row["run_id"]: row["status"] for row in rows}
        self.left_out = set() if retry_failed else set(self.failures.load())
        self.done = self.failed_before = self.failed = self.elsewhere = self.at_work = 0
        self._skip()

    @property
    def total(self) -> int:
        """Runs of the sweep as far as they are known: a search for the span adds some as it goes."""
        return self.ended + self.at_work + len(self.queue) + len(self.waiting)

    @property
    def ended(self) -> int:
        return self.done + self.failed_before + self.failed + self.elsewhere

    @property
    def to_come(self) -> list[RunConfig]:
        """Runs that nobody is at, as far as they are known."""
        return [*self.queue, *(config for _, config in self.waiting)]

    @property
    def empty(self) -> bool:
        """Nothing is left to take, now or later, unless a run at work calls for more."""
        return not (self.queue or self.waiting)

    def next(self) -> RunConfig | None:
        """The next run to do; None if there is none now."""
        while self.waiting and self.waiting[0][0] <= time.monotonic():
            self.queue.append(self.waiting.popleft()[1])
        while self.queue:
            config = self.queue.popleft()
            row = self.study.finished(config.run_id)  # another sweep may have done it since
            if row is None:
                self.at_work += 1
                return config
            self.done += 1
            self._follow(config, row["status"] == "solved")
        return None

    def finished(self, config: RunConfig) -> Event:
        """The run's worker is done and has recorded it."""
        run = self.study.finished(config.run_id)
        if run is None:
            return self.fail(config, "it left no row in runs.csv", None)
        self.at_work -= 1
        self.done += 1
        self.failures.clear(config.run_id)
        self._follow(config, run["status"] == "solved")
        return Finished(config, run)

    def fail(self, config: RunConfig, reason: str, exit_code: int | None) -> Failed:
        """The run's worker came to no verdict."""
        self.at_work -= 1
        self.failed += 1
        self.failures.add(config, reason, exit_code)
        self._follow(config, False)
        return Failed(config, reason)

    def busy(self, config: RunConfig) -> Event:
        """Another process is at the run: look again soon, and leave it to that process at last."""
        self.at_work -= 1
        now = time.monotonic()
        if now - self.since.setdefault(config.run_id, now) > PATIENCE:
            self.elsewhere += 1
            return Elsewhere(config)
        self.waiting.append((now + 0.3, config))
        return Tick()

    def give_back(self, config: RunConfig) -> None:
        """The run was stopped before its end; it goes on in the next sweep."""
        self.at_work -= 1
        self.queue.appendleft(config)

    def tidy(self) -> None:
        """Remove checkpoints of finished runs: a kill may come between a run's row and the end of its checkpoint."""
        rows = read_csv(self.study.runs_file, RUN_COLUMNS) if self.study.runs_file.exists() else []
        for run_id in {row["run_id"] for row in rows}:
            if self.study.checkpoint_file(run_id).exists() and not self.study.claimed(run_id):
                self.study.checkpoint_file(run_id).unlink(missing_ok=True)

    def _follow(self, config: RunConfig, solved: bool) -> None:
        self.queue.extend(self.after(config, solved))
        self._skip()

    def _skip(self) -> None:
        """Take out of the queue what is done or left out; a search may call for more, which is looked at too."""
        fresh: deque[RunConfig] = deque()
        while self.queue:
            config = self.queue.popleft()
            if config.run_id in self.known:
                self.done += 1
                self.queue.extend(self.after(config, self.known[config.run_id] == "solved"))
            elif config.run_id in self.left_out:
                self.failed_before += 1
                self.queue.extend(self.after(config, False))
            else:
                fresh.append(config)
        self.queue = fresh
