"""What a worker of a cluster does: one leg of a run, in a folder of its own. See :mod:`rnnbench._sweep.dask` for the driver."""

from __future__ import annotations

import contextlib
import tempfile
import threading
import time
from collections.abc import Sequence

from rnnbench._config import Run
from rnnbench._errors import machine_fault, one_line
from rnnbench._plugins.source import Plugin
from rnnbench._spec.resolve import admit
from rnnbench._study import Study
from rnnbench._study.atomic import replace
from rnnbench.testing import warning

_one_at_a_time = threading.Lock()  # torch's threads and noise are settings of a whole process


def files_of(study: Study, run_id: str) -> dict[str, bytes]:
    """What a study has of a run, by name in its folder; the log first, as it may be ahead of its checkpoint but never behind."""
    paths = (study.log_file(run_id), study.checkpoint_file(run_id), study.weights_file(run_id))
    return {path.relative_to(study.folder).as_posix(): path.read_bytes() for path in paths if path.exists()}


def leg(
    values: dict[str, object], plugins: Sequence[Plugin], files: dict[str, bytes], seconds: float, topic: str
) -> dict[str, object]:
    """One leg of a run, from these files to those it would have left in a study.

    Args:
        values: the run, plain.
        plugins: what its task and cell are made from, if they do not come with rnnbench.
        files: what the driver's study has of it, by name.
        seconds: how long it may take, rounded up to an evaluation.
        topic: where its rows, and what the checks say of its plug-ins, go as events.

    Returns:
        ``files`` and, of a finished run, its ``record``; or why there are none: ``storage`` (the machine failed) or ``failed``.
    """
    from distributed import get_worker

    from rnnbench._training.runner import Execution

    worker, key = get_worker(), get_worker().get_current_task()
    run = Run.model_validate(values)
    with _one_at_a_time, tempfile.TemporaryDirectory(prefix="rnnbench-") as folder:
        try:
            admit(plugins)
            study = Study.create(folder)
            for name, content in files.items():
                replace(study.folder / name, content)
            end = time.monotonic() + seconds
            execution = Execution(run, study)
            worker.log_event(topic, {"verdict": warning(execution.findings)})
            with contextlib.closing(execution.rows()) as rows:
                for row in rows:
                    worker.log_event(topic, {"row": row.values()})
                    task = worker.state.tasks.get(key)
                    if task is None or task.state != "executing":  # the driver has stopped: nobody waits for this run
                        return {"failed": "cancelled"}
                    if time.monotonic() > end:
                        break
            record = study.finished(run.run_id)
            return {"files": files_of(study, run.run_id), "record": record and record.cells()}
        except BaseException as error:  # sys.exit of a plug-in too, which would take the worker with it
            fault = machine_fault(error)
            return {"storage": str(fault)} if fault else {"failed": one_line(error)}
