"""Training on several gaps: one gap per batch, the largest one decides, and everything else is as for one gap."""

from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import torch

import rnnbench as api
from rnnbench._analysis.summary import horizon_multiples
from rnnbench._config import HORIZON_PER_GAP, RunRequest, horizon_of
from rnnbench._errors import UserError
from rnnbench._report.text import recipe_flags
from rnnbench._spec.gaps import gaps_of, gaps_text
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._study import StudyFolder
from rnnbench._sweep.grid import grid
from rnnbench._sweep.sweep_file import read_sweep
from rnnbench._training.model import build, check_memory
from rnnbench._training.trainer import Trainer
from rnnbench.plots import plot_extrapolation

SMALL = {"task": "recall", "cell": "lstm", "gap": 4, "hidden_size": 6, "batch_size": 4, "eval_every": 5, "max_steps": 15}


def resolved(**changes: object) -> Resolved:
    return resolve(RunRequest.model_validate(SMALL | changes))


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("1..40", "1..40"),
        ("3, 1 ,2,2", "1..3"),
        ("5,9..9,6", "5,6,9"),
        ("1..3,2..6,8", "1..6,8"),
        (range(1, 41), "1..40"),
        ((20, 5), "5,20"),
        (7, "7"),
    ],
)
def test_gaps_have_one_text(given: object, text: str) -> None:
    assert gaps_text(given) == text
    assert gaps_text(text) == text
    assert resolved(train_gaps=given).run.train_gaps == text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1..", "--train-gaps must be gaps such as 1..40 or 5,10,20, not '1..'"),
        ("-1..4", "gaps such as"),
        ("1-4", "gaps such as"),
        ("1,,4", "gaps such as"),
        ("4..1", "a smaller to a larger gap"),
        ("1..99999999", "at most 10,000,000"),
        ("1..20000", "at most 10,000 gaps"),
        ("9" * 5000, "gaps such as"),
        ("0..4", "--train-gaps: gap 0 is too small for task copy"),
        ("1..4 --train-sequences 9", "--train-gaps and --train-sequences exclude each other"),
    ],
)
def test_wrong_gaps_are_refused(rnnbench, text: str, message: str) -> None:
    rnnbench("run", "--task", "copy", "--cell", "rnn", "--gap", "3", "--train-gaps", *text.split(" ")).refused(message)


def test_every_batch_has_one_of_the_gaps_and_all_are_equally_frequent() -> None:
    trainer = Trainer(resolved(train_gaps="1..3,8"))
    lengths = [len(trainer.training_batch().inputs) - 5 for _ in range(400)]
    assert set(lengths) == {1, 2, 3, 8}
    assert all(70 <= lengths.count(gap) <= 130 for gap in set(lengths))
    assert len(trainer.sample(2, trainer.eval_stream).inputs) == 4 + 5  # the evaluation's gap


def test_the_largest_training_gap_sets_the_horizon_and_what_an_initialisation_gets() -> None:
    trained, plain = resolved(train_gaps="1..30"), resolved(gap=30)
    assert trained.run.horizon == plain.run.horizon == horizon_of(30)
    for one, other in zip(build(trained).parameters(), build(plain).parameters(), strict=True):
        assert torch.equal(one, other)
    cells = [build(resolved(cell="indrnn", **more)).cell for more in ({"train_gaps": "4..900"}, {"gap": 900})]
    for one, other in zip(*(cell.parameters() for cell in cells), strict=True):
        assert torch.equal(one, other)
    with pytest.raises(UserError, match="gap 10000000 with"):
        check_memory(resolved(train_gaps="1,10000000", batch_size=1_000_000))


def test_they_are_part_of_the_identity_unless_they_are_the_gap_of_the_run() -> None:
    assert "train_gaps" not in resolved().run.identity
    assert resolved(train_gaps="4").run == resolved().run
    assert len({resolved(train_gaps=text).run.run_id for text in ("4", "1..4", "1..5")}) == 3


@pytest.mark.parametrize("engine", ["fast", "torch"])
def test_a_resumed_run_is_the_same_bit_for_bit(engine: str) -> None:
    run = resolved(train_gaps="1..9", engine=engine)
    whole = list(Trainer(run).rows())
    first, second = Trainer(run), Trainer(run)
    rows = first.rows()
    next(rows)
    second.load_state(first.state())
    assert [(row.step, row.accuracy, row.train_loss) for row in second.rows()] == [
        (row.step, row.accuracy, row.train_loss) for row in whole[1:]
    ]


def test_both_engines_train_the_same_network() -> None:
    fast, loop = (list(Trainer(resolved(train_gaps="1..9", engine=engine)).rows()) for engine in ("fast", "torch"))
    assert [row.train_loss for row in fast] == pytest.approx([row.train_loss for row in loop], rel=1e-4)


def test_one_command_measures_a_network_beyond_its_training_gaps(rnnbench, tmp_path: Path) -> None:
    words = ["--cell", "gru", "--task", "recall", "--hidden-size", "6", "--max-steps", "10", "--eval-every", "5"]
    result = rnnbench("run", *words, "--gap", "4", "--train-gaps", "1..4", "--eval-gaps", "2,4,16")
    assert result.code == 0
    assert "gap 4 (trained at 1..4)" in result.err
    again = rnnbench("run", *words, "--gap", "4", "--train-gaps", "1,2,3,4", "--eval-gaps", "2,4,16")
    assert "already done" in again.err
    assert rnnbench("run", *words, "--gap", "4", "--eval-gaps", "2,4,16").code == 0
    study = StudyFolder.open(tmp_path / "results")
    assert study.extrapolation()["train_gaps"].tolist() == ["1..4"] * 3 + [""] * 3
    assert sorted(study.runs()["train_gaps"]) == ["", "1..4"]
    commands = [recipe_flags(row, ["lr", "train_gaps"]) for row in study.runs().to_dict("records")]
    assert commands == ["--lr 0.02 --train-gaps 1..4", "--lr 0.02"]
    figure = plot_extrapolation(study)
    assert [panel.get_title() for panel in figure.axes] == ["recall, trained at gaps 1..4", "recall, trained at gap 4"]
    (shaded,) = figure.axes[0].patches
    assert (shaded.get_x(), shaded.get_x() + shaded.get_width()) == (1, 4)
    assert not figure.axes[1].patches
    plt.close("all")
    assert "extrapolation.png" in rnnbench("plot", "results").out
    assert rnnbench("table", "results").code == 0


def test_a_horizon_from_the_largest_training_gap_is_the_usual_multiple() -> None:
    runs = pd.DataFrame(
        {
            "task": "copy",
            "cell": "lstm",
            "option": "{}",
            "gap": [4, 4],
            "train_gaps": ["1..30", ""],
            "horizon": [horizon_of(30)] * 2,
        }
    )
    assert horizon_multiples(runs).tolist()[0] == HORIZON_PER_GAP
    assert horizon_multiples(runs).isna().tolist() == [False, True]


def test_sweeps_and_python_take_them_too(tmp_path: Path) -> None:
    (tmp_path / "sweep.toml").write_text('cell = "gru"\ntask = "recall"\ngap = [2, 50]\ntrain_gaps = [1, 2, 3]\n')
    runs = grid(read_sweep(tmp_path / "sweep.toml", {}))
    assert [(run.gap, run.train_gaps) for run in runs] == [(2, "1..3"), (50, "1..3")]
    small = {"hidden_size": 4, "max_steps": 2, "eval_every": 1, "progress": False}
    result = api.run("gru", "recall", 2, train_gaps=range(1, 4), **small)
    assert (result.run.train_gaps, gaps_of(result.run.train_gaps)) == ("1..3", [1, 2, 3])
