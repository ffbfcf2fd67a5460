"""Tests of the commands that read studies: several at once, selections of runs, and errors."""

import errno
import io
import os
from pathlib import Path

import pandas as pd
import pytest

from rnnbench._study import RunRecord, StudyFolder
from rnnbench._sweep.grid import grid
from rnnbench._sweep.sweep_file import read_sweep
from tests.plots.study import made_up

CELLS = {"one": "rnn", "two": "lstm"}


REFERENCE = Path(__file__).parents[2] / "results" / "reference"
BASE = StudyFolder.open(REFERENCE).records()[0].cells()
"""A complete row; tests replace some of its values."""


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Make two studies with a cell each, of two tasks at three gaps; the second has twice the width."""
    for name, cell in CELLS.items():
        rows = [
            {"task": task, "cell": cell, "gap": gap, "seed": seed, "steps_to_solve": 10.0 if cell == "lstm" else None}
            | {"hidden_size": 256 if cell == "lstm" else 128}
            for task in ("copy", "recall")
            for gap in (5, 10, 20)
            for seed in range(5)
        ]
        frame = made_up(rows).drop(columns=["option", "cell_option"]).astype(object)
        frame = frame.where(frame.notna(), None).assign(run_id=[f"{name}-{k}" for k in range(len(rows))], answers=1024)
        texts = [{key: "" if value is None else str(value) for key, value in row.items()} for row in frame.to_dict("records")]
        StudyFolder.create(tmp_path / name).finished_table.write(RunRecord.parse(BASE | row) for row in texts)
    return tmp_path


def test_labels_of_several_studies_contain_what_differs(rnnbench, studies: Path) -> None:
    table = pd.read_csv(io.StringIO(rnnbench("table", "one", "two", "--format", "csv").out))
    assert set(table["label"]) == {"rnn", "lstm"}
    twice = pd.read_csv(io.StringIO(rnnbench("table", "one", "one", "--format", "csv").out))
    assert set(twice["seeds"]) == {5}


def test_tasks_and_cells_can_be_selected(rnnbench, studies: Path) -> None:
    table = pd.read_csv(io.StringIO(rnnbench("table", "one", "two", "--only", "recall", "--cell", "lstm", "--format", "csv").out))
    assert (set(table["task"]), set(table["cell"])) == ({"recall"}, {"lstm"})
    result = rnnbench("plot", "one", "two", "--only", "recall", "--style", "slide", "--out", "figures")
    assert "accuracy_by_gap.png" in result.out
    result = rnnbench("table", "one", "--cell", "lstm")
    assert (result.code, result.err) == (2, "rnnbench: --cell: no runs of cell 'lstm'; there are rnn\n")


def test_the_runs_of_a_sweep_file_can_be_selected(rnnbench, studies: Path) -> None:
    for name, gap in (("some", 5), ("others", 9)):
        (studies / f"{name}.toml").write_text(f'cell = "rnn"\ntask = "recall"\ngap = {gap}\nseed = [0, 1]\n', encoding="utf-8")
    runs = grid(read_sweep(studies / "some.toml", {}))
    table = StudyFolder.open("one").finished_table
    kept = [row.model_copy(update={"run_id": run.run_id}) for row, run in zip(table.rows(), runs, strict=False)]
    table.write([*kept, *table.rows()[len(kept) :]])
    shown = pd.read_csv(io.StringIO(rnnbench("table", "one", "--sweep", "some.toml", "--format", "csv").out))
    assert shown["seeds"].sum() == len(kept) == 2
    rnnbench("table", "one", "--sweep", "some.toml,others.toml").refused("no runs of others.toml")


def test_figures_can_be_selected(rnnbench, studies: Path) -> None:
    result = rnnbench("plot", "one", "--figure", "span,solved_rate", "--out", "some")
    assert result.err == ""
    assert {path.name for path in (studies / "some").glob("*.png")} == {"span.png", "solved_rate.png"}
    assert "accuracy_by_gap" not in result.out
    rnnbench("plot", "one", "--figure", "spam").refused("there are accuracy_by_gap, solved_rate, span")


def test_plot_counts_the_runs_without_a_learning_curve(rnnbench, studies: Path) -> None:
    assert (
        rnnbench("plot", "one", "--only", "copy").err == "rnnbench: no learning curve for runs without a log in logs/: 15 of 15\n"
    )
    copied = REFERENCE / "logs" / f"{StudyFolder.open(REFERENCE).records()[0].run_id}.csv"
    (studies / "one" / "logs" / "one-0.csv").write_text(copied.read_text().replace(copied.stem, "one-0"))
    result = rnnbench("plot", "one", "--only", "copy")
    assert "14 of 15" in result.err
    assert "learning_curves_copy.png" in result.out


def test_two_cells_are_compared(rnnbench, studies: Path) -> None:
    table = pd.read_csv(io.StringIO(rnnbench("table", "one", "two", "--compare", "lstm,rnn", "--format", "csv").out))
    assert table["difference"].tolist() == [1.0] * 6
    assert table["p"].tolist() == pytest.approx([6 * 2 / 252] * 6)
    by_label = "lstm (uniform),rnn"
    assert rnnbench("table", "one", "two", "--compare", by_label, "--format", "csv").out.count("\n") == 7
    assert "corrected for 6 comparisons (Holm)" in rnnbench("table", "one", "two", "--compare", "lstm,rnn").out.replace("\n", " ")
    for wrong in ("lstm", "lstm,nobody"):
        rnnbench("table", "one", "two", "--compare", wrong).refused()


def test_a_comparison_names_the_gaps_that_one_of_the_cells_lacks(rnnbench, studies: Path) -> None:
    def keep(name: str, gaps: tuple[str, ...]) -> None:
        path = studies / name / "runs.csv"
        frame = pd.read_csv(path, dtype=str, keep_default_na=False)
        frame[frame["gap"].isin(gaps)].to_csv(path, index=False)

    keep("one", ("5", "10"))
    command = ("table", "one", "two", "--compare", "lstm,rnn", "--only", "copy")
    assert "because runs are missing: rnn on copy at gap 20" in " ".join(rnnbench(*command).out.split())
    keep("two", ("20",))
    rnnbench(*command).refused(
        "no gap has runs of both; with `rnnbench sweep`, run lstm on copy at gap 5,10 or rnn on copy at gap 20"
    )


def test_spans_are_a_separate_table(rnnbench, studies: Path) -> None:
    table = pd.read_csv(io.StringIO(rnnbench("table", "one", "two", "--spans", "--format", "csv").out))
    assert table["cell"].tolist() == ["lstm", "rnn"] * 2
    assert table["span"].tolist()[::2] == [20, 20]
    assert table["span"].isna().tolist()[1::2] == [True, True]
    text = rnnbench("table", "one", "two", "--spans", "--format", "markdown").out
    (row,) = (line for line in text.splitlines() if line.startswith("| copy | lstm |"))
    assert "| above 20 | no | ≥ 20 | 5 |" in row
    rnnbench("table", "one", "two", "--spans", "--compare", "lstm,rnn").refused()


def test_a_table_fits_80_columns_with_complete_names(rnnbench, studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for more in (["--details"], ["--spans"], ["--compare", "lstm,rnn"]):
        out = rnnbench("table", "one", "two", *more).out
        assert max(len(line) for line in out.splitlines()) <= 80
        assert "…" not in out
        assert ("span ≥ 20; one recipe, no recorded pilot runs" in out.replace("\n", " ")) == (more == ["--details"])
    thousands = rnnbench("table", str(REFERENCE), "--all", "--only", "copy,recall", "--compare", "lstm,gru").out
    assert " to -" in thousands
    assert "…" not in thousands


def test_a_full_disk_leaves_no_partial_figure(rnnbench, studies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    result = rnnbench("plot", "one", "--only", "copy")
    assert result.code == 1
    assert "No space left" in result.err
    assert list((studies / "one/figures").iterdir()) == []


def test_plot_makes_slides_and_chinese_figures(rnnbench, studies: Path) -> None:
    from rnnbench.plots._language import chinese_fonts

    result = rnnbench("plot", "one", "two", "--figure", "span", "--style", "slide", "--out", "slides")
    assert {path.stem for path in Path("slides").iterdir()} == {"span_copy", "span_recall"}, result.err
    if chinese_fonts():
        assert rnnbench("plot", "one", "--figure", "span", "--language", "zh", "--out", "zh").code == 0
        assert (Path("zh") / "span.png").exists()
