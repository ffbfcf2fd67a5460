"""Workers of this machine: one process per run, so that a run which crashes does not affect the others.

Processes come from a ``forkserver`` that has torch loaded (about 10 ms per run), or are spawned where there is none. Each run has a
pipe to the driver. A worker whose driver is gone ends itself; one that is asked to stop (SIGTERM) does so between two steps.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from rnnbench._config import Run
from rnnbench._errors import BusyError, machine_fault, one_line
from rnnbench._plugins.source import Plugin
from rnnbench._spec.resolve import admit, plugins_of
from rnnbench._study import Row, Study
from rnnbench._sweep.failures import reason_of_exit
from rnnbench._sweep.run_queue import Event, Progress, RunQueue, Started
from rnnbench._sweep.workers import TICK, Workers
from rnnbench.testing import subject, warning

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

    Context = ForkServerContext | SpawnContext

UNKNOWN = 255  # exit code of a process whose end nobody saw, as the forkserver is gone
GRACE = 0.5  # seconds that workers get to save where they are, once asked to stop


class Local(Workers):
    """Runs a run queue on this machine.

    Args:
        run_queue: the runs.
        jobs: workers at once.
        fail_fast: stop all at the first failure.
    """

    def __init__(self, run_queue: RunQueue, jobs: int, fail_fast: bool = False) -> None:
        super().__init__(run_queue, fail_fast)
        self.jobs = jobs
        self.workers: list[_Worker] = []
        self.checked: set[tuple[object, ...]] = set()  # plug-ins that the checks have let through
        forks = "forkserver" in multiprocessing.get_all_start_methods()
        self.context: Context = multiprocessing.get_context("forkserver") if forks else multiprocessing.get_context("spawn")
        if forks:
            self.context.set_forkserver_preload(["rnnbench._sweep.preload"])
            with _no_interrupts(), _no_main():  # Ctrl-C reaches the whole group; the driver decides
                from multiprocessing.forkserver import ensure_running

                ensure_running()

    def free(self) -> bool:
        return len(self.workers) < self.jobs

    def idle(self) -> bool:
        return not self.workers

    def start(self, run: Run) -> Event:
        try:
            with _no_interrupts(), _no_main():  # it may have to start the forkserver again
                worker = _Worker(self.context, run, self.run_queue.study.folder, subject(run) in self.checked)
        except (EOFError, OSError) as error:
            return self.broken(run, f"cannot start a process for a run ({one_line(error)}): give the same command again")
        self.workers.append(worker)
        return Started(run)

    def look(self) -> Iterator[Event]:
        if not self.workers:
            time.sleep(TICK)
        wait([source for worker in self.workers for source in worker.sources()], timeout=TICK)
        for worker in list(self.workers):
            ended = not worker.process.is_alive()  # asked first: what it has sent before its end is then in the pipe
            for row in worker.rows():
                yield Progress(worker.run, row)
            if worker.verdict is not None:
                self.checked.add(subject(worker.run))
                yield from self.told_of(worker.verdict)
                worker.verdict = None
            if ended:
                self.workers.remove(worker)
                yield self._verdict(worker)

    def _verdict(self, worker: _Worker) -> Event:
        worker.pipe.close()
        run, exit_code, (word, reason) = worker.run, worker.process.exitcode, worker.word
        worker.process.close()
        if word == "finished":
            return self.run_queue.finished(run)
        if word == "busy":
            return self.run_queue.busy(run)
        if word == "storage":
            return self.broken(run, reason)
        if exit_code == UNKNOWN and not word and self.run_queue.study.claimed(run.run_id):
            return self.run_queue.busy(run)  # the forkserver was killed, and the run is still at work
        if word == "interrupted":
            reason = "stopped from outside (SIGTERM)"
        return self.run_queue.fail(run, reason or reason_of_exit(exit_code), exit_code)

    def close(self) -> None:
        for worker in self.workers:
            worker.process.terminate()
        deadline = time.monotonic() + GRACE
        while (alive := [worker.process for worker in self.workers if worker.process.is_alive()]) and time.monotonic() < deadline:
            wait([process.sentinel for process in alive], timeout=max(0.0, deadline - time.monotonic()))
        for worker in self.workers:
            worker.process.kill()
            worker.process.join()
            list(worker.rows())
            if worker.word[0] == "finished":
                self.run_queue.finished(worker.run)
            else:
                self.run_queue.give_back(worker.run)
        self.workers.clear()
        self.run_queue.study.tidy()


class _Worker:
    """The driver's end of one process."""

    def __init__(self, context: Context, run: Run, folder: Path, checked: bool) -> None:
        self.run = run
        self.word = ("", "")  # how it ended: finished, interrupted, busy, storage or failed, and the reason
        self.verdict: str | None = None  # what the checks say, once they have let its plug-ins through
        self.open = True
        self.pipe, theirs = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(target=_work, args=(run, plugins_of(run), folder, checked, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def sources(self) -> list[Connection | int]:
        """What to wait for."""
        return [self.process.sentinel, self.pipe] if self.open else [self.process.sentinel]

    def rows(self) -> Iterator[Row]:
        """The rows in the pipe; the worker's last word is kept."""
        try:
            while self.open and self.pipe.poll():
                message = self.pipe.recv()
                if isinstance(message, Row):
                    yield message
                elif isinstance(message, str):
                    self.verdict = message
                else:
                    self.word = message
        except (EOFError, OSError):  # it ended, perhaps in the middle of a message
            self.open = False


def _work(run: Run, plugins: Sequence[Plugin], folder: Path, checked: bool, pipe: Connection) -> None:
    """The worker: one run, recorded by :class:`Execution` as ``rnnbench run`` does it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    threading.Thread(target=_end_with_driver, daemon=True).start()
    from rnnbench._training.runner import Execution

    with contextlib.suppress(BrokenPipeError):  # the driver is gone, and this process with it
        try:
            admit(plugins)
            execution = Execution(run, Study(folder), checked=checked)
            pipe.send(warning(execution.findings))
            signal.signal(signal.SIGTERM, lambda *_: execution.stop())
            status = "finished"
            for row in execution.rows():
                pipe.send(row)
                status = row.status
            pipe.send(("interrupted" if status == "interrupted" else "finished", ""))
        except BusyError:
            pipe.send(("busy", ""))
        except BaseException as error:  # a plug-in may raise anything
            fault = machine_fault(error)
            pipe.send(("storage", str(fault)) if fault else ("failed", one_line(error)))


@contextlib.contextmanager
def _no_interrupts() -> Iterator[None]:
    """What is started here never sees Ctrl-C: the mask is inherited."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # before: starting it lifts the mask
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _no_main() -> Iterator[None]:
    """What is started here does not execute the caller's script again, which needs no ``if __name__ == "__main__"``: all that a
    worker has to have is sent to it."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def _end_with_driver() -> None:
    """A killed driver cannot say goodbye; its run resumes from the checkpoint when the sweep is started again."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
