"""A second axis: an option of the task in place of the gap, as the number of scored products of tracking."""

import json
from pathlib import Path

import pytest

import rnnbench as api
from rnnbench._analysis.axes import with_axis, with_declared_axes
from rnnbench._analysis.summary import label_curves, summarise
from rnnbench._config import RunRequest, SweepRequest
from rnnbench._errors import UserError
from rnnbench._spec.resolve import resolve
from rnnbench._study import StudyFolder
from rnnbench._sweep.grid import grid

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
    expected = [[label, n] for label in ("gru", "rnn") for n in (2, 5)]
    assert summary[["label", "gap"]].to_numpy().tolist() == expected
    result = rnnbench("table", str(study.folder), "--axis", "answers", "--format", "csv")
    assert result.out.splitlines()[0].split(",").count("answers") == 1
    assert "gap" not in result.out.splitlines()[0].split(",")
    assert "accuracy_by_answers.png" in rnnbench("plot", str(study.folder), "--axis", "answers", "--figure", "accuracy_by_gap").out
    refused = "--axis pairs: no run has a number as option 'pairs'; there are answers"
    for command in ("table", "plot"):
        rnnbench(command, str(study.folder), "--axis", "pairs").refused(refused)


def test_gaps_and_lengths_in_one_study_keep_one_curve_each(tmp_path: Path) -> None:
    """Horizons follow the gap on one task and the length on the other: at length 8 it is 20, the least there is."""
    folder = str(tmp_path)
    common = {"cell": "lstm", "hidden_size": 4, "max_steps": 1, "eval_every": 1, "jobs": 1, "progress": False, "out": folder}
    api.sweep(task="recall", gap=[2, 30], **common)
    api.sweep(task="tracking", gap=1, option={"length": [8, 24]}, **common)
    rows = summarise(with_declared_axes(StudyFolder.open(tmp_path).runs()))
    assert rows[["task", "label", "informed", "axis", "gap"]].to_numpy().tolist() == [
        ["recall", "lstm", "yes", "gap", 2],
        ["recall", "lstm", "yes", "gap", 30],
        ["tracking", "lstm", "yes", "length", 8],
        ["tracking", "lstm", "yes", "length", 24],
    ]


def test_a_single_value_of_an_axis_makes_no_figure(rnnbench, tmp_path: Path) -> None:
    short = {"hidden_size": 4, "max_steps": 1, "eval_every": 1, "progress": False}
    api.run(cell="lstm", task="tracking", gap=1, option={"answers": 2}, out=tmp_path, **short)
    rnnbench("plot", str(tmp_path), "--axis", "answers").refused("no figure shows these runs")


def test_the_figure_names_the_option_and_several_gaps_stay_separate_curves(study: StudyFolder) -> None:
    from rnnbench.plots import plot_accuracy

    assert plot_accuracy(with_axis(study.runs(), "answers")).axes[0].get_xlabel() == "answers"
    figure = plot_accuracy(study)
    assert figure.axes[0].get_xlabel() == "length (time steps)"
    assert figure.axes[0].get_xticks().tolist() == [3, 6]
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

    assert horizon(option={"answers": 100}) == horizon(gap=100, option={"answers": 1})
    assert horizon(option={"answers": 100}, recipe="v2") == horizon(recipe="v2") == 20
    assert horizon(option={"length": 101}) == horizon(gap=100, option={"answers": 1}) == 200
    assert horizon(cell="lru", init="ring", option={"length": 101}) == 200
    assert horizon(train_gaps="1..50", option={"answers": 51}) == horizon(gap=100, option={"answers": 1})


def test_tracking_scores_every_step_by_default_and_earlier_recipes_the_last_one() -> None:
    def resolved(**values: object) -> tuple[int, int, int]:
        found = resolve(RunRequest.model_validate({"task": "tracking", "cell": "gru"} | values))
        return found.run.gap, found.task.answers, found.task.length(found.run.gap)

    assert resolved() == (1, 63, 64)
    assert resolved(option={"length": "20"}) == (1, 19, 20)
    assert resolved(gap=5, option={"length": 20}) == (5, 15, 20)
    assert resolved(recipe="v2") == (200, 1, 201)
    assert resolved(recipe="v2", option={"answers": 3}) == (200, 3, 203)
    for wrong in ("1", "x", "2.5", "-3"):
        with pytest.raises(UserError, match="task tracking: option length must be a whole number above the gap, 1, not"):
            resolved(option={"length": wrong})
    with pytest.raises(UserError, match="exclude each other"):
        resolved(option={"length": 9, "answers": 2})


def test_a_sweep_over_tracking_varies_the_length() -> None:
    def places(**values: object) -> list[tuple[int, int]]:
        request = SweepRequest.model_validate({"task": "tracking", "cell": "gru"} | values)
        return [(run.gap, run.option["answers"]) for run in grid(request)]

    assert places() == [(1, length - 1) for length in (8, 16, 32, 64, 128)]
    assert places(option={"length": [5, 9]}) == [(1, 4), (1, 8)]
    assert places(gap=[2, 3]) == [(2, 63), (3, 63)]
    assert places(option={"answers": 7}) == [(1, 7)]
    assert places(recipe="v2") == [(gap, 1) for gap in (3, 5, 10, 20, 50, 100, 200)]


def test_tables_and_scores_show_the_length_where_runs_have_one_gap(rnnbench, study: StudyFolder) -> None:
    shown = with_declared_axes(study.runs())
    assert (set(shown["gap"]), set(shown["axis"])) == ({3, 6}, {"length"})
    scores = api.Study.open(study.folder).spans()
    assert scores["label"].tolist() == ["gru", "rnn"]
    assert set(scores["grid"]) == {"3 6"}
    assert scores["informed"].tolist() == ["yes", "no"], "the horizon of chrono follows the length"
    assert "length 6" in rnnbench("table", str(study.folder), "--format", "markdown").out
    assert "accuracy_by_gap.png" in rnnbench("plot", str(study.folder), "--figure", "accuracy_by_gap").out
    other = study.runs()
    other.loc[0, "gap"] = 3
    assert "axis" not in with_declared_axes(other), "runs of several gaps stay on the gap"


def test_show_reads_a_length(rnnbench) -> None:
    assert len(rnnbench("show", "tracking", "--gap", "1", "--option", "length=5").out.splitlines()[0].split()) == 6
