"""The loop of a sweep, whoever does the work: workers of this machine or of a Dask cluster."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from rnnbench._config import Run
from rnnbench._errors import StorageError
from rnnbench._sweep.run_queue import Event, Failed, Note, RunQueue, Tick

TICK = 0.1  # seconds between two looks at the stop flag


class Workers(ABC):
    """Runs a run queue.

    Args:
        run_queue: the runs.
        fail_fast: stop all at the first failure.
    """

    def __init__(self, run_queue: RunQueue, fail_fast: bool = False) -> None:
        self.run_queue = run_queue
        self.fail_fast = fail_fast
        self.stopping = False
        self.told: set[str] = set()  # what was said of plug-ins
        self.fault: StorageError | None = None  # of this machine: no run is to blame

    def stop(self) -> None:
        """Ask the workers to stop between two steps; safe to call from a signal handler."""
        self.stopping = True

    def events(self) -> Iterator[Event]:
        """Do all runs; ends when there are no more, or soon after :meth:`stop`, and then no worker is left.

        Raises:
            StorageError: the disk is full; the runs that were at work stay to do.
        """
        try:
            for line in self.run_queue.left_out_lines():
                yield Note(line)
            while not self.stopping:
                while self.free() and (run := self.run_queue.next()):
                    yield self.start(run)
                if self.idle() and self.run_queue.empty:
                    break
                for event in self.look():
                    yield event
                    if self.fail_fast and isinstance(event, Failed):
                        self.stopping = True
                yield Tick()
        finally:
            self.close()
        if self.fault:
            raise self.fault

    def told_of(self, verdict: str) -> Iterator[Event]:
        """What the checks say of a plug-in, which is news once in a sweep."""
        if verdict and verdict not in self.told:
            self.told.add(verdict)
            yield Note(verdict)

    def broken(self, run: Run, reason: str) -> Event:
        """The disk did not take a run's files: the run stays to do, and the sweep stops."""
        self.run_queue.give_back(run)
        self.fault = self.fault or StorageError(reason)
        self.stopping = True
        return Tick()

    @abstractmethod
    def free(self) -> bool:
        """Whether a worker could take a run now."""

    @abstractmethod
    def idle(self) -> bool:
        """Whether no run is at work."""

    @abstractmethod
    def start(self, run: Run) -> Event:
        """Give a run to a worker."""

    @abstractmethod
    def look(self) -> Iterator[Event]:
        """Wait a moment for news, and hand them on."""

    @abstractmethod
    def close(self) -> None:
        """Stop what is at work, and give those runs back to the queue."""
