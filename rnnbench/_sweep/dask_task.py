"""The function that a Dask worker runs: it trains one run for a while. :mod:`rnnbench._sweep.dask` submits it."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from rnnbench._config import Run
from rnnbench._errors import one_line, storage_error_of
from rnnbench._plugins.source import Plugin
from rnnbench._spec.resolve import rebuild
from rnnbench._study import StudyFolder
from rnnbench._study.atomic import replace
from rnnbench.testing._preflight import warning_line

_one_run_at_a_time = threading.Lock()  # torch's thread count and random state belong to the process


def read_files(study: StudyFolder, run_id: str) -> dict[str, bytes]:
    """Return a run's files by the names of :func:`file_paths`; the log first: it may be ahead of the checkpoint, never behind."""
    return {name: path.read_bytes() for name, path in file_paths(study, run_id).items() if path.exists()}


def file_paths(study: StudyFolder, run_id: str) -> dict[str, Path]:
    """Return the path of every file that a run may have, by its name in messages between driver and worker."""
    return {"log": study.log_file(run_id), "checkpoint": study.checkpoint_file(run_id), "weights": study.weights_file(run_id)}


def train_on_worker(
    values: dict[str, object], plugins: Sequence[Plugin], files: dict[str, bytes], seconds: float, topic: str
) -> dict[str, object]:
    """Train a run from its files for some seconds; its rows and the warnings about plug-ins are events of ``topic``.

    Returns ``files`` and ``record``, which is None unless the run has ended. After an error it returns only the message: as
    ``storage`` if the worker's machine failed, else as ``failed``.
    """
    from distributed import get_worker

    from rnnbench._training.runner import Runner

    worker, key = get_worker(), get_worker().get_current_task()
    run = Run.model_validate(values)
    with _one_run_at_a_time, tempfile.TemporaryDirectory(prefix="rnnbench-") as folder:
        try:
            study = StudyFolder.create(folder)
            for name, content in files.items():
                replace(file_paths(study, run.run_id)[name], content)
            end = time.monotonic() + seconds
            runner = Runner(rebuild(run, plugins), study)
            worker.log_event(topic, {"warning": warning_line(runner.findings)})
            with contextlib.closing(runner.rows()) as rows:
                for row in rows:
                    worker.log_event(topic, {"row": row.values()})
                    task = worker.state.tasks.get(key)
                    if task is None or task.state != "executing":  # the driver has stopped
                        return {"failed": "cancelled"}
                    if time.monotonic() > end:
                        break
            record = study.finished(run.run_id)
            return {"files": read_files(study, run.run_id), "record": record and record.cells()}
        except BaseException as error:  # including SystemExit of a plug-in, which would end the worker
            fault = storage_error_of(error)
            return {"storage": str(fault)} if fault else {"failed": one_line(error)}
