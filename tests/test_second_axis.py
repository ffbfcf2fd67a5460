"""A second axis: an option of the task in place of the gap, as the number of scored products of tracking."""

import json
from pathlib import Path

import pytest

import rnnbench as api
from rnnbench._analysis.summary import label_curves, summarise, with_axis
from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._spec.resolve import resolve
from rnnbench._study import StudyFolder

SWEEP = """
cell = ["gru", "rnn"]
task = "tracking"
gap = 1
hidden_size = 4
max_steps = 2
eval_every = 1
[tasks.tracking.option]
answers = [2, 5]
group = "Z2"
"""


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    (tmp_path / "sweep.toml").write_text(SWEEP)
    return api.sweep(file=tmp_path / "sweep.toml", out=tmp_path / "study", jobs=1, progress=False)


def test_a_number_of_answers_takes_the_place_of_the_gap(rnnbench, study: StudyFolder) -> None:
    runs = study.runs()
    assert len(runs) == 4
    assert len(set(label_curves(runs)["label"])) == 4
    summary = summarise(with_axis(runs, "answers"))
    expected = [[label, n] for label in ("gru (chrono)", "rnn (uniform)") for n in (2, 5)]
    assert summary[["label", "gap"]].to_numpy().tolist() == expected
    result = rnnbench("table", str(study.folder), "--axis", "answers", "--format", "csv")
    assert result.out.splitlines()[0].split(",").count("answers") == 1
    assert "gap" not in result.out.splitlines()[0].split(",")
    assert "accuracy_by_answers.png" in rnnbench("plot", str(study.folder), "--axis", "answers", "--figure", "accuracy_by_gap").out
    refused = "--axis pairs: no run has a number as option 'pairs'; there are answers"
    for command in ("table", "plot"):
        rnnbench(command, str(study.folder), "--axis", "pairs").refused(refused)


def test_the_figure_names_the_option_and_several_gaps_stay_separate_curves(study: StudyFolder) -> None:
    from rnnbench.plots import plot_accuracy
    from rnnbench.plots._panels import gap_axis

    runs = with_axis(study.runs(), "answers")
    with gap_axis("answers"):
        assert plot_accuracy(runs).axes[0].get_xlabel() == "answers"
    assert plot_accuracy(runs).axes[0].get_xlabel() == "gap (time steps)"
    both = study.runs()
    both.loc[both["cell"] == "rnn", "gap"] = 3
    shown = with_axis(both, "answers")
    assert {json.loads(text)["gap"] for text in shown["option"]} == {1, 3}
    assert len(set(label_curves(shown)["label"])) == 2
    with pytest.raises(UserError, match="--axis group"):
        with_axis(both, "group")


def test_the_default_horizon_of_tracking_follows_its_length() -> None:
    def horizon(**values: object) -> float | None:
        request = {"task": "tracking", "cell": "lstm", "init": "chrono", "gap": 1} | values
        return resolve(RunRequest.model_validate(request)).run.horizon

    assert horizon(option={"answers": 100}) == horizon(gap=100)
    assert horizon(option={"answers": 100}, recipe="v2") == horizon(recipe="v2") == 20
    assert horizon(train_gaps="1..50", option={"answers": 51}) == horizon(gap=100)
