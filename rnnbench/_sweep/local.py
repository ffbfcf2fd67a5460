"""Workers on this machine: one process per run, so that a run which crashes does not affect the others.

A ``forkserver`` that has imported torch forks the processes (about 10 ms per run). Systems without one spawn them. Each process has
a pipe to the driver. A worker ends when its driver is gone, and stops between two steps at SIGTERM. The server does not have the
current folder on its path, so that no file there replaces a module such as ``random``.
"""

from __future__ import annotations

import contextlib
import errno
import multiprocessing
import os
import re
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from rnnbench._cell import FORMER_NAMES
from rnnbench._config import Run
from rnnbench._engine.cache_folder import cache_folder
from rnnbench._errors import BusyError, one_line, storage_error_of
from rnnbench._plugins.source import Plugin
from rnnbench._spec.resolve import plugins_of, rebuild
from rnnbench._study import Row, StudyFolder
from rnnbench._sweep.run_queue import Evaluated, Event, RunQueue, Started
from rnnbench._sweep.workers import POLL_S, Workers
from rnnbench._training.interrupt import TERMINAL_SIGNALS
from rnnbench.testing._preflight import preflight_key, warning_line

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

    Context = ForkServerContext | SpawnContext

UNKNOWN_EXIT_CODE = 255
"""Exit code that Python reports for a process whose forkserver is gone."""
WORKER_DESCRIPTORS = 8
"""File descriptors that the driver opens for a worker: pipes, and while it starts a socket."""
SHUTDOWN_S = 0.5
"""Seconds between SIGTERM and SIGKILL, in which a worker saves its checkpoint."""


class Local(Workers):
    """Workers on this machine, ``jobs`` runs at once."""

    def __init__(self, run_queue: RunQueue, jobs: int, fail_fast: bool = False) -> None:
        super().__init__(run_queue, fail_fast)
        if find_spec("numba"):
            cache_folder()  # which logs a folder that it refuses, once for all workers
        self.jobs = jobs
        self.workers: list[_Worker] = []
        self.checked: set[tuple[object, ...]] = set()  # tasks and cells that have passed the checks
        forks = "forkserver" in multiprocessing.get_all_start_methods()
        self.context: Context = multiprocessing.get_context("forkserver") if forks else multiprocessing.get_context("spawn")
        if forks:
            self.context.set_forkserver_preload(["rnnbench._sweep.preload"])
            with _clean_start():
                from multiprocessing.forkserver import ensure_running

                ensure_running()

    def has_free_worker(self) -> bool:
        return len(self.workers) < self.jobs

    def idle(self) -> bool:
        return not self.workers

    def start(self, run: Run) -> Event:
        try:
            _check_descriptors()
            with _clean_start():  # this may restart the forkserver
                worker = _Worker(self.context, run, self.run_queue.study.folder, preflight_key(run) in self.checked)
        except (EOFError, OSError) as error:
            why = getattr(error, "strerror", None) or "its server has ended"
            advice = "use fewer --jobs, or raise `ulimit -n`; then rerun" if why == os.strerror(errno.EMFILE) else "rerun"
            return self.stop_at_storage_error(run, f"cannot start a process for a run ({why}): {advice} the command")
        self.workers.append(worker)
        return Started(run)

    def poll(self) -> Iterator[Event]:
        if not self.workers:
            time.sleep(POLL_S)
        wait([source for worker in self.workers for source in worker.sources()], timeout=POLL_S)
        for worker in list(self.workers):
            ended = not worker.process.is_alive()  # checked first, so that all it has sent is in the pipe
            for row in worker.rows():
                yield Evaluated(worker.run, row)
            if worker.warning is not None:
                self.checked.add(preflight_key(worker.run))
                yield from self.new_message(worker.warning)
                worker.warning = None
            if ended:
                self.workers.remove(worker)
                yield self._ended(worker)

    def _ended(self, worker: _Worker) -> Event:
        """Close a worker that has ended; return how its run ended, as an event."""
        worker.pipe.close()
        run, exit_code, (outcome, reason) = worker.run, worker.process.exitcode, worker.outcome
        worker.process.close()
        if outcome == "finished":
            return self.run_queue.finished(run)
        if outcome == "busy":
            return self.run_queue.postpone(run)
        if outcome == "storage":
            return self.stop_at_storage_error(run, reason)
        if exit_code == UNKNOWN_EXIT_CODE and not outcome and self.run_queue.study.claimed(run.run_id):
            # The exit code is unknown, but the run is still locked, so its worker is alive.
            return self.run_queue.postpone(run)
        if outcome == "interrupted":
            reason = "stopped by another process (SIGTERM)"
        return self.run_queue.fail(run, reason or _reason_of_exit(exit_code), exit_code)

    def close(self) -> None:
        for worker in self.workers:
            worker.process.terminate()
        deadline = time.monotonic() + SHUTDOWN_S
        while (alive := [worker.process for worker in self.workers if worker.process.is_alive()]) and time.monotonic() < deadline:
            wait([process.sentinel for process in alive], timeout=max(0.0, deadline - time.monotonic()))
        for worker in self.workers:
            worker.process.kill()
            worker.process.join()
            list(worker.rows())
            if worker.outcome[0] == "finished":
                self.run_queue.finished(worker.run)
            else:
                self.run_queue.requeue(worker.run)
        self.workers.clear()
        self.run_queue.study.tidy()


def _reason_of_exit(exit_code: int | None) -> str:
    """Return why a process ended, from its exit code."""
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code} before it had a result"
    number = -exit_code
    if number == signal.SIGSEGV:
        return "segmentation fault (signal 11)"
    if number == getattr(signal, "SIGKILL", 9):
        return "killed (signal 9): by hand, or by the system for lack of memory"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    return f"ended by signal {number} ({name})"


class _Worker:
    """The driver's end of one process."""

    def __init__(self, context: Context, run: Run, folder: Path, checked: bool) -> None:
        self.run = run
        self.outcome = ("", "")  # finished, interrupted, busy, storage or failed, and the reason
        self.warning: str | None = None  # of the checks, once its task and cell have passed them
        self.open = True
        self.pipe, worker_end = context.Pipe(duplex=False)
        arguments = (run, plugins_of(run), folder, checked, sorted(FORMER_NAMES), worker_end)
        self.process: BaseProcess = context.Process(target=_train_in_process, args=arguments, daemon=True)
        self.process.start()
        worker_end.close()

    def sources(self) -> list[Connection | int]:
        """Return the handles that become ready when the worker sends something or ends."""
        return [self.process.sentinel, self.pipe] if self.open else [self.process.sentinel]

    def rows(self) -> Iterator[Row]:
        """Yield the rows in the pipe, and store the outcome or the warning that it holds."""
        try:
            while self.open and self.pipe.poll():
                message = self.pipe.recv()
                if isinstance(message, Row):
                    yield message
                elif isinstance(message, str):
                    self.warning = message
                else:
                    self.outcome = message
        except (EOFError, OSError):  # the worker ended, perhaps in the middle of a message
            self.open = False


def _train_in_process(
    run: Run, plugins: Sequence[Plugin], folder: Path, checked: bool, issued: Sequence[str], pipe: Connection
) -> None:
    """Train one run in this process, and send its rows and its outcome to the driver, which has ``issued`` some warnings."""
    for message in issued:
        warnings.filterwarnings("ignore", re.escape(message), FutureWarning)
    for number in TERMINAL_SIGNALS:
        signal.signal(number, signal.SIG_IGN)  # the driver decides when to stop
    threading.Thread(target=_exit_with_driver, daemon=True).start()
    from rnnbench._training.runner import Runner

    with contextlib.suppress(BrokenPipeError):  # the driver is gone
        try:
            runner = Runner(rebuild(run, plugins), StudyFolder(folder, one_run=True), checked=checked)
            pipe.send(warning_line(runner.findings))
            signal.signal(signal.SIGTERM, lambda *_: runner.stop())
            status = "finished"
            for row in runner.rows():
                pipe.send(row)
                status = row.status
            pipe.send(("interrupted" if status == "interrupted" else "finished", ""))
        except BusyError:
            pipe.send(("busy", ""))
        except BaseException as error:  # a plug-in may raise anything
            fault = storage_error_of(error)
            pipe.send(("storage", str(fault)) if fault else ("failed", one_line(error)))


def _check_descriptors() -> None:
    """Raise OSError if this process cannot open the files of a worker; found later, the server would print a traceback."""
    with contextlib.ExitStack() as stack:
        for _ in range(WORKER_DESCRIPTORS):
            stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))


@contextlib.contextmanager
def _clean_start() -> Iterator[None]:
    """Start processes inside the block without the terminal's signals, the current folder on the path, or the caller's script."""
    with _safe_path(), _signals_blocked(), _main_module_hidden():
        yield


@contextlib.contextmanager
def _safe_path() -> Iterator[None]:
    """Keep the current folder off the module path of processes that are started inside the block (``python -c`` puts it first)."""
    before = os.environ.get("PYTHONSAFEPATH")
    os.environ["PYTHONSAFEPATH"] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONSAFEPATH"]
        else:
            os.environ["PYTHONSAFEPATH"] = before


@contextlib.contextmanager
def _signals_blocked() -> Iterator[None]:
    """Block the signals that a terminal sends to its whole group inside the block; processes started there inherit the mask."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # The tracker's start unblocks SIGINT, so start it before blocking.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, TERMINAL_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextlib.contextmanager
def _main_module_hidden() -> Iterator[None]:
    """Hide the caller's script inside the block, so that a worker does not import it, and it needs no guard of ``__main__``."""
    before = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = before


def _exit_with_driver() -> None:
    """Kill this process when the driver has ended. The next sweep resumes the run from its checkpoint."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
