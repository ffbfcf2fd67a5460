"""The Python interface with custom classes: failures and changes are reported, and instances work like classes."""

import functools
import threading
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from typer.testing import CliRunner

import rnnbench
from rnnbench._cli import app
from rnnbench._plugins.registry import CELLS
from rnnbench._spec.request import request
from rnnbench._spec.resolve import resolve
from rnnbench.cells import Cell
from rnnbench.testing._preflight import preflight

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of what the checks find besides
SMALL: dict[str, Any] = {"task": "beijing", "gap": 3, "hidden_size": 4, "max_steps": 2, "eval_every": 2, "progress": False}


class Leaky(Cell):
    name = "leaky"
    summary = "leaky integrator"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ())

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
        return (torch.tanh(x @ self.weight_ih.T + state[0] @ self.weight_hh.T),), {}


def test_a_sweep_says_which_runs_failed(tmp_path: Path) -> None:
    class Bad(Leaky):
        name = "bad"

        def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
            if self.training and x.shape[0] > 20:
                raise IndexError("too many")
            return super().step(x, state)

    with pytest.warns(UserWarning, match=r"1 of 2 runs failed, as beijing-bad-.*too many"):
        study = rnnbench.sweep(cell=["rnn", Bad], jobs=1, out=tmp_path, **SMALL)
    assert list(study.failed()["cell"]) == ["bad"]
    assert "1 finished runs, 1 failed" in repr(study)
    CELLS._plugins.clear()  # a fresh process, which has no class Bad
    result = CliRunner().invoke(app, ["status", str(tmp_path)])
    assert result.exit_code == 0
    assert "too many" in result.output
    assert "to do        0" in result.output  # sweep.json holds the ids of its runs


def test_a_cached_helper_goes_to_other_processes_and_what_cannot_is_told(tmp_path: Path) -> None:
    @functools.cache
    def half(x: float) -> float:
        return x / 2

    class Cached(Leaky):
        name = "cached"

        def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
            return (torch.tanh(x @ self.weight_ih.T + half(0.5) * state[0]),), {}

    assert len(rnnbench.sweep(cell=[Cached], jobs=1, out=tmp_path, **SMALL).runs()) == 1

    class Locked(Leaky):
        name, lock = "locked", threading.Lock()

    with pytest.raises(
        rnnbench.UserError, match=r"class Locked: .* cannot be sent to other processes: .*lock.*; write the class to a file"
    ):
        rnnbench.run(cell=Locked, **SMALL)


def test_a_result_says_how_it_was_made_and_a_changed_class_is_told(tmp_path: Path) -> None:
    class Mine(Leaky):
        name, factor = "mine", 1.0

        def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
            return (torch.tanh(x @ self.weight_ih.T * self.factor + state[0]),), {}

    made = rnnbench.run(cell=Mine, engine="torch", out=tmp_path, **SMALL)
    assert rnnbench.run(cell=Mine, engine="auto", out=tmp_path, **SMALL).run.engine == "torch"
    assert made.model.cell.hidden_size == 4
    Mine.factor = 2.0
    with pytest.warns(UserWarning, match="cell mine has changed in Python"):
        assert made.model.cell.hidden_size == 4


def test_an_instance_is_checked_as_it_is_and_runs_at_its_width() -> None:
    rnnbench.check_cell(Leaky(3, 4))
    with pytest.raises(rnnbench.UserError, match="cell must be a name, the path of a file"):
        rnnbench.check_cell(None)  # type: ignore[arg-type]
    with pytest.raises(rnnbench.UserError, match="task must be a name, the path of a file"):
        rnnbench.check_task(3)  # type: ignore[arg-type]
    assert (
        rnnbench.run(cell=Leaky(3, 5), **{name: value for name, value in SMALL.items() if name != "hidden_size"}).run.hidden_size
        == 5
    )
    assert Leaky(3, 4).states(torch.zeros(0, 2, 3)).shape == (0, 2, 4)


def test_a_buffer_that_training_moves_is_no_noise() -> None:
    class Normed(Leaky):
        name = "normed"

        def __init__(self, input_size: int, hidden_size: int) -> None:
            super().__init__(input_size, hidden_size)
            self.inside = torch.nn.utils.parametrizations.spectral_norm(torch.nn.Linear(hidden_size, hidden_size))

        def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
            return (torch.tanh(x @ self.weight_ih.T + state[0] @ self.weight_hh.T + self.inside(state[0])),), {}

    rnnbench.check_cell(Normed)
    assert rnnbench.run(cell=Normed, **SMALL).run.cell == "normed"


def test_an_object_that_cannot_be_pickled_is_named_with_the_cure() -> None:
    with warnings.catch_warnings(action="ignore"):  # torch.jit is deprecated
        halved = torch.jit.script(torch.nn.Identity()).forward

    class Scripted(Leaky):
        name = "scripted"

        def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
            return (halved(state[0]),), {}

    with pytest.raises(rnnbench.UserError, match=r"class Scripted: halved cannot be sent to .*; write the class to a file"):
        rnnbench.run(cell=Scripted, **SMALL)


def test_an_edited_class_is_checked_again() -> None:
    """Check what autoreload of a notebook does: it edits the class in place, and its source has another digest."""

    class Edited(Leaky):
        name = "edited"

    resolved = resolve(request({"cell": Edited, **{key: SMALL[key] for key in ("task", "gap", "hidden_size")}}))
    assert not any(finding.fails for finding in preflight(resolved))
    Edited.step = lambda self, x, state: (state, {})
    edited = resolved._replace(run=resolved.run.model_copy(update={"cell_source": "0123456789ab"}))
    assert any(finding.fails for finding in preflight(edited))
