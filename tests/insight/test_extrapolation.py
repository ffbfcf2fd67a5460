"""Measuring a trained network at other gaps: each gap once, and nothing else in the study changes."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from rnnbench._plugins import registry
from rnnbench._spec.resolve import rebuild
from rnnbench._study import Extrapolation, StudyFolder, Table
from rnnbench._training.model import stream
from rnnbench.insight import _extrapolation
from rnnbench.insight._load import find_run, load_trained

RUN = ["run", "--cell", "gru", "--task", "recall", "--gap", "2", "--hidden-size", "12", "--batch-size", "16", "--max-steps", "120"]
RUN += ["--eval-sequences", "1024"]


def test_the_final_weights_of_the_run_are_measured(rnnbench, tmp_path: Path) -> None:
    result = rnnbench(*RUN, "--eval-gaps", "1,2,9")
    assert result.code == 0
    frame = pd.read_csv(tmp_path / "results" / "extrapolation.csv")
    assert list(frame.columns) == list(Extrapolation.columns())
    assert frame["eval_gap"].tolist() == [1, 2, 9]
    assert set(frame["gap"]) == {2}
    study = StudyFolder(tmp_path / "results")
    config = find_run(study, "recall-gru")
    model, task = load_trained(rebuild(config), study), registry.make_task("recall")
    model.engine = "torch"  # the written-out steps
    generator = stream(config.seed, "extrapolate")
    right = 0
    with torch.no_grad():
        for _ in range(8):  # 1,024 sequences, 128 at once
            batch = task.sample(9, 128, generator)
            right += int(task.correct(model(batch), batch).sum())
    assert frame["accuracy"].iloc[-1] == pytest.approx(right / 1024, abs=2 / 1024)
    assert f"at gap 9: {100 * frame['accuracy'].iloc[-1]:.1f} %, chance 10.0 %" in result.out


def test_each_gap_is_measured_once_and_the_run_is_unchanged(rnnbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert rnnbench(*RUN).code == 0
    runs = (tmp_path / "results" / "runs.csv").read_text()
    calls = []
    real = _extrapolation.measure_at_gap
    monkeypatch.setattr(_extrapolation, "measure_at_gap", lambda study, config, gap: calls.append(gap) or real(study, config, gap))
    assert rnnbench(*RUN, "--eval-gaps", "5").code == 0
    first = (tmp_path / "results" / "extrapolation.csv").read_text()
    result = rnnbench(*RUN, "--eval-gaps", "7,5")
    assert calls == [5, 7]
    assert (tmp_path / "results" / "extrapolation.csv").read_text().startswith(first)
    assert result.out.index("at gap 5") < result.out.index("at gap 7")
    assert (tmp_path / "results" / "runs.csv").read_text() == runs
    assert "extrapolation.png" in rnnbench("plot", "results").out


def test_a_damaged_line_is_measured_again(rnnbench, tmp_path: Path) -> None:
    assert rnnbench(*RUN, "--eval-gaps", "1,4").code == 0
    file = tmp_path / "results" / "extrapolation.csv"
    whole = file.read_text()
    file.write_text(whole[:-9])
    assert rnnbench(*RUN, "--eval-gaps", "1,4").code == 0
    assert file.read_text() == whole
    assert len(Table(file, Extrapolation).rows()) == 2


def test_missing_weights_are_reported(rnnbench, tmp_path: Path) -> None:
    assert rnnbench(*RUN).code == 0
    weights = next((tmp_path / "results" / "weights").iterdir())
    weights.write_bytes(weights.read_bytes()[:100])
    damaged = rnnbench(*RUN, "--eval-gaps", "4")
    weights.unlink()
    missing = rnnbench(*RUN, "--eval-gaps", "4")
    assert (damaged.code, missing.code) == (2, 2)
    assert "is damaged, or of another run: repeat the run with `rnnbench run --force`" in damaged.err
    assert "no weights of recall-gru" in missing.err
    assert "`rnnbench run --force` repeats it" in missing.err
