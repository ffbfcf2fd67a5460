"""The loop of a sweep, shared by local workers and Dask."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from rnnbench._config import Run
from rnnbench._errors import StorageError
from rnnbench._sweep.run_queue import Event, Failed, Message, RunQueue, Tick

POLL_S = 0.1
"""Seconds between two checks of the stop flag."""


class Workers(ABC):
    """Workers that train the runs of a queue; with ``fail_fast`` all stop at the first failure."""

    def __init__(self, run_queue: RunQueue, fail_fast: bool = False) -> None:
        self.run_queue = run_queue
        self.fail_fast = fail_fast
        self.stopping = False
        self.messages: set[str] = set()  # those shown already
        self.storage_error: StorageError | None = None

    def stop(self) -> None:
        """Ask the workers to stop between two steps; safe to call from a signal handler."""
        self.stopping = True

    def events(self) -> Iterator[Event]:
        """Run the queue until it is empty or :meth:`stop` is called; raises StorageError if the disk is full."""
        try:
            for line in self.run_queue.load_error_lines():
                yield Message(line)
            while not self.stopping:
                while not self.stopping and self.has_free_worker() and (run := self.run_queue.next()):
                    yield self.start(run)
                if self.idle() and self.run_queue.empty:
                    break
                for event in self.poll():
                    yield event
                    if self.fail_fast and isinstance(event, Failed):
                        self.stopping = True
                yield Tick()
        finally:
            self.close()
        if self.storage_error:
            raise self.storage_error

    def new_message(self, text: str) -> Iterator[Event]:
        """Yield a message about a plug-in, once per sweep."""
        if text and text not in self.messages:
            self.messages.add(text)
            yield Message(text)

    def stop_at_storage_error(self, run: Run, reason: str) -> Event:
        """Put back a run whose files could not be written, and stop the sweep."""
        self.run_queue.requeue(run)
        self.stop_at(reason)
        return Tick()

    def stop_at(self, reason: str) -> None:
        """Stop the sweep; :meth:`events` then raises the first reason as a StorageError."""
        self.storage_error = self.storage_error or StorageError(reason)
        self.stopping = True

    @abstractmethod
    def has_free_worker(self) -> bool:
        """Return True if a worker can take a run now."""

    @abstractmethod
    def idle(self) -> bool:
        """Return True if no run is in progress."""

    @abstractmethod
    def start(self, run: Run) -> Event:
        """Give a run to a worker."""

    @abstractmethod
    def poll(self) -> Iterator[Event]:
        """Wait at most about :data:`POLL_S` for the workers, and yield their events."""

    @abstractmethod
    def close(self) -> None:
        """Stop the workers and put their runs back into the queue."""
