"""Requests that are refused before any work, in the words of what was asked."""

import csv
import json
from pathlib import Path

import pytest

from rnnbench._study import StudyFolder, Table
from rnnbench._study.schema import Tuned

RECIPE = {
    "task": "copy", "option": {"alphabet": 8, "symbols": 10}, "cell": "rnn", "cell_option": {"bias": True}, "gap": "5",
    "candidates": 1, "grid": "lr 0.1", "seeds": "1000", "schedule": "linear", "max_steps": 10, "lr": 0.1, "hidden_size": 4,
    "init": "uniform", "solved": 1, "steps_to_solve": None, "accuracy": 1.0,
    "rule": "", "command": "", "rnnbench_version": "", "torch_version": "",
    "python_version": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        *(("lr", value, "column lr holds") for value in ("0", "-1", "nan", "inf", "1e999", "", "fast")),
        *(("hidden_size", value, "column hidden_size holds") for value in ("0", "-5", "3.5", "100000000000000000000", "")),
        ("gap", "-3", "column gap holds '-3', which is not gaps separated by spaces"),
        ("gap", "9" * 5000, "column gap holds"),
        ("option", "{", "column option holds '{', which is not a table as JSON"),
        ("option", "[" * 100_000, "which is not a table as JSON"),
        ("option", "[]", "column option holds"),
        ("init", "crono", "did you mean 'chrono'"),
    ],
)
def test_a_wrong_recipe_of_a_tuning_table_is_refused(rnnbench, tmp_path: Path, column: str, value: str, message: str) -> None:
    table = tmp_path / "tuned.csv"
    cells = Tuned.model_validate(RECIPE).cells()
    Table(table, Tuned).add(Tuned.model_validate(RECIPE))
    header, row = list(cells), [value if name == column else text for name, text in cells.items()]
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([header, row])
    words = ("--cell", "rnn", "--task", "copy", "--gap", "5", "--tuned", "tuned.csv", "--out", "made")
    rnnbench("sweep", *words).refused(message)
    assert not list(tmp_path.glob("made/*.csv"))


@pytest.mark.parametrize(
    "command", ["plot FILE", "table FILE", "report FILE", "status FILE", "verify FILE --check", "gates x --study FILE"]
)
def test_a_file_in_place_of_a_study_is_named_as_one(rnnbench, tmp_path: Path, command: str) -> None:
    (tmp_path / "note.txt").write_text("hello")
    rnnbench(*command.replace("FILE", "note.txt").split()).refused("note.txt is a file, not a study")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("accuracy", value) for value in ("inf", "nan", "-1", "1.5", "9" * 400)),
        ("chance_accuracy", "-1"),
        *(("wall_s", value) for value in ("nan", "-1", "inf")),
        ("horizon", "1e308"),
    ],
)
def test_a_number_that_no_run_has_is_refused(rnnbench, tmp_path: Path, studies: Path, column: str, value: str) -> None:
    (record,) = StudyFolder(studies).records()
    cells = record.cells() | {column: value}
    with (tmp_path / "runs.csv").open("w", newline="") as file:
        csv.writer(file).writerows([cells.keys(), cells.values()])
    rnnbench("table", ".").refused(f"runs.csv, line 2: column {column} holds")


def test_check_refuses_an_unknown_name_before_it_checks_the_others(rnnbench) -> None:
    rnnbench("check", "rnn", "TYPO").refused("unknown cell or task 'TYPO'")


@pytest.mark.parametrize("command", ["gradients", "sensitivity"])
def test_a_study_without_runs_to_measure_is_refused(rnnbench, command: str) -> None:
    rnnbench(command, "--study", "results").refused("--study only applies with --run")


def test_a_cluster_that_does_not_answer_leaves_the_last_sweep(rnnbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("rnnbench._sweep.dask.CONNECT_TIMEOUT_S", 0.5)
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "sweep.json").write_text(text := json.dumps({"runs": {"run_ids": ["rnn-1"]}}))
    words = ("--cell", "rnn", "--task", "copy", "--gap", "5", "--hidden-size", "4", "--out", "study", "--quiet")
    rnnbench("sweep", *words, "--dask", "tcp://127.0.0.1:1").refused("tcp://127.0.0.1:1")
    assert (tmp_path / "study" / "sweep.json").read_text() == text
