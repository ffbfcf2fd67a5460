"""Workers of many machines, through Dask ``distributed``: no shared file system is needed.

A run goes to the workers in legs. A leg takes the run's files (log, checkpoint) along, trains in a temporary folder of its worker
and brings the files back as the task's result, the last one with weights and row of ``runs.csv``; so whatever dies, worker or
driver, costs a run one leg at most. Rows stream to the driver meanwhile, as events. The driver alone writes to the study, and holds
its runs there. Workers need rnnbench and, for a task or cell given by path, that file.
"""

from __future__ import annotations

import contextlib
import queue
import tempfile
import threading
import time
import uuid
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rnnbench.config import RunConfig
from rnnbench.errors import BusyError, UserError
from rnnbench.records import Row, Study, replace_file
from rnnbench.sweep.agenda import Agenda, Event, Failed, Progress, Started, Tick
from rnnbench.sweep.failures import reason_of_error

TICK = 0.1  # seconds between two looks at the stop flag
CONNECT = 10  # seconds to find the scheduler, or its first worker
LEG = 30.0
"""Seconds of a run, rounded up to an evaluation, between two times that its files come back."""

_one_at_a_time = threading.Lock()  # torch's threads and noise are settings of a whole process


@dataclass
class _Flight:
    """A run at the workers."""

    config: RunConfig
    claim: contextlib.ExitStack  # holds the run in the study
    future: Any = None


class Dask:
    """Runs an agenda on the workers of a Dask scheduler, one run a worker process at a time.

    Args:
        agenda: the runs.
        scheduler: address (``tcp://host:8786``) or scheduler file.
        fail_fast: stop at the first failure.
        leg: seconds that a run trains on a worker before its files come back; it ends with an evaluation.

    Raises:
        UserError: the extra is not installed, or nothing answers at that address.
    """

    def __init__(self, agenda: Agenda, scheduler: str, fail_fast: bool = False, leg: float = LEG) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise UserError("--dask needs the extra: pip install 'rnnbench[dask]'") from None
        self.agenda = agenda
        self.fail_fast = fail_fast
        self.leg = leg
        self.stopping = False
        self.news: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()  # filled by Dask's own thread
        self.topic = f"rnnbench-{uuid.uuid4().hex}"  # this sweep's events, apart from those of others
        is_file = Path(scheduler).is_file()
        try:
            self.client = Client(scheduler_file=scheduler, timeout=CONNECT) if is_file else Client(scheduler, timeout=CONNECT)
        except (OSError, ValueError, TimeoutError) as error:
            raise UserError(f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`") from error
        self.flying: dict[str, _Flight] = {}  # by key of the task

    @property
    def jobs(self) -> int:
        """Worker processes of the cluster now; it may grow and shrink."""
        return len(self.client.scheduler_info(n_workers=-1)["workers"])

    def stop(self) -> None:
        """Ask to stop; safe to call from a signal handler."""
        self.stopping = True

    def events(self) -> Iterator[Event]:
        """Do all runs. In flight are as many as there are workers: those that come late find work, nothing piles up."""
        self.client.subscribe_topic(self.topic, lambda event: self.news.put(("row", event[1]["row"])))
        try:
            while not self.stopping:
                while len(self.flying) < max(1, self.jobs) and (config := self.agenda.next()):
                    yield self._start(config)
                if not self.flying and self.agenda.empty:
                    return
                for event in self._look():
                    yield event
                    if self.fail_fast and isinstance(event, Failed):
                        self.stopping = True
                yield Tick()
        finally:
            self._end_all()

    def _start(self, config: RunConfig) -> Event:
        claim = contextlib.ExitStack()
        try:
            claim.enter_context(self.agenda.study.claim(config.run_id))
        except BusyError:
            return self.agenda.busy(config)
        self._submit(_Flight(config, claim))
        return Started(config)

    def _submit(self, flight: _Flight) -> None:
        config = flight.config
        key = f"{config.run_id}-{uuid.uuid4().hex}"  # a key of its own: never the result of an earlier leg
        files = _files(self.agenda.study, config.run_id)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Sending large graph")  # a wide net's checkpoint, once a leg
            flight.future = self.client.submit(_work, config.model_dump(), files, self.leg, self.topic, key=key, pure=False)
        flight.future.add_done_callback(lambda done: self.news.put(("done", done.key)))
        self.flying[key] = flight

    def _look(self) -> Iterator[Event]:
        with contextlib.suppress(queue.Empty):
            word, value = self.news.get(timeout=TICK)
            while True:
                if word == "row":
                    config = next((f.config for f in self.flying.values() if f.config.run_id == value["run_id"]), None)
                    if config:
                        yield Progress(config, Row(**value))
                elif value in self.flying:
                    yield self._landed(self.flying.pop(value))
                word, value = self.news.get_nowait()

    def _landed(self, flight: _Flight) -> Event:
        """A leg has ended: keep its files, and send the run on unless it has its verdict."""
        config, future, study = flight.config, flight.future, self.agenda.study
        if future.status == "finished":
            result = future.result(timeout=CONNECT)
        else:
            error = future.exception(timeout=CONNECT) if future.status == "error" else None
            result = {"failed": _reason(error)}
        future.release()  # or the cluster would keep all weights
        if "failed" in result:
            flight.claim.close()
            return self.agenda.fail(config, result["failed"], None)
        for name, content in result["files"].items():
            replace_file(study.folder / name, content)
        if result["run"] is None:
            self._submit(flight)
            return Tick()
        study.record_run(result["run"])
        study.checkpoint_file(config.run_id).unlink(missing_ok=True)
        flight.claim.close()
        return self.agenda.finished(config)

    def _end_all(self) -> None:
        for flight in self.flying.values():
            with contextlib.suppress(Exception):  # the scheduler may be gone already
                flight.future.cancel()
            flight.claim.close()
            self.agenda.give_back(flight.config)
        self.flying.clear()
        self.agenda.tidy()
        with contextlib.suppress(Exception):
            self.client.close(timeout=1)


def _reason(error: BaseException | None) -> str:
    """Why a leg came to no end."""
    if type(error).__name__ == "KilledWorker":
        return "its worker died, again and again"
    return reason_of_error(error) if error else "cancelled by Dask"


def _files(study: Study, run_id: str) -> dict[str, bytes]:
    """What a study has of a run, by name in its folder; the log first, as it may be ahead of its checkpoint but never behind."""
    paths = (study.log_file(run_id), study.checkpoint_file(run_id), study.weights_file(run_id))
    return {path.relative_to(study.folder).as_posix(): path.read_bytes() for path in paths if path.exists()}


def _work(values: dict[str, Any], files: dict[str, bytes], leg: float, topic: str) -> dict[str, Any]:
    """On a worker: one leg of a run, from these files to those it would have left in a study."""
    from distributed import get_worker

    from rnnbench.execute import Execution

    worker = get_worker()
    key = worker.get_current_task()
    config = RunConfig.model_validate(values)
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="rnnbench-") as folder:
        try:
            study = Study(folder)
            for name, content in files.items():
                replace_file(study.folder / name, content)
            end = time.monotonic() + leg
            with contextlib.closing(Execution(config, study).rows()) as rows:
                for row in rows:
                    worker.log_event(topic, {"row": asdict(row)})
                    task = worker.state.tasks.get(key)
                    if task is None or task.state != "executing":  # the driver has stopped: nobody waits for this run
                        return {"failed": "cancelled"}
                    if time.monotonic() > end:
                        break
            return {"files": _files(study, config.run_id), "run": study.finished(config.run_id)}
        except Exception as error:
            return {"failed": reason_of_error(error)}
