"""Workers of many machines, through Dask ``distributed``: no shared file system is needed.

A run goes to the workers in legs. A leg takes the run's files (log, checkpoint) along, trains in a temporary folder of its worker
and brings the files back as the task's result, the last one with weights and row of ``runs.csv``; so whatever dies, worker or
driver, costs a run one leg at most. Rows stream to the driver meanwhile, as events. The driver alone writes to the study, and holds
its runs there. Workers need rnnbench; the source of a task or cell given by path travels along.
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
from rnnbench._sweep.dask_task import files_of, leg
from rnnbench._sweep.run_queue import Event, Note, Progress, RunQueue, Started, Tick
from rnnbench._sweep.workers import TICK, Workers
from rnnbench._version import __version__

if TYPE_CHECKING:
    from distributed import Client, Future

CONNECT = 10  # seconds to find the scheduler
PATIENCE = 2.0  # seconds without a worker before that is said
LOOK = 0.5  # seconds between two looks at who is there
LEG = 30.0
"""Seconds of a run, rounded up to an evaluation, between two times that its files come back."""


@dataclass
class _Flight:
    """A run at the workers."""

    run: Run
    claim: contextlib.ExitStack  # holds the run in the study
    workers: set[str] = field(default_factory=set)  # addresses that it was offered to
    future: Future = field(init=False)  # of its leg


class Dask(Workers):
    """Runs a run queue on the workers of a Dask scheduler, one run per worker process at a time.

    Args:
        run_queue: the runs.
        scheduler: address (``tcp://host:8786``) or scheduler file.
        fail_fast: stop at the first failure.
        leg: seconds that a run trains on a worker before its files come back; it ends with an evaluation.

    Raises:
        UserError: the extra is not installed, or nothing answers at that address.
    """

    def __init__(self, run_queue: RunQueue, scheduler: str, fail_fast: bool = False, leg: float = LEG) -> None:
        super().__init__(run_queue, fail_fast)
        try:
            from distributed import Client
        except ImportError:
            raise UserError("--dask needs the extra: pip install 'rnnbench[dask]'") from None
        self.leg = leg
        # a row, what the checks say of a plug-in, or the key of a leg that ended
        self.news: queue.SimpleQueue[dict[str, object] | Note | str] = queue.SimpleQueue()
        self.topic = f"rnnbench-{uuid.uuid4().hex}"  # this sweep's events, apart from those of others
        for name in ("distributed", "distributed.client", "distributed.comm", "distributed.core"):
            logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters of it is said here, in one line
        self.scheduler = scheduler
        self.client = _connected(Client, scheduler)
        self.flying: dict[str, _Flight] = {}  # by key of the task
        self.able: dict[str, bool] = {}  # workers by address, and whether they can take runs of ours
        self.none_since: float | None = time.monotonic()  # since when there is no worker; None once that was said
        self.looked = -LOOK
        self.client.subscribe_topic(self.topic, lambda event: self.news.put(event[1].get("row") or Note(event[1]["verdict"])))

    @property
    def hands(self) -> list[str]:
        """Addresses of the workers that can take a run."""
        return [address for address, able in self.able.items() if able]

    def free(self) -> bool:
        """In flight are as many as there are workers: those that come late find work, nothing piles up."""
        return len(self.flying) < len(self.hands)

    def idle(self) -> bool:
        return not self.flying

    def start(self, run: Run) -> Event:
        claim = contextlib.ExitStack()
        try:
            claim.enter_context(self.run_queue.study.claim(run.run_id))
        except BusyError:
            return self.run_queue.busy(run)
        self._submit(_Flight(run, claim))
        return Started(run)

    def _submit(self, flight: _Flight) -> None:
        run = flight.run
        key = f"{run.run_id}-{uuid.uuid4().hex}"  # a key of its own: never the result of an earlier leg
        files, plugins = files_of(self.run_queue.study, run.run_id), plugins_of(run)
        work = (leg, run.model_dump(), plugins, files, self.leg, self.topic)
        flight.workers = set(self.hands)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # a wide net's checkpoint, once a leg
            flight.future = self.client.submit(*work, key=key, pure=False, workers=self.hands)
        flight.future.add_done_callback(lambda done: self.news.put(done.key))
        self.flying[key] = flight

    def look(self) -> Iterator[Event]:
        if time.monotonic() - self.looked > LOOK:
            yield from self._roll_call()
            self.looked = time.monotonic()
        with contextlib.suppress(queue.Empty):
            news = self.news.get(timeout=TICK)
            while True:
                if isinstance(news, dict):
                    run = next((f.run for f in self.flying.values() if f.run.run_id == news["run_id"]), None)
                    if run:
                        yield Progress(run, Row.model_validate(news))
                elif isinstance(news, Note):
                    yield from self.told_of(news.text)
                elif self.lost():
                    return
                elif news in self.flying:
                    yield self._landed(self.flying.pop(news))
                news = self.news.get_nowait()

    def lost(self) -> bool:
        """Whether the scheduler is gone: then the sweep stops, and its runs stay to do."""
        if self.client.status == "running":
            return False
        gone = f"the Dask scheduler at {self.scheduler} is gone: start it and its workers, and give the same command again"
        self.fault = self.fault or StorageError(gone)
        self.stopping = True
        return True

    def _roll_call(self) -> Iterator[Event]:
        """Who is there, who has come, who cannot help; runs that wait for workers which are gone are given to others."""
        try:
            there = set(self.client.scheduler_info(n_workers=-1)["workers"])
            self.able = {address: able for address, able in self.able.items() if address in there}
            new = sorted(there - self.able.keys())
            said = self.client.run(_asked_about_itself(), workers=new, on_error="return") if new else {}
        except Exception as error:  # of many kinds
            if not self.lost():
                yield Note(f"the Dask scheduler does not answer ({one_line(error)}); waiting")
            return
        for address, version in said.items():
            self.able[address] = version == __version__
            if version != __version__:
                has = f"has rnnbench {version}" if isinstance(version, str) else "cannot load rnnbench"
                yield Note(f"worker {address} {has}, and gets no runs: install rnnbench {__version__} there")
        if self.hands:
            self.none_since = time.monotonic()
        elif self.none_since is not None and time.monotonic() - self.none_since > PATIENCE:
            yield Note(f"no worker at {self.scheduler} can take runs yet: start some with `dask worker`; waiting")
            self.none_since = None
        for key, flight in list(self.flying.items()):
            if self.hands and not flight.workers & there:
                del self.flying[key]
                flight.future.cancel()
                self._submit(flight)

    def _landed(self, flight: _Flight) -> Event:
        """A leg has ended: keep its files, and send the run on unless it has its verdict."""
        run, future, study = flight.run, flight.future, self.run_queue.study
        if future.status == "finished":
            result = future.result(timeout=CONNECT)
        else:
            error = future.exception(timeout=CONNECT) if future.status == "error" else None
            result = {"failed": _reason(error)}
        future.release()  # or the cluster would keep all weights
        if "storage" in result:
            flight.claim.close()
            return self.broken(run, f"on a worker, {result['storage']}")
        if "failed" in result:
            flight.claim.close()
            return self.run_queue.fail(run, result["failed"], None)
        try:
            for name, content in result["files"].items():
                replace(study.folder / name, content)
            if result["record"] is None:
                self._submit(flight)
                return Tick()
            study.record(RunRecord.parse(result["record"]))
        except StorageError as error:
            flight.claim.close()
            return self.broken(run, str(error))
        study.checkpoint_file(run.run_id).unlink(missing_ok=True)
        flight.claim.close()
        return self.run_queue.finished(run)

    def close(self) -> None:
        for flight in self.flying.values():
            with contextlib.suppress(Exception):  # the scheduler may be gone already
                flight.future.cancel()
            flight.claim.close()
            self.run_queue.give_back(flight.run)
        self.flying.clear()
        self.run_queue.study.tidy()
        with contextlib.suppress(Exception):
            self.client.close(timeout=1)


def _connected(client: type[Client], scheduler: str) -> Client:
    """A client; raises UserError that says what is missing. A client that could not be made takes long to go, so look first."""
    from distributed.comm import get_address_host_port
    from distributed.security import Security

    address = _in_file(Path(scheduler)) if Path(scheduler).is_file() else scheduler.strip()
    try:
        get_address_host_port(address)
    except ValueError as error:
        raise UserError(f"{scheduler!r} is no address of a Dask scheduler: it looks like tcp://host:8786") from error
    if address.startswith("tls://") and Security().get_connection_args("client").get("ssl_context") is None:
        raise UserError(f"{scheduler} needs TLS: name certificate, key and CA in the Dask configuration, as docs/clusters.md shows")
    try:
        return client(address, timeout=CONNECT, set_as_default=False)
    except Exception as error:  # of many kinds
        raise UserError(f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`") from error


def _in_file(file: Path) -> str:
    """The address in a scheduler file, which may be written just now."""
    for left in range(20, -1, -1):
        try:
            return str(json.loads(file.read_bytes())["address"])
        except (ValueError, KeyError, TypeError, OSError, RecursionError) as error:
            if not left:
                how = f"write one with `dask scheduler --scheduler-file {file}`"
                raise UserError(f"{file} is no file of a Dask scheduler: {how}") from error
        time.sleep(0.1)
    raise AssertionError


def _asked_about_itself() -> Callable[[], str]:
    """What a worker is asked, sent by value: it may lack rnnbench, or have another one."""

    def about() -> str:
        from importlib import import_module

        return str(import_module("rnnbench").__version__)

    return about


def _reason(error: BaseException | None) -> str:
    """Why a leg came to no end."""
    if type(error).__name__ == "KilledWorker":
        return "its worker died, again and again"
    return one_line(error) if error else "cancelled by Dask"
