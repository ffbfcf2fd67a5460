"""A task that varies its length: figures and the report show the length where those of other tasks show the gap."""

import json
import re

import pandas as pd
import pytest

from rnnbench._report import build_page
from rnnbench.plots import plot_accuracy, plot_learning
from tests.plots.study import made_up

LENGTHS = (8, 16, 32)


@pytest.fixture
def runs() -> pd.DataFrame:
    """Return the runs of two cells: tracking at three lengths, copy at two gaps."""
    rows = [
        {
            "task": "tracking",
            "cell": cell,
            "gap": 1,
            "option": json.dumps({"answers": length - 1}),
            "eval_sequences": 9999 // length,
        }
        | {"steps_to_solve": 50.0 if cell == "lstm" or length == 8 else None}
        for cell in ("lstm", "rnn")
        for length in LENGTHS
    ]
    rows += [
        {"cell": cell, "gap": gap, "option": '{"symbols": 8}', "eval_sequences": 1024}
        for cell in ("lstm", "rnn")
        for gap in (5, 10)
    ]
    return made_up(rows).assign(study="one")


@pytest.fixture
def logs(runs: pd.DataFrame) -> pd.DataFrame:
    known = ["run_id", "task", "cell", "init", "gap", "seed", "chance_accuracy", "status"]  # a log has no options
    return pd.concat([runs[known].assign(step=10 * k, accuracy=0.1 * k) for k in range(1, 4)], ignore_index=True)


def test_learning_curves_have_a_panel_per_length(runs: pd.DataFrame, logs: pd.DataFrame) -> None:
    rows = logs[logs["task"] == "tracking"]
    unfinished = rows.tail(1).assign(run_id="unfinished")  # its length is not known
    figure = plot_learning(pd.concat([rows, unfinished]), runs)
    assert [ax.get_title() for ax in figure.axes if ax.axison] == [f"length {length}" for length in LENGTHS]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["lstm", "rnn", "chance"]


def test_baselines_of_a_gap_are_drawn_next_to_a_task_that_varies_its_length(runs: pd.DataFrame) -> None:
    copy, tracking = plot_accuracy(runs).axes
    assert [len([line for line in ax.lines if line.get_label() == "order-free"]) for ax in (copy, tracking)] == [1, 0]


def test_a_report_shows_one_curve_per_cell_against_the_length(runs: pd.DataFrame, logs: pd.DataFrame) -> None:
    page = build_page([], runs, logs)
    assert "rnn fails on copy from gap 5 (0 of 1) and tracking from length 16 (0 of 1); lstm fails on copy from gap 5" in page
    assert "A curve fails at a gap or length if" in page
    assert "eval_sequences 1249" not in page
    assert re.findall(r'<th scope="col">(gap|length)</th><th scope="col">(\d+)<', page) == [("gap", "5"), ("length", "8")]
    assert re.findall(r"<label>(\w+) <select>((?:<option>\d+</option>)+)", page)[1][0] == "length"
    (found,) = re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)
    data = json.loads(found)
    assert data["labels"] == ["lstm", "rnn"]
    assert sorted({gap for gap, *_ in data["runs"]["learning-1"]}) == [*LENGTHS]
    chart = json.dumps(data["specs"]["accuracy-1"])
    assert "length (time steps)" in chart
    assert "gap (time steps)" not in chart
    assert "--option answers=7" in chart  # the command has the options of the study
    static = build_page([], runs, logs, interactive=False)
    assert "length (time steps)" in static


def test_a_title_counts_all_curves_and_names_the_length(runs: pd.DataFrame) -> None:
    titles = [" ".join(ax.get_title().split()) for ax in plot_accuracy(runs).axes]
    assert titles == [
        "copy: 2 of 2 curves forget by gap 5",
        "tracking: rnn forgets near length 12; lstm still remembers at length 32",
    ]
    more = runs.assign(cell=runs["cell"].map({"rnn": "irnn", "lstm": "gru"}), run_id=runs["run_id"] + "b")
    title = " ".join(plot_accuracy(pd.concat([runs, more])).axes[1].get_title().split())
    assert title == "tracking: 2 of 4 curves forget near length 12; 2 others still remember at length 32"
