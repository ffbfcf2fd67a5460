"""The atlas: its sweep has runs of every cell it names, can be narrowed to some, and names no cell that does not exist."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from rnnbench._config import SweepRequest
from rnnbench._errors import UserError
from rnnbench._spec.resolve import rebuild
from rnnbench._sweep.grid import grid
from rnnbench._sweep.sweep_file import read_sweep
from rnnbench._training.model import build, parameter_count

FILE = Path(__file__).parents[1] / "results" / "atlas" / "atlas.toml"
SMALL = {"task": ["recall"], "gap": [50], "seed": [0]}


def atlas(**values: Any) -> SweepRequest:
    return read_sweep(FILE, SMALL | values)


def test_every_cell_of_the_atlas_has_runs() -> None:
    asked = atlas()
    assert len(asked.cell) >= 16
    assert {run.cell for run in grid(asked)} == set(asked.cell) >= set(asked.cells)


def test_a_recipe_stays_in_the_file_when_its_cell_is_left_out() -> None:
    runs = grid(atlas(cell=["lem"], cells={"rnn": {"lr": 0.1}, "lem": {"lr": [0.005, 0.0026]}}))
    assert {(run.cell, run.lr) for run in runs} == {("lem", 0.005), ("lem", 0.0026)}


def test_cells_are_of_one_size_and_tuned_alike() -> None:
    asked = atlas()
    runs = [run for run in grid(asked) if run.cell not in asked.cells]
    sizes = {run.cell: parameter_count(build(rebuild(run))) for run in runs}
    widest = {run.cell for run in runs if run.hidden_size == asked.max_hidden_size}
    assert all(19_000 < size <= 20_000 or (cell in widest and size < 20_000) for cell, size in sizes.items()), sizes
    pilot = tomllib.loads((FILE.parent / "tuning.toml").read_text(encoding="utf-8"))
    same = ("cell", "task", "schedule", "parameters", "max_hidden_size", "max_steps", "give_up", "cells")
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    assert {key: pilot[key] for key in same} == {key: table[key] for key in same}


def test_a_recipe_of_no_cell_is_an_error() -> None:
    with pytest.raises(UserError, match=r"\[cells.lemm\]: unknown cell: did you mean 'lem'"):
        grid(atlas(cells={"lemm": {"lr": 0.1}}))
