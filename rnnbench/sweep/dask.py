"""Workers of many machines, through Dask ``distributed``: no shared file system is needed.

A run trains in a temporary folder of its worker; rows stream to the driver as events, and the whole run (log, row of ``runs.csv``,
weights) comes back as the task's result. The driver alone writes to the study. Dask runs a task again when its worker dies, so a
run may be done twice; it is recorded once, by its run_id. Workers need rnnbench and, for a task or cell given by path, that file.
"""

from __future__ import annotations

import contextlib
import queue
import tempfile
import threading
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rnnbench.config import RunConfig
from rnnbench.errors import UserError
from rnnbench.records import ROW_COLUMNS, Row, Study, replace_file, write_csv
from rnnbench.sweep.agenda import Agenda, Event, Failed, Progress, Started, Tick
from rnnbench.sweep.failures import reason_of_error

TICK = 0.1  # seconds between two looks at the stop flag
CONNECT = 10  # seconds to find the scheduler, or its first worker

_one_at_a_time = threading.Lock()  # torch's threads and noise are settings of a whole process


class Dask:
    """Runs an agenda on the workers of a Dask scheduler, one run a worker process at a time.

    Args:
        agenda: the runs.
        scheduler: address (``tcp://host:8786``) or scheduler file.
        fail_fast: stop at the first failure.

    Raises:
        UserError: the extra is not installed, or nothing answers at that address.
    """

    def __init__(self, agenda: Agenda, scheduler: str, fail_fast: bool = False) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise UserError("--dask needs the extra: pip install 'rnnbench[dask]'") from None
        self.agenda = agenda
        self.fail_fast = fail_fast
        self.stopping = False
        self.news: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()  # filled by Dask's own thread
        self.topic = f"rnnbench-{uuid.uuid4().hex}"  # this sweep's events, apart from those of others
        is_file = Path(scheduler).is_file()
        try:
            self.client = Client(scheduler_file=scheduler, timeout=CONNECT) if is_file else Client(scheduler, timeout=CONNECT)
        except (OSError, ValueError, TimeoutError) as error:
            raise UserError(f"no Dask scheduler answers at {scheduler}: start one with `dask scheduler`") from error
        self.flying: dict[str, tuple[RunConfig, Any]] = {}  # by key: the run and its future

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
                    self._submit(config)
                    yield Started(config)
                if not self.flying and self.agenda.empty:
                    return
                for event in self._look():
                    yield event
                    if self.fail_fast and isinstance(event, Failed):
                        self.stopping = True
                yield Tick()
        finally:
            self._end_all()

    def _submit(self, config: RunConfig) -> None:
        key = f"{config.run_id}-{uuid.uuid4().hex}"  # a key of its own: never the result of an earlier sweep
        future = self.client.submit(_work, config.model_dump(), self.topic, key=key, pure=False)
        future.add_done_callback(lambda done: self.news.put(("done", done.key)))
        self.flying[key] = (config, future)

    def _look(self) -> Iterator[Event]:
        with contextlib.suppress(queue.Empty):
            word, value = self.news.get(timeout=TICK)
            while True:
                if word == "row":
                    config = next((c for c, _ in self.flying.values() if c.run_id == value["run_id"]), None)
                    if config:
                        yield Progress(config, Row(**value))
                elif value in self.flying:
                    yield self._verdict(*self.flying.pop(value))
                word, value = self.news.get_nowait()

    def _verdict(self, config: RunConfig, future: Any) -> Event:
        if future.status != "finished":
            error = future.exception(timeout=CONNECT) if future.status == "error" else None
            dead = type(error).__name__ == "KilledWorker"
            reason = "its worker died, again and again" if dead else reason_of_error(error) if error else "cancelled by Dask"
            future.release()
            return self.agenda.fail(config, reason, None)
        result = future.result(timeout=CONNECT)
        future.release()  # or the cluster would keep all weights
        if "failed" in result:
            return self.agenda.fail(config, result["failed"], None)
        study, run_id = self.agenda.study, config.run_id
        write_csv(study.log_file(run_id), ROW_COLUMNS, result["rows"])
        replace_file(study.weights_file(run_id), result["weights"])
        study.record_run(result["run"])
        study.checkpoint_file(run_id).unlink(missing_ok=True)
        return self.agenda.finished(config)

    def _end_all(self) -> None:
        for config, future in self.flying.values():
            with contextlib.suppress(Exception):  # the scheduler may be gone already
                future.cancel()
            self.agenda.give_back(config)
        self.flying.clear()
        self.agenda.tidy()
        with contextlib.suppress(Exception):
            self.client.close(timeout=1)


def _work(values: dict[str, Any], topic: str) -> dict[str, Any]:
    """On a worker: one whole run, as the plain content of what it would have left in a study."""
    from distributed import get_worker

    from rnnbench.execute import Execution

    worker = get_worker()
    key = worker.get_current_task()
    config = RunConfig.model_validate(values)
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="rnnbench-") as folder:
        try:
            study = Study(folder)
            execution = Execution(config, study)
            rows = []
            for row in execution.rows():
                rows.append(asdict(row))
                worker.log_event(topic, {"row": rows[-1]})
                task = worker.state.tasks.get(key)
                if task is None or task.state != "executing":  # the driver has stopped: nobody waits for this run
                    execution.stop()
            run = study.finished(config.run_id)
            if run is None:
                return {"failed": "cancelled"}
            return {"rows": rows, "run": run, "weights": study.weights_file(config.run_id).read_bytes()}
        except Exception as error:
            return {"failed": reason_of_error(error)}
