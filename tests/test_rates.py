"""The default learning rate: tuned per cell and task, else a fallback; and the note on cells at chance."""

from itertools import product
from pathlib import Path

import pytest

from rnnbench._api import sweep_request
from rnnbench._config import RunRequest, SweepRequest
from rnnbench._spec import rates
from rnnbench._spec.rates import rate_lines, tuned_rates
from rnnbench._spec.request import request
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._study import StudyFolder, Table, Tuned
from rnnbench._sweep.grid import grid, resolved_grid
from tests.test_tune import CELL, outcome

SMALL = ("--hidden-size", "8", "--max-steps", "2", "--eval-every", "1")


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> list[Tuned]:
    """Replace the shipped rates by three rows."""
    first = tuned_rates()[0].model_copy(update={"cell": "rnn", "task": "recall", "init": "uniform", "lr": 0.003})
    changes: list[dict[str, object]] = [
        {},
        {"init": "orthogonal", "lr": 0.0007},
        {"task": "adding", "lr": 0.004, "learned": "none learned"},
    ]
    rows = [first.model_copy(update=change) for change in changes]
    monkeypatch.setattr(rates, "tuned_rates", lambda: rows)
    return rows


def asked(**values: object) -> Resolved:
    return resolve(RunRequest.model_validate({"task": "recall", "cell": "rnn"} | values))


def test_the_shipped_table_has_the_mission_cells_and_tasks() -> None:
    rows = tuned_rates()
    pairs = product(("rnn", "lstm", "gru"), ("copy", "adding", "recall", "beijing"))
    assert {(row.cell, row.task) for row in rows} >= set(pairs)
    assert {(row.hidden_size, row.optimizer, row.cell_source, row.task_source) for row in rows} == {(128, "adam", "", "")}


CASES: dict[str, tuple[dict[str, object], float, str | None]] = {
    "the cell's row": ({}, 0.003, "tuned for rnn on recall"),
    "the row of the start": ({"init": "orthogonal"}, 0.0007, "tuned for rnn on recall"),
    "the row of the default start": ({"init": "identity"}, 0.003, "tuned for rnn on recall"),
    "another width": ({"hidden_size": 8}, 0.003, "tuned for rnn on recall at 128 units"),
    "nothing learned": ({"task": "adding"}, 0.004, "the middle of the rates tried for rnn on adding, none of which learned it"),
    "no row": ({"cell": "lem"}, 0.005, "a default: no rate is tuned for lem on recall; rnnbench tune finds one"),
    "another optimiser": (
        {"optimizer": "sgd"}, 0.001, "a default: no rate is tuned for rnn on recall with sgd; rnnbench tune finds one"
    ),
    "an earlier recipe": ({"recipe": "v2"}, 0.02, "the default of recipe v2"),
    "a rate that is given": ({"lr": 0.5}, 0.5, None),
    "a rate that is given next to a recipe": ({"lr": 0.5, "recipe": "v2"}, 0.5, None),
}  # fmt: skip


@pytest.mark.parametrize(("values", "lr", "origin"), CASES.values(), ids=CASES)
def test_the_default_rate_and_its_origin(values: dict[str, object], lr: float, origin: str | None) -> None:
    resolved = asked(**values)
    assert resolved.run.lr == lr
    assert rate_lines([resolved.rate]) == ([f"lr {lr:g}, {origin}"] if origin else [])
    sweep = SweepRequest.model_validate({"task": "recall", "cell": "rnn", "gap": 200} | values)
    assert [(one.run, one.rate) for one in resolved_grid(sweep)] == [(resolved.run, resolved.rate)]


def test_a_plugin_with_the_name_of_a_built_in_cell_does_not_get_its_rate(tmp_path: Path) -> None:
    file = tmp_path / "other.py"
    file.write_text(CELL.replace('"mine"', '"rnn"'))
    assert asked(cell=str(file)).run.lr == 0.005


def test_none_is_the_default_rate_in_python() -> None:
    assert sweep_request(cell="rnn", task="recall", lr=None).lr == []
    assert request({"cell": "rnn", "task": "recall", "lr": None}).lr is None


def test_a_recipe_of_one_cell_in_a_sweep_keeps_the_default_of_the_others() -> None:
    sweep = SweepRequest(cell=["rnn", "lem"], task=["recall"], gap=[5], cells={"lem": {"lr": [0.3, 0.1]}})
    assert [(run.cell, run.lr) for run in grid(sweep)] == [("rnn", 0.003), ("lem", 0.3), ("lem", 0.1)]


@pytest.mark.parametrize("recipe", [None, "v2"])
def test_a_table_of_recipes_replaces_the_default_rate(tmp_path: Path, table: list[Tuned], recipe: str | None) -> None:
    file = tmp_path / "tuning.csv"
    Table(file, Tuned).write([table[0].model_copy(update={"lr": 0.04})])
    sweep = SweepRequest.model_validate({"cell": "rnn", "task": "recall", "gap": 5, "tuned": str(file), "recipe": recipe})
    assert [(one.run.lr, one.rate) for one in resolved_grid(sweep)] == [(0.04, None)]


def test_a_run_prints_the_origin_of_its_rate(rnnbench) -> None:
    argv = ("run", "--cell", "rnn", "--task", "recall", "--gap", "2", *SMALL)
    assert "\nlr 0.003, tuned for rnn on recall at 128 units\n" in rnnbench(*argv).err
    assert "\nlr 0.5\n" in rnnbench(*argv, "--lr", "0.5").err


def test_a_sweep_prints_each_origin_once(rnnbench, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(CELL)
    argv = ("sweep", "--cell", "rnn,./mine.py", "--task", "recall", "--gap", "2,3", "--seed", "0,1", *SMALL)
    lines = ["lr 0.003, tuned for rnn on recall at 128 units"]
    lines += ["lr 0.005, a default: no rate is tuned for mine on recall; rnnbench tune finds one"]
    assert [line for line in rnnbench(*argv, "--dry-run").out.splitlines() if line.startswith("lr ")] == lines
    finish(tmp_path / "results", cell=["rnn", str(tmp_path / "mine.py")], gap=[2, 3], seed=[0, 1])
    assert [line for line in rnnbench(*argv).err.splitlines() if line.startswith("lr ")] == lines


def finish(folder: Path, skill: dict[str, float] | None = None, **values: object) -> None:
    """Write the results of a sweep, without training; ``skill`` is by cell."""
    runs = grid(SweepRequest.model_validate({"task": "recall", "max_steps": 2, "eval_every": 1, "hidden_size": 8} | values))
    study = StudyFolder.create(folder)
    study.finished_table.write(outcome(run, None, (skill or {}).get(run.cell, 0.5)) for run in runs)
    (folder / "logs").rmdir()


NOTE = "t chance at the smallest gap, so the learning rate may not fit (rnnbench tune searches for a better one): "
NOTE += "rnn on recall at gap 2 with lr 0.003"


def test_cells_at_chance_at_their_smallest_gap_are_named(rnnbench, tmp_path: Path) -> None:
    finish(tmp_path / "results", {"rnn": 0.01, "lem": 0.03}, cell=["rnn", "lem"], gap=[2, 3])
    argv = ("sweep", "--cell", "rnn,lem", "--task", "recall", "--gap", "2,3", *SMALL)
    assert rnnbench("report", "--static", "--out", "page.html").code == 0
    outputs = [(tmp_path / "page.html").read_text(), *(rnnbench(*words).out for words in (argv, ("table",)))]
    assert [" ".join(text.split()).count(NOTE) for text in outputs] == [1] * 3
    assert not any(f"{NOTE}, lem" in " ".join(text.split()) for text in outputs)
