"""Workers on many machines through Dask ``distributed``, without a shared file system.

A run is trained by a series of tasks. A task takes the run's files (log, checkpoint) to a worker, trains there for about
:data:`TASK_S` seconds in a temporary folder, and returns the files; the last task also returns the weights and the row of
``runs.csv``. If a worker or the driver dies, a run loses one task at most. Rows reach the driver as events while a task runs.
Only the driver writes to the study, and it holds the runs' locks. Workers need rnnbench; the source of a task or cell given by path
is sent to them.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import time
import uuid
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench._config import Run
from rnnbench._errors import BusyError, StorageError, UserError, one_line
from rnnbench._spec.resolve import plugins_of
from rnnbench._study import Row, RunRecord
from rnnbench._study.atomic import replace
from rnnbench._sweep.dask_task import file_paths, read_files, train_on_worker
from rnnbench._sweep.run_queue import Evaluated, Event, Message, RunQueue, Started, Tick
from rnnbench._sweep.workers import POLL_S, Workers
from rnnbench._version import __version__

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT_TIMEOUT_S = 10
NO_WORKER_MESSAGE_S = 2.0
"""Seconds without a usable worker until a message reports it."""
WORKER_CHECK_S = 0.5
"""Seconds between two checks of the list of workers."""
TASK_S = 30.0
"""Seconds that a task trains, rounded up to an evaluation."""
LOGGERS = ("distributed", "distributed.client", "distributed.comm", "distributed.core")


@dataclass
class _Submission:
    """A run at the workers."""

    run: Run
    claim: contextlib.ExitStack  # holds the run's lock in the study
    workers: set[str] = field(default_factory=set)  # addresses that may take it
    future: Future = field(init=False)  # of its current task


class Dask(Workers):
    """Workers of a Dask scheduler (its address or file), each with one run at a time; raises UserError if none answers."""

    def __init__(self, run_queue: RunQueue, scheduler: str, fail_fast: bool = False, task_seconds: float = TASK_S) -> None:
        super().__init__(run_queue, fail_fast)
        try:
            from distributed import Client
        except ImportError:
            raise UserError("--dask needs the extra: pip install 'rnnbench[dask]'") from None
        self.task_seconds = task_seconds
        # from the client's threads: a row, a message about a plug-in, or the key of a task that ended
        self.inbox: queue.SimpleQueue[dict[str, object] | Message | str] = queue.SimpleQueue()
        self.topic = f"rnnbench-{uuid.uuid4().hex}"  # of this sweep's events
        self.scheduler = scheduler
        with contextlib.ExitStack() as on_error:
            on_error.enter_context(_silent_loggers())
            self.client = _connect(Client, scheduler)
            self.silent_loggers = on_error.pop_all()
        self.submitted: dict[str, _Submission] = {}  # by key of the task
        self.usable: dict[str, bool] = {}  # by address: True if the worker has this version of rnnbench
        self.no_worker_since: float | None = time.monotonic()  # None once a message has reported it
        self.last_check = -WORKER_CHECK_S
        self.client.subscribe_topic(self.topic, lambda event: self.inbox.put(event[1].get("row") or Message(event[1]["warning"])))

    @property
    def usable_workers(self) -> list[str]:
        """Addresses of the workers that can take a run."""
        return [address for address, usable in self.usable.items() if usable]

    def has_free_worker(self) -> bool:
        """Return True if there are more workers than submitted runs, so that no run waits at one worker while another is idle."""
        return len(self.submitted) < len(self.usable_workers)

    def idle(self) -> bool:
        return not self.submitted

    def start(self, run: Run) -> Event:
        claim = contextlib.ExitStack()
        try:
            claim.enter_context(self.run_queue.study.claim(run.run_id))
        except BusyError:
            return self.run_queue.postpone(run)
        self._submit(_Submission(run, claim))
        return Started(run)

    def _submit(self, submission: _Submission) -> None:
        run = submission.run
        key = f"{run.run_id}-{uuid.uuid4().hex}"  # unique, or Dask returns the result of an earlier task
        files, plugins = read_files(self.run_queue.study, run.run_id), plugins_of(run)
        call = (train_on_worker, run.model_dump(), plugins, files, self.task_seconds, self.topic)
        submission.workers = set(self.usable_workers)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # the checkpoint of a wide network
            submission.future = self.client.submit(*call, key=key, pure=False, workers=self.usable_workers)
        submission.future.add_done_callback(lambda future: self.inbox.put(future.key))
        self.submitted[key] = submission

    def poll(self) -> Iterator[Event]:
        if time.monotonic() - self.last_check > WORKER_CHECK_S:
            yield from self._check_workers()
            self.last_check = time.monotonic()
        with contextlib.suppress(queue.Empty):
            item = self.inbox.get(timeout=POLL_S)
            while True:
                if isinstance(item, dict):
                    run = next((one.run for one in self.submitted.values() if one.run.run_id == item["run_id"]), None)
                    if run:
                        yield Evaluated(run, Row.model_validate(item))
                elif isinstance(item, Message):
                    yield from self.new_message(item.text)
                elif self.stop_if_scheduler_is_gone():
                    return
                elif item in self.submitted:
                    yield self._collect(self.submitted.pop(item))
                item = self.inbox.get_nowait()

    def stop_if_scheduler_is_gone(self) -> bool:
        """Stop the sweep and return True if the scheduler is gone; the sweep's runs remain to do."""
        if self.client.status == "running":
            return False
        self.stop_at(f"the Dask scheduler at {self.scheduler} is gone: start it and its workers, then rerun the command")
        return True

    def _check_workers(self) -> Iterator[Event]:
        """Update the list of usable workers, and submit again the runs whose workers are all gone."""
        try:
            connected = set(self.client.scheduler_info(n_workers=-1)["workers"])
            self.usable = {address: usable for address, usable in self.usable.items() if address in connected}
            new = sorted(connected - self.usable.keys())
            versions = self.client.run(_version_query(), workers=new, on_error="return") if new else {}
        except Exception as error:  # distributed raises many types
            if not self.stop_if_scheduler_is_gone():
                yield Message(f"the Dask scheduler does not answer ({one_line(error)}); waiting")
            return
        for address, version in versions.items():
            self.usable[address] = version == __version__
            if version != __version__:
                problem = f"has rnnbench {version}" if isinstance(version, str) else "cannot load rnnbench"
                yield Message(f"worker {address} {problem} and gets no runs: install rnnbench {__version__} there")
        if self.usable_workers:
            self.no_worker_since = time.monotonic()
        elif self.no_worker_since is not None and time.monotonic() - self.no_worker_since > NO_WORKER_MESSAGE_S:
            yield Message(f"no worker at {self.scheduler} can take runs yet: start some with `dask worker`; waiting")
            self.no_worker_since = None
        for key, submission in list(self.submitted.items()):
            if self.usable_workers and not submission.workers & connected:
                del self.submitted[key]
                submission.future.cancel()
                self._submit(submission)

    def _collect(self, submission: _Submission) -> Event:
        """Write the files of a finished task into the study, and submit the run again unless it has ended."""
        run, future, study = submission.run, submission.future, self.run_queue.study
        if future.status == "finished":
            result = future.result(timeout=CONNECT_TIMEOUT_S)
        else:
            error = future.exception(timeout=CONNECT_TIMEOUT_S) if future.status == "error" else None
            died = type(error).__name__ == "KilledWorker"
            result = {"failed": "its worker died repeatedly" if died else one_line(error) if error else "cancelled by Dask"}
        future.release()  # or the cluster keeps all weights
        if "storage" in result:
            submission.claim.close()
            return self.stop_at_storage_error(run, f"on a worker, {result['storage']}")
        if "failed" in result:
            submission.claim.close()
            return self.run_queue.fail(run, result["failed"], None)
        try:
            for name, content in result["files"].items():
                replace(file_paths(study, run.run_id)[name], content)
            if result["record"] is None:
                self._submit(submission)
                return Tick()
            study.record(RunRecord.parse(result["record"]))
        except StorageError as error:
            submission.claim.close()
            return self.stop_at_storage_error(run, str(error))
        study.checkpoint_file(run.run_id).unlink(missing_ok=True)
        submission.claim.close()
        return self.run_queue.finished(run)

    def close(self) -> None:
        for submission in self.submitted.values():
            with contextlib.suppress(Exception):  # the scheduler may be gone already
                submission.future.cancel()
            submission.claim.close()
            self.run_queue.requeue(submission.run)
        self.submitted.clear()
        self.run_queue.study.tidy()
        with contextlib.suppress(Exception):
            self.client.close(timeout=1)
        self.silent_loggers.close()


@contextlib.contextmanager
def _silent_loggers() -> Iterator[None]:
    """Silence ``distributed``'s loggers inside the block: messages of the sweep report the same in one line."""
    levels = {name: logging.getLogger(name).level for name in LOGGERS}
    for name in LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def _connect(client: type[Client], scheduler: str) -> Client:
    """Return a connected client; raise UserError if that fails. Check the address first, as a failed client closes slowly."""
    from distributed.comm import get_address_host_port
    from distributed.security import Security

    address = _read_address(Path(scheduler)) if Path(scheduler).is_file() else scheduler.strip()
    try:
        get_address_host_port(address)
    except ValueError as error:
        raise UserError(f"{scheduler!r} is not an address of a Dask scheduler: use one such as tcp://host:8786") from error
    if address.startswith("tls://") and Security().get_connection_args("client").get("ssl_context") is None:
        raise UserError(f"{scheduler} needs TLS: name certificate, key and CA in the Dask configuration, as docs/clusters.md shows")
    try:
        return client(address, timeout=CONNECT_TIMEOUT_S, set_as_default=False)
    except Exception as error:  # distributed raises many types
        raise UserError(f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`") from error


def _read_address(file: Path) -> str:
    """Return the address in a scheduler file. Try for two seconds: the scheduler may be writing it."""
    for attempts_left in range(20, -1, -1):
        try:
            return str(json.loads(file.read_bytes())["address"])
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            if not attempts_left:
                remedy = f"write one with `dask scheduler --scheduler-file {file}`"
                raise UserError(f"{file} is not a scheduler file of Dask: {remedy}") from error
        time.sleep(0.1)
    raise AssertionError


def _version_query() -> Callable[[], str]:
    """Return a function that returns a worker's version of rnnbench. It is pickled by value, as rnnbench may be missing there."""

    def version() -> str:
        from importlib import import_module

        return str(import_module("rnnbench").__version__)

    return version
