"""The atlas sweep: every named cell exists and has runs, and a selection of cells works."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from rnnbench._config import SweepRequest
from rnnbench._errors import UserError
from rnnbench._spec.resolve import rebuild
from rnnbench._spec.width import parameter_count
from rnnbench._sweep.grid import grid
from rnnbench._sweep.sweep_file import read_sweep
from rnnbench._training.model import build

FILE = Path(__file__).parents[1] / "results" / "atlas" / "atlas.toml"
SMALL = {"task": ["recall"], "gap": [50], "seed": [0]}


def atlas(**values: Any) -> SweepRequest:
    return read_sweep(FILE, SMALL | values)


def test_every_cell_of_the_atlas_has_runs() -> None:
    request = atlas()
    assert len(request.cell) >= 16
    assert {run.cell for run in grid(request)} == set(request.cell) >= set(request.cells)


def test_a_recipe_may_stay_in_the_file_when_its_cell_is_not_selected() -> None:
    runs = grid(atlas(cell=["lem"], cells={"rnn": {"lr": 0.1}, "lem": {"lr": [0.005, 0.0026]}}))
    assert {(run.cell, run.lr) for run in runs} == {("lem", 0.005), ("lem", 0.0026)}


def test_cells_have_equal_size_and_equal_tuning() -> None:
    request = atlas()
    runs = [run for run in grid(request) if run.cell not in request.cells]
    sizes = {run.cell: parameter_count(build(rebuild(run))) for run in runs}
    widest = {run.cell for run in runs if run.hidden_size == request.max_hidden_size}
    assert all(19_000 < size <= 20_000 or (cell in widest and size < 20_000) for cell, size in sizes.items()), sizes
    pilot = tomllib.loads((FILE.parent / "tuning.toml").read_text(encoding="utf-8"))
    same = ("cell", "task", "schedule", "parameters", "max_hidden_size", "max_steps", "give_up", "cells")
    table = tomllib.loads(FILE.read_text(encoding="utf-8"))
    assert {key: pilot[key] for key in same} == {key: table[key] for key in same}


def test_a_recipe_for_an_unknown_cell_is_an_error() -> None:
    with pytest.raises(UserError, match=r"\[cells.lemm\]: unknown cell: did you mean 'lem'"):
        grid(atlas(cells={"lemm": {"lr": 0.1}}))
