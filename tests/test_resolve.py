"""What a run is: every default filled in once, options in one form, plug-ins by content; and what its identity leaves out."""

import linecache
import math
import shutil
import sys
from pathlib import Path

import pytest

from rnnbench._config import RECIPES, Run, RunRequest, SweepRequest
from rnnbench._errors import UserError
from rnnbench._plugins.registry import CELLS
from rnnbench._spec.resolve import plugins_of, rebuild, resolve
from rnnbench._sweep.grid import grid
from rnnbench._sweep.sweep_file import read_sweep
from tests.cli.test_check import CELL


def asked(**values: object) -> Run:
    return resolve(RunRequest.model_validate({"task": "copy", "cell": "lstm"} | values)).run


def test_every_default_is_filled_in() -> None:
    run = asked()
    assert (run.init, run.horizon, run.max_steps, run.option) == ("chrono", 400.0, 8000, {"symbols": 10, "alphabet": 8})
    assert run.cell_option == {"bias": True}
    assert asked(cell="rnn").horizon is None
    values = {name: value for name, value in run.model_dump().items() if name in RunRequest.model_fields}
    assert asked(**values | {"train_gaps": None}) == run


@pytest.mark.parametrize("value", [True, "true", "True", "1", 1])
def test_one_network_has_one_run_id_however_its_options_are_written(value: object) -> None:
    assert asked(cell_option={"bias": value}).run_id == asked().run_id
    assert asked(cell_option={"bias": False}).run_id != asked().run_id
    assert asked(option={"symbols": "10"}).run_id == asked(option={"symbols": 10}).run_id == asked().run_id


def test_flags_a_sweep_file_and_python_agree(tmp_path: Path) -> None:
    file = tmp_path / "study.toml"
    file.write_text('cell = "lstm"\ntask = "copy"\ngap = 50\nlr = 1\n[option]\nsymbols = 5\n[cell_option]\nbias = false\n')
    (from_file,) = grid(read_sweep(file, {}))
    flags = {"cell": ["lstm"], "task": ["copy"], "gap": [50], "lr": [1.0]}
    (from_flags,) = grid(read_sweep(None, flags | {"option": {"symbols": "5"}, "cell_option": {"bias": "false"}}))
    python = asked(gap=50, lr=1, option={"symbols": 5}, cell_option={"bias": False})
    assert from_file.run_id == from_flags.run_id == python.run_id
    assert from_file == from_flags == python


def test_speed_is_no_part_of_the_identity_and_everything_else_is() -> None:
    run = asked()
    for name, value in {"threads": 2, "engine": "torch", "device": "cuda"}.items():
        assert run.model_copy(update={name: value}).run_id == run.run_id
    changed = {"gap": 9, "seed": 1, "hidden_size": 9, "lr": 0.5, "init": "uniform", "horizon": 9.0, "max_steps": 9}
    changed |= {"task": "x", "cell": "y"}
    changed |= {"batch_size": 9, "schedule": "cosine", "optimizer": "sgd", "beta2": 0.9, "clip_norm": 9.0, "eval_every": 9}
    changed |= {"eval_sequences": 9000, "give_up": 9, "layers": 2, "block": "residual", "option": {"a": 1}, "cell_option": {"a": 1}}
    changed |= {"train_sequences": 9, "recurrent_clip": 9.0, "task_source": "a", "cell_source": "b"}
    changed |= {
        "momentum": 0.9,
        "nesterov": True,
        "weight_decay": 0.1,
        "warmup": 9,
        "truncate": 9,
        "train_gaps": "1..9",
        "protocol": "mine",
    }
    assert set(changed) | set(Run.SPEED) == set(Run.model_fields)
    ids = {run.run_id, *(Run.model_validate(run.model_dump() | {name: value}).run_id for name, value in changed.items())}
    assert len(ids) == len(changed) + 1


def test_a_field_that_is_new_at_its_old_meaning_changes_no_run_id() -> None:
    """The run_ids of runs that are committed: a change here makes them unreadable, and needs a migration."""
    names = [asked(cell=cell, recipe="v2", schedule="constant").run_id for cell in ("rnn", "lstm")]
    assert names == ["copy-rnn-uniform-gap200-seed0-9e65d3beef", "copy-lstm-chrono-gap200-seed0-decf72f4b8"]


def test_a_plugin_is_its_content_wherever_it_lies(tmp_path: Path) -> None:
    here, there = tmp_path / "leaky.py", tmp_path / "b" / "other.py"
    here.write_text(CELL)
    there.parent.mkdir()
    shutil.copy(here, there)
    run = asked(cell=str(here))
    assert run.cell == "mine"
    assert run.cell_option == {"rate": 0.5}
    assert asked(cell=str(there)) == run
    assert str(tmp_path) not in run.model_dump_json()
    here.write_text(CELL.replace("tanh", "sin"))
    edited = asked(cell=str(here))
    assert edited.run_id != run.run_id
    assert asked(cell=str(there)).run_id == run.run_id  # both are known at once
    here.write_text("raise SystemExit(7)")
    with pytest.raises(UserError, match=r"leaky\.py, line 1: SystemExit: 7"):
        asked(cell=str(here))


def test_another_process_gets_a_plugin_by_its_content(tmp_path: Path) -> None:
    path = tmp_path / "leaky.py"
    path.write_text(CELL)
    run = asked(cell=str(path))
    plugins = plugins_of(run)
    path.unlink()
    CELLS._plugins.clear()  # a fresh process
    with pytest.raises(UserError, match=r"give its file, package.module:Class or class with cell"):
        CELLS.get(run.cell, run.cell_source)
    assert rebuild(run, plugins).cell_entry.name == "mine"
    assert CELLS.get("mine", run.cell_source).name == "mine"
    assert plugins_of(asked()) == ()


def test_a_sweep_gives_each_cell_its_own_recipe() -> None:
    sweep = SweepRequest.model_validate(
        {"cell": ["rnn", "lstm"], "task": ["recall"], "gap": [5, 10], "lr": [0.1]}
        | {"cells": {"rnn": {"lr": [0.01, 0.02], "hidden_size": 16, "cell_option": {"bias": [True, False]}}}}
    )
    runs = grid(sweep)
    found = {(r.cell, r.gap, r.lr, r.hidden_size, r.cell_option["bias"]) for r in runs}
    rnn = {("rnn", gap, lr, 16, bias) for gap in (5, 10) for lr in (0.01, 0.02) for bias in (True, False)}
    assert found == rnn | {("lstm", gap, 0.1, 128, True) for gap in (5, 10)}
    assert len(runs) == len(found)


def test_the_sizes_of_a_cell_may_have_any_name(tmp_path: Path) -> None:
    path = tmp_path / "leaky.py"
    path.write_text(CELL.replace("input_size", "i").replace("hidden_size", "h"))
    assert asked(cell=str(path), cell_option={"rate": "0.2"}).cell_option == {"rate": 0.2}


def test_a_file_that_imports_a_module_beside_it_is_known_by_that_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, beside = tmp_path / "leaky.py", tmp_path / "my_helpers.py"
    path.write_text("from my_helpers import squash\n" + CELL.replace("torch.tanh", "squash"))
    monkeypatch.syspath_prepend(tmp_path)
    found = []
    for function in ("tanh", "sin", "tanh"):
        beside.write_text(f"import torch\n\n\ndef squash(x):\n    return torch.{function}(x)\n")
        CELLS._plugins.clear()  # a fresh process
        sys.modules.pop("my_helpers", None)
        shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)
        linecache.clearcache()
        found.append(asked(cell=str(path)).cell_source)
    assert found[0] == found[2] != found[1]


def test_resolving_never_runs_step(tmp_path: Path) -> None:
    path = tmp_path / "leaky.py"
    path.write_text(CELL.replace("(h,) = state", "raise SystemExit('step was run')"))
    assert resolve(RunRequest(task="copy", cell=str(path))).run.engine == "auto"


@pytest.mark.parametrize("cell", ["lstm", "transformer"])
def test_recipe_v3_states_todays_defaults(cell: str) -> None:
    assert asked(cell=cell, recipe="v3") == asked(cell=cell)
    assert {*RECIPES["v2"]} - {"lr", "eval_sequences", "recurrent_clip"} == {*RECIPES["v3"]} - {"eval_answers"}


def test_the_default_limit_is_for_cells_with_a_forget_gate() -> None:
    limits = {cell: asked(cell=cell).recurrent_clip for cell in ("lstm", "gru", "rnn", "irnn", "transformer")}
    assert limits == {"lstm": 0.32, "gru": 0.32, "rnn": math.inf, "irnn": math.inf, "transformer": math.inf}
    assert asked(cell="rnn", recurrent_clip=1.0).recurrent_clip == 1.0
