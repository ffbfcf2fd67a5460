"""Tests of ``run --tensorboard``: TensorBoard reads the study's numbers; without TensorBoard one line."""

import importlib.util
import sys
from pathlib import Path

import pytest

from rnnbench._cli.terminal.tensorboard import LOGGED
from rnnbench._study import StudyFolder

RUN = ["run", "--cell", "rnn", "--task", "beijing", "--gap", "2", "--hidden-size", "4", "--batch-size", "4", "--engine", "torch"]
RUN += ["--max-steps", "4", "--eval-every", "2", "--tensorboard"]


@pytest.mark.skipif(importlib.util.find_spec("tensorboard") is None, reason="the extra tensorboard is not installed")
@pytest.mark.filterwarnings("default")  # of TensorBoard's own libraries
def test_tensorboard_reads_the_rows_of_the_log(rnnbench, tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert rnnbench(*RUN).code == 0
    (run,) = StudyFolder.open(tmp_path / "results").records()
    rows = StudyFolder.open(tmp_path / "results").log(run.run_id)
    events = EventAccumulator(str(tmp_path / "results" / "tensorboard" / run.run_id)).Reload()
    assert set(events.Tags()["scalars"]) == set(LOGGED)
    for name in LOGGED:
        written = [(event.step, event.value) for event in events.Scalars(name)]
        assert written == [(row.step, pytest.approx(getattr(row, name), rel=1e-6)) for row in rows]


def test_without_tensorboard_one_line_names_the_extra(rnnbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    result = rnnbench(*RUN)
    assert (result.code, result.err) == (2, "rnnbench: --tensorboard needs the extra: pip install 'rnnbench[tensorboard]'\n")
