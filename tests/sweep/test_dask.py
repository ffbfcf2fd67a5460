"""A real scheduler and two workers on loopback; one of them dies in mid-run."""

import os
import signal
from pathlib import Path

import pytest

from rnnbench.errors import UserError
from rnnbench.records import ROW_COLUMNS, Study, load_tensors, read_csv
from rnnbench.sweep.agenda import Agenda
from rnnbench.sweep.dask import Dask
from tests.sweep.processes import SMALL, Start, runs, wait_for

FLAGS = ["--cell", "rnn,lstm", "--task", "beijing", "--gap", "5,10", "--seed", "0,1", "--max-steps", "300", "--eval-every", "10"]
FLAGS += SMALL


def test_without_the_extra_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "distributed", None)
    with pytest.raises(UserError, match=r"^--dask needs the extra: pip install 'rnnbench\[dask\]'$"):
        Dask(Agenda(Study(tmp_path), []), "tcp://127.0.0.1:1")


def test_a_killed_worker_loses_no_run_and_doubles_none(start: Start, tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    start("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", file, module="dask")
    worker = ("worker", "--scheduler-file", file, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    mortal, _ = (start(*worker, "--local-directory", tmp_path / f"w{k}", module="dask") for k in range(2))
    sweep = start("sweep", *FLAGS, "--out", "study", "--dask", file)
    study = tmp_path / "study"
    wait_for(lambda: runs(study), 40)
    os.killpg(mortal.pid, signal.SIGKILL)
    assert sweep.wait(60) == 0, sweep.communicate()
    alone = start("sweep", *FLAGS, "--out", "alone")
    assert alone.wait(60) == 0
    assert len(runs(study)) == 8
    assert runs(study) == runs(tmp_path / "alone")
    for row in runs(study):
        steps = [int(line["step"]) for line in read_csv(Study(study).log_file(row["run_id"]), ROW_COLUMNS)]
        assert steps == sorted(set(steps))
        assert steps[-1] == int(row["step"])
        assert load_tensors(Study(study).weights_file(row["run_id"]))
