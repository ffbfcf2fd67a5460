"""What a network remembers, on a network whose memory is known, and on every kind of model."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

import rnnbench as bench
from rnnbench._config import RunRequest
from rnnbench._spec.resolve import resolve
from rnnbench.cells import SequenceModel
from rnnbench.insight import measure_positions, measure_remembrance
from rnnbench.insight._constructions import CONSTRUCTIONS
from rnnbench.insight._remembrance import positions, remembrance
from rnnbench.plots import plot_positions, plot_remembrance


def perfect(task: str, cell: str = "rnn"):
    model, _ = CONSTRUCTIONS[f"{cell}-{task}"].build()
    return model.eval(), resolve(RunRequest(task=task, cell=cell, gap=6, hidden_size=8))


def test_a_perfect_memory_follows_the_replaced_symbols_one_by_one() -> None:
    model, resolved = perfect("copy")
    rows = {int(row["replaced"]): row for row in remembrance(model, resolved, 400)}
    assert rows[0]["changed"] == rows[0]["distance"] == 0
    length = resolved.task.length(6)
    assert rows[max(rows)]["replaced"] == length - 1
    assert {row["replaced"] + row["steps_before"] for row in rows.values()} == {length}
    for replaced, row in rows.items():  # of ten symbols, each of 8 equally likely, those replaced change in 7 of 8 cases
        assert row["changed"] == pytest.approx(min(replaced, 10) / 10 * 7 / 8, abs=0.04)
    assert all(row["accuracy"] == 1 for row in positions(model, resolved, 9, 64))


def test_numbers_change_by_the_replaced_values() -> None:
    model, resolved = perfect("adding")
    rows = remembrance(model, resolved, 200)
    assert rows[0]["changed"] == 0
    assert rows[-1]["changed"] > 0.8
    assert 0.2 < rows[-1]["distance"] < 0.7


class LastThree(SequenceModel):
    """A model that sees only the last three inputs."""

    name = "last-three"
    summary = "a window"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inner = torch.nn.Conv1d(input_size, hidden_size, 3)

    def sequence(self, x: Tensor) -> Tensor:
        padded = torch.nn.functional.pad(x.permute(1, 2, 0), (2, 0))
        return self.inner(padded).permute(2, 0, 1)


@pytest.mark.filterwarnings("ignore:.*runs on torch:UserWarning")
def test_a_window_forgets_all_that_lies_before_it() -> None:
    small = {"task": "recall", "gap": 9, "hidden_size": 8, "max_steps": 2, "eval_every": 2, "progress": False}
    result = bench.run(cell=LastThree, **small)
    frame = measure_remembrance(result, sequences=64)
    assert (frame.loc[frame["steps_before"] >= 3, "distance"] == 0).all()
    assert frame.loc[frame["steps_before"] < 3, "distance"].max() > 0
    assert len(plot_remembrance(frame).axes) == 1


def test_the_accuracy_of_positions_is_that_of_all_answers() -> None:
    small = {"task": "copy", "hidden_size": 8, "max_steps": 4, "eval_every": 2, "progress": False}
    result = bench.run(cell="gru", gap=4, **small)
    frame = measure_positions(result, gap=[4, 7], sequences=200)
    assert frame.groupby("eval_gap")["position"].apply(list).tolist() == [list(range(10))] * 2
    assert set(frame["answers"]) == {200}
    assert frame["accuracy"].mean() == pytest.approx(frame["chance_accuracy"].iloc[0], abs=0.1)
    figure = plot_positions(frame)
    assert figure.axes[0].images[0].get_array().shape == (2, 10)


def test_positions_are_counted_within_a_sequence() -> None:
    """Check a task whose sequences have answers at different steps."""
    model, resolved = perfect("recall")
    task = resolved.task
    batch = task.sample(6, 4, torch.Generator().manual_seed(0))
    scored = torch.zeros_like(batch.scored)
    scored[-1] = True
    scored[-2, :2] = True  # two sequences have two answers

    class TwoAnswers:
        def sample(self, gap, batch_size, generator):
            return batch._replace(scored=scored)

        def correct(self, outputs, batch):
            return batch.scored.nonzero()[:, 0] == len(batch.scored) - 1  # only the last step is right

        def chance(self, gap):
            return task.chance(gap)

    rows = positions(model, resolved._replace(task=TwoAnswers()), 6, 4)
    assert [(row["position"], row["accuracy"], row["answers"]) for row in rows] == [(0, 0.5, 4), (1, 1.0, 2)]


def test_the_command_prints_and_draws_both(rnnbench) -> None:
    small = ["--task", "copy", "--gap", "3", "--hidden-size", "4", "--max-steps", "2", "--eval-every", "2", "--out", "s"]
    assert rnnbench("run", "--cell", "gru", *small).code == 0
    result = rnnbench("remembrance", "copy-gru", "--study", "s", "--gap", "3,5", "--out", "figures", "--quiet")
    assert result.code == 0, result.err
    assert "gap 5: accuracy by position" in result.out
    assert {path.suffix for path in Path("figures").glob("positions_copy-gru*")} == {".csv", ".png", ".svg"}
    rnnbench("remembrance", "copy-gru", "--study", "s", "--gap", "x").refused("--gap takes whole numbers separated by commas")
