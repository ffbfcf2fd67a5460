"""Tests with a real scheduler and workers on loopback: a worker is killed, the driver stops and resumes."""

import itertools
import logging
import os
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._spec.resolve import rebuild, resolve
from rnnbench._study import StudyFolder
from rnnbench._study.atomic import load_tensors
from rnnbench._sweep.dask import LOGGERS, Dask
from rnnbench._sweep.run_queue import Evaluated, Finished, HeldElsewhere, RunQueue
from rnnbench._training.runner import Runner
from tests.sweep.processes import DEADLINE, SMALL, Start, plain, runs, wait_for

FLAGS = ["--cell", "rnn,lstm", "--task", "beijing", "--gap", "5,10", "--seed", "0,1", "--max-steps", "300", "--eval-every", "10"]
FLAGS += SMALL


def test_without_the_extra_one_line_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(UserError, match=r"^--dask needs the extra: pip install 'rnnbench\[dask\]'$"):
        Dask(RunQueue(StudyFolder(tmp_path), []), "tcp://127.0.0.1:1")


def test_a_sweep_silences_distributed_only_until_it_ends(start: Start, tmp_path: Path) -> None:
    file, _ = cluster(start, tmp_path, 0)
    wait_for(file.exists)
    loggers = [logging.getLogger(name) for name in LOGGERS]
    before = [logger.level for logger in loggers]
    with pytest.raises(UserError, match="is not an address"):
        Dask(RunQueue(StudyFolder(tmp_path), []), "nowhere")
    assert [logger.level for logger in loggers] == before
    workers = Dask(RunQueue(StudyFolder.create(tmp_path / "study"), []), str(file))
    assert {logger.level for logger in loggers} == {logging.CRITICAL}
    assert list(workers.events()) == []
    assert [logger.level for logger in loggers] == before


MAX_EVENTS = 600
"""Limit of a driver's events; none takes longer than a tenth of a second."""


def start_scheduler(start: Start, file: Path) -> subprocess.Popen:
    """Start a scheduler on loopback."""
    return start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file, module="dask")


def cluster(start: Start, folder: Path, workers: int) -> tuple[Path, list[subprocess.Popen]]:
    """Start a scheduler and workers; return the scheduler file and the worker processes."""
    pytest.importorskip("distributed")
    file = folder / "scheduler.json"
    start_scheduler(start, file)
    worker = ("worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    return file, [start(*worker, "--local-directory", folder / f"w{k}", module="dask") for k in range(workers)]


def test_a_killed_worker_neither_loses_nor_doubles_a_run(rnnbench, start: Start, tmp_path: Path) -> None:
    file, (first_worker, _) = cluster(start, tmp_path, 2)
    sweep = start("sweep", *FLAGS, "--out", "study", "--dask", file)
    study = tmp_path / "study"
    wait_for(lambda: runs(study))
    os.killpg(first_worker.pid, signal.SIGKILL)
    assert sweep.wait(DEADLINE) == 0, sweep.communicate()
    assert rnnbench("sweep", *FLAGS, "--out", "local").code == 0
    assert len(runs(study)) == 8
    assert runs(study) == runs(tmp_path / "local")
    home = StudyFolder(study)
    for record in home.records():
        steps = [row.step for row in home.log(record.run_id)]
        assert steps == sorted(set(steps))
        assert steps[-1] == record.step
        assert load_tensors(home.weights_file(record.run_id))


def test_a_stopped_driver_resumes_where_it_stopped(start: Start, tmp_path: Path) -> None:
    file, _ = cluster(start, tmp_path, 1)
    small = {"hidden_size": 8, "batch_size": 8, "engine": "torch", "eval_sequences": 1000}
    config = resolve(RunRequest(cell="lstm", task="recall", gap=50, max_steps=60, eval_every=10, **small)).run
    wait_for(file.exists)
    study = StudyFolder.create(tmp_path / "study")
    first = Dask(RunQueue(study, [config]), str(file), task_seconds=0.0)
    for event in itertools.islice(first.events(), MAX_EVENTS):
        if isinstance(event, Evaluated) and event.row.step == 30:  # the files of the rows before are back
            first.stop()
    checkpoint = int(load_tensors(study.checkpoint_file(config.run_id))["step"])
    assert checkpoint >= 20
    assert not study.claimed(config.run_id)

    second = Dask(RunQueue(study, [config]), str(file), task_seconds=0.0)
    events = list(itertools.islice(second.events(), MAX_EVENTS))
    assert min(event.row.step for event in events if isinstance(event, Evaluated)) == checkpoint + 10
    assert sum(isinstance(event, Finished) for event in events) == 1
    list(Runner(rebuild(config), StudyFolder.create(tmp_path / "local")).rows())
    assert runs(study.folder) == runs(tmp_path / "local")
    assert plain(study.log(config.run_id)) == plain(StudyFolder(tmp_path / "local").log(config.run_id))


def test_a_run_that_another_process_holds_is_left_to_it(start: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, _ = cluster(start, tmp_path, 1)
    monkeypatch.setattr("rnnbench._sweep.run_queue.BUSY_TIMEOUT_S", 0.0)
    config = resolve(RunRequest(cell="rnn", task="beijing", gap=5)).run
    wait_for(file.exists)
    study = StudyFolder.create(tmp_path / "study")
    with study.claim(config.run_id):
        assert any(isinstance(event, HeldElsewhere) for event in Dask(RunQueue(study, [config]), str(file)).events())


def test_problems_of_a_cluster_are_reported_and_no_run_fails(start: Start, tmp_path: Path) -> None:
    """No worker, one with another rnnbench, one without; then the scheduler dies."""
    file, scheduler = tmp_path / "scheduler.json", start_scheduler(start, tmp_path / "scheduler.json")
    wait_for(file.exists)
    sweep = start("sweep", *FLAGS, "--max-steps", "100000", "--lr", "0.0001", "--dask", file, "--out", "study")
    errors: list[str] = []
    threading.Thread(target=lambda: errors.extend(iter(sweep.stderr.readline, "")), daemon=True).start()
    wait_for(lambda: any("no worker at" in line and "waiting" in line for line in errors))
    for name, text in (("other", "__version__ = '0.0.9'\n"), ("none", "raise ImportError\n")):
        (tmp_path / name / "rnnbench").mkdir(parents=True)
        (tmp_path / name / "rnnbench" / "__init__.py").write_text(text)
        worker = ("worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--no-dashboard")
        start(*worker, "--local-directory", tmp_path / f"w-{name}", module="dask", path=tmp_path / name)
    wait_for(lambda: any("has rnnbench 0.0.9 and gets no runs" in line for line in errors))
    wait_for(lambda: any("cannot load rnnbench and gets no runs" in line for line in errors))
    os.killpg(scheduler.pid, signal.SIGKILL)
    assert sweep.wait(DEADLINE) == 1
    wait_for(lambda: "the Dask scheduler at" in errors[-1])
    assert not [line for line in errors if "Traceback" in line]
    assert StudyFolder(tmp_path / "study").failures.rows() == []
