"""Tests of the display of a sweep: the remaining time, and the tally."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rnnbench._cli.terminal.sweep_progress import SweepScreen
from rnnbench._config import SweepRequest
from rnnbench._spec.resolve import rebuild
from rnnbench._study import Row, StudyFolder
from rnnbench._sweep.grid import grid
from rnnbench._sweep.run_queue import Evaluated, RunQueue, Started
from rnnbench._training.runner import Runner


def test_the_remaining_time_weighs_runs_by_their_length(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = grid(
        SweepRequest.model_validate({"cell": "rnn", "task": "beijing", "gap": [10, 90, 190], "max_steps": 100})
    )  # 20 : 100 : 200
    now = [0.0]
    monkeypatch.setattr("rnnbench._cli.terminal.sweep_progress.time.perf_counter", lambda: now[0])
    run_queue = RunQueue(StudyFolder(tmp_path / "study"), runs)
    screen = SweepScreen(run_queue, quiet=True)
    first = run_queue.next()
    assert first is not None
    screen.show(Started(first))
    assert screen.time_left() == "?"
    now[0] = 10.0
    screen.show(Evaluated(first, cast(Row, SimpleNamespace(step=50, accuracy=0.5, chance_accuracy=0.5))))
    assert screen.time_left() == "5 min 10 s"  # the runs cost 20, 100 and 200: 10 of 320 in 10 s
    now[0] = 20.0
    screen.show(cast(Any, run_queue.fail(first, "no reason", 1)))
    assert screen.time_left() == "5 min 00 s"


def test_the_tally_only_counts_the_runs_of_this_sweep(tmp_path: Path) -> None:
    small = {"cell": "memoryless", "gap": [1, 2, 3], "hidden_size": 2, "max_steps": 2, "eval_sequences": 1000, "engine": "torch"}
    first, second, third = grid(SweepRequest.model_validate({"task": "beijing"} | small))
    study = StudyFolder.create(tmp_path / "study")
    for run in (first, *grid(SweepRequest.model_validate({"task": "recall"} | small))):  # the sweep has no run of recall
        list(Runner(rebuild(run), study).rows())
    run_queue = RunQueue(study, [first, second, third])
    run_queue.next()
    run_queue.fail(second, "no reason", 1)
    screen = SweepScreen(run_queue, quiet=True)
    assert screen.tally() == [("solved", 0), ("unsolved", 1), ("failed", 1)]
    record = study.finished(first.run_id)
    assert record is not None
    study.finished_table.put(record.model_copy(update={"status": "solved"}))
    screen = SweepScreen(RunQueue(study, [first, second, third]), quiet=True)
    assert screen.tally() == [("solved", 1), ("unsolved", 0), ("failed", 1)]
    assert screen.summary(stopped=False).startswith("1 of 3 runs done (1 solved, 0 unsolved)")
