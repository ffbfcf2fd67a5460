"""Workers of this machine: one process a run, so that a run which crashes takes no other along.

Processes come from a ``forkserver`` that has torch loaded (about 10 ms a run), or are spawned where there is none. Each run has a
pipe to the driver. A worker whose driver is gone ends itself; one that is asked to stop (SIGTERM) does so between two steps.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from rnnbench.config import RunConfig
from rnnbench.errors import BusyError
from rnnbench.records import Row, Study
from rnnbench.sweep.agenda import Agenda, Event, Failed, Progress, Started, Tick
from rnnbench.sweep.failures import reason_of_error, reason_of_exit

TICK = 0.1  # seconds between two looks at the stop flag
GRACE = 0.5  # seconds that workers get to save where they are, once asked to stop


class Local:
    """Runs an agenda on this machine.

    Args:
        agenda: the runs.
        jobs: workers at once.
        fail_fast: stop all at the first failure.
    """

    def __init__(self, agenda: Agenda, jobs: int, fail_fast: bool = False) -> None:
        self.agenda = agenda
        self.jobs = jobs
        self.fail_fast = fail_fast
        self.stopping = False
        self.workers: list[_Worker] = []
        methods = multiprocessing.get_all_start_methods()
        self.context: Any = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if "forkserver" in methods:
            self.context.set_forkserver_preload(["rnnbench.sweep.warm"])

    def stop(self) -> None:
        """Ask the workers to stop between two steps; safe to call from a signal handler."""
        self.stopping = True

    def events(self) -> Iterator[Event]:
        """Do all runs; ends when there are no more, or within a second of :meth:`stop`. No worker is left when it ends."""
        try:
            while not self.stopping:
                while len(self.workers) < self.jobs and (config := self.agenda.next()):
                    self.workers.append(_Worker(self.context, config, self.agenda.study.folder))
                    yield Started(config)
                if not self.workers and self.agenda.empty:
                    return
                for event in self._look():
                    yield event
                    if self.fail_fast and isinstance(event, Failed):
                        self.stopping = True
                yield Tick()
        finally:
            self._end_all()

    def _look(self) -> Iterator[Event]:
        """Wait a moment for news, and hand them on."""
        if not self.workers:
            time.sleep(TICK)
        wait([source for worker in self.workers for source in worker.sources()], timeout=TICK)
        for worker in list(self.workers):
            ended = not worker.process.is_alive()  # asked first: what it has sent before its end is then in the pipe
            for row in worker.rows():
                yield Progress(worker.config, row)
            if ended:
                self.workers.remove(worker)
                yield self._verdict(worker)

    def _verdict(self, worker: _Worker) -> Event:
        worker.pipe.close()
        config, exit_code = worker.config, worker.process.exitcode
        worker.process.close()
        if worker.word == "finished":
            return self.agenda.finished(config)
        if worker.word == "busy":
            return self.agenda.busy(config)
        if worker.word == "interrupted":
            return self.agenda.fail(config, "stopped from outside (SIGTERM)", exit_code)
        return self.agenda.fail(config, worker.word or reason_of_exit(exit_code), exit_code)

    def _end_all(self) -> None:
        for worker in self.workers:
            worker.process.terminate()
        deadline = time.monotonic() + GRACE
        while (alive := [worker.process for worker in self.workers if worker.process.is_alive()]) and time.monotonic() < deadline:
            wait([process.sentinel for process in alive], timeout=max(0.0, deadline - time.monotonic()))
        for worker in self.workers:
            worker.process.kill()
            worker.process.join()
            list(worker.rows())
            if worker.word == "finished":
                self.agenda.finished(worker.config)
            else:
                self.agenda.give_back(worker.config)
        self.workers.clear()
        self.agenda.tidy()


class _Worker:
    """The driver's end of one process."""

    def __init__(self, context: Any, config: RunConfig, folder: Path) -> None:
        self.config = config
        self.word = ""  # how it ended: finished, interrupted, busy, or the reason of its failure
        self.open = True
        self.pipe, theirs = context.Pipe(duplex=False)
        self.process: BaseProcess = context.Process(target=_work, args=(config, folder, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def sources(self) -> list[Any]:
        """What to wait for."""
        return [self.process.sentinel, self.pipe] if self.open else [self.process.sentinel]

    def rows(self) -> Iterator[Row]:
        """The rows in the pipe; the worker's last word is kept."""
        try:
            while self.open and self.pipe.poll():
                message = self.pipe.recv()
                if isinstance(message, Row):
                    yield message
                else:
                    self.word = message
        except (EOFError, OSError):  # it ended, perhaps in the middle of a message
            self.open = False


def _work(config: RunConfig, folder: Path, pipe: Connection) -> None:
    """The worker: one run, recorded by :class:`Execution` as ``rnnbench run`` does it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    threading.Thread(target=_end_with_driver, daemon=True).start()
    from rnnbench.execute import Execution

    with contextlib.suppress(BrokenPipeError):  # the driver is gone, and this process with it
        try:
            execution = Execution(config, Study(folder))
            signal.signal(signal.SIGTERM, lambda *_: execution.stop())
            status = "interrupted"
            for row in execution.rows():
                pipe.send(row)
                status = row.status
            pipe.send("interrupted" if status == "interrupted" else "finished")
        except BusyError:
            pipe.send("busy")
        except (Exception, SystemExit, KeyboardInterrupt) as error:  # the last can only be a cell's own: Ctrl-C is ignored here
            pipe.send(reason_of_error(error))


def _end_with_driver() -> None:
    """A killed driver cannot say goodbye; its run goes on from the checkpoint when the sweep is started again."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
