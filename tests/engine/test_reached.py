"""What a class reaches: its digest and its compiled code follow every constant, helper and base that its numbers depend on."""

import importlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import rnnbench
from rnnbench import _engine
from rnnbench._cell import Cell
from rnnbench._plugins.source import source_of

NOTEBOOK = """
import numpy as np
import torch
from torch.nn import functional as F
from rnnbench.cells import Cell

import my_module

RATE, UNRELATED = 0.5, 1
SETTINGS = {"shift": 0.0}
MASK = np.ones((40, 40), np.float32)


class Scale(torch.nn.Module):
    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, new):
        return self.factor * new


class Slotted:
    __slots__ = ("slope",)

    def __repr__(self):
        return "slotted"


class Settings:
    slope = 1.0

    def __getattr__(self, name):
        raise RuntimeError(name)

    def squash(self, new):
        return my_module.squash(new) * self.slope


settings = Settings()
settings.itself = settings
SETTINGS |= {"itself": SETTINGS}
slotted = Slotted()
slotted.slope = 1.0
SCALE = torch.nn.Sequential(Scale(1.0))
FUNCTIONS = {"first": lambda new: new * slotted.slope}


def helper(new):
    def inside():
        import my_module.below

        return FUNCTIONS["first"](SCALE(settings.squash(new))) * my_module.below.FACTOR + SETTINGS["shift"]

    return inside()


class Base(Cell):
    scale = 1.0
    summary = "as in a notebook"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ())

    def gate(self, x, h):
        return torch.tanh(F.linear(x, self.weight_ih) + F.linear(h, self.weight_hh * torch.from_numpy(MASK)))


class Mine(Base):
    name = "mine"

    def step(self, x, state):
        (h,) = state
        return (h + RATE * self.scale * (helper(self.gate(x, h)) - h),), {}
"""


MODULE = """
def squash(new):
    return 2 * new
"""


def notebook() -> Any:
    for name, text in (("my_module", MODULE), ("my_module.below", "FACTOR = 1.0"), ("my_notebook", NOTEBOOK)):
        module = sys.modules[name] = ModuleType(name)
        module.__path__ = []  # type: ignore[attr-defined]
        if name == "my_module.below":
            sys.modules["my_module"].below = module  # type: ignore[attr-defined]
        exec(compile(text, f"<{name}>", "exec"), module.__dict__)
    return module


def run_again(module: Any, old: str, new: str) -> None:
    """Run that line again, changed, as one runs a notebook's cell again."""
    (line,) = [line for line in NOTEBOOK.splitlines() if old in line]
    exec(line.replace(old, new), module.__dict__)


def inherited(module: Any) -> None:
    module.Mine.gate = lambda self, x, h: torch.sin(x @ self.weight_ih.T)


def masked(module: Any) -> None:
    module.MASK[20, 20] = 0  # no repr of an array this large shows it


def helped(module: Any) -> None:
    module.helper = lambda new: -new


def reloaded(module: Any) -> None:
    """As IPython's autoreload does it: the same function gets another code."""
    module.Base.gate.__code__ = (lambda self, x, h: torch.cos(x @ self.weight_ih.T)).__code__


CHANGES: dict[str, Callable[[Any], None]] = {
    "a constant": lambda module: run_again(module, "0.5, 1", "0.9, 1"),
    "a dict in place": lambda module: module.SETTINGS.update(shift=0.25),
    "an array in place": masked,
    "an attribute of an object": lambda module: setattr(module.settings, "slope", 0.5),
    "a function in a dict": lambda module: module.FUNCTIONS.update(first=lambda new: -new),
    "an object behind a function in a dict": lambda module: setattr(module.slotted, "slope", 0.5),
    "an attribute of a module in a module": lambda module: setattr(module.SCALE[0], "factor", 0.5),
    "a module that is imported in a function": lambda module: setattr(sys.modules["my_module.below"], "FACTOR", 0.5),
    "an attribute of its class": lambda module: setattr(module.Settings, "slope", 0.5),
    "a helper": helped,
    "a function of a module": lambda module: exec(MODULE.replace("2", "3"), module.my_module.__dict__),
    "an attribute of the base": lambda module: setattr(module.Base, "scale", 0.25),
    "a method of the base": reloaded,
    "a method that was inherited": inherited,
}


@pytest.fixture(params=CHANGES)
def change(request: pytest.FixtureRequest) -> Callable[[Any], None]:
    return CHANGES[request.param]


def test_whatever_is_changed_in_a_notebook_gives_another_class_and_what_is_not_used_does_not(change: Callable[[Any], None]) -> None:
    module = notebook()
    before = source_of(module.Mine)
    run_again(module, "0.5, 1", "0.5, 2")
    assert source_of(module.Mine) == before
    change(module)
    assert source_of(module.Mine) != before


@pytest.mark.usefixtures("uncompiled")
def test_compiled_code_is_never_that_of_before_a_change(change: Callable[[Any], None]) -> None:
    module = notebook()
    cell = module.Mine(3, 40)
    torch.nn.init.uniform_(cell.weight_ih), torch.nn.init.uniform_(cell.weight_hh, -0.1, 0.1)
    inputs = torch.linspace(-1, 1, 60).view(5, 4, 3)  # (T, B, D)
    before = _engine.states(cell, inputs)
    change(module)
    after = Cell.states(cell, inputs)
    assert not torch.allclose(after, before, atol=1e-3)
    assert torch.allclose(_engine.states(cell, inputs), after, atol=1e-5)


@pytest.mark.usefixtures("uncompiled")
def test_two_cells_with_long_lists_that_look_alike_have_code_of_their_own() -> None:
    class Listed(Cell):
        def __init__(self, mask: torch.Tensor) -> None:
            super().__init__(3, 40)
            self.stacked_weights(1, ())
            self.masks = [mask]

        def step(self, x: Any, state: Any) -> Any:
            return (torch.tanh(x @ self.weight_ih.T + state[0] @ (self.weight_hh * self.masks[0]).T),), {}

    inputs = torch.linspace(-1, 1, 60).view(5, 4, 3)
    for mask in (torch.ones(40, 40), torch.ones(40, 40).index_fill_(1, torch.tensor([20]), 0)):
        cell = Listed(mask)
        torch.nn.init.ones_(cell.weight_ih), torch.nn.init.constant_(cell.weight_hh, 0.02)
        assert torch.allclose(_engine.states(cell, inputs), Cell.states(cell, inputs), atol=1e-5)


@pytest.mark.usefixtures("uncompiled")
def test_shared_weights_and_the_mode_of_a_part_belong_to_the_code() -> None:
    class Tied(Cell):
        def __init__(self, tied: bool) -> None:
            super().__init__(3, 8)
            self.stacked_weights(1, ())
            self.second = self.weight_hh if tied else torch.nn.Parameter(torch.eye(8))
            self.drop = torch.nn.Dropout(0.5)

        def step(self, x: Any, state: Any) -> Any:
            (h,) = state
            return (torch.tanh(x @ self.weight_ih.T + self.drop(h @ self.weight_hh.T * (h @ self.second.T))),), {}

    inputs = torch.linspace(-1, 1, 60).view(5, 4, 3)
    for tied in (True, False):
        cell = Tied(tied).eval()
        torch.nn.init.ones_(cell.weight_ih), torch.nn.init.constant_(cell.weight_hh, 0.1)
        assert torch.allclose(_engine.states(cell, inputs), Cell.states(cell, inputs), atol=1e-5)
    cell.drop.train()
    with pytest.raises(_engine.NotCompiledError, match="dropout"):
        _engine.states(cell, inputs)


@pytest.mark.usefixtures("uncompiled")
def test_a_hook_inside_a_cell_is_no_part_of_compiled_code() -> None:
    module = notebook()

    class Hooked(module.Base):  # type: ignore[name-defined,misc]
        def __init__(self) -> None:
            super().__init__(3, 40)
            self.inside = torch.nn.Linear(40, 40)

        def step(self, x: Any, state: Any) -> Any:
            return (self.inside(torch.tanh(x @ self.weight_ih.T + state[0])),), {}

    cell = Hooked()
    assert _engine.refusal(cell) is None
    handle = cell.inside.register_forward_hook(lambda part, given, out: 0 * out)
    assert "a hook" in str(_engine.refusal(cell))
    handle.remove()
    assert _engine.refusal(cell) is None


def test_a_file_edited_since_it_was_imported_is_known_as_it_was_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("edited", None)
    path = tmp_path / "edited.py"
    path.write_text("class Mine:\n    def step(self, x):\n        return x + 1\n", encoding="utf-8")
    loaded = importlib.import_module("edited")
    before = source_of(loaded.Mine)
    path.write_text("class Mine:\n    def step(self, x):\n        return x + 100\n", encoding="utf-8")
    assert source_of(loaded.Mine) == before
    importlib.invalidate_caches()
    assert source_of(importlib.reload(loaded).Mine) != before


def test_a_run_with_another_constant_is_another_run(tmp_path: Path) -> None:
    module = notebook()
    module.MASK = module.MASK[:4, :4]
    asked: dict[str, Any] = {"cell": module.Mine, "task": "beijing", "gap": 3, "hidden_size": 4, "max_steps": 2, "out": tmp_path}
    first = rnnbench.run(**asked)
    assert rnnbench.run(**asked).run.run_id == first.run.run_id
    module.RATE = 0.9
    assert rnnbench.run(**asked).run.run_id != first.run.run_id


def test_the_digest_is_the_same_in_every_process(tmp_path: Path) -> None:
    text = f"{NOTEBOOK}\n\nfrom rnnbench._plugins.source import digest_of, source_of\nprint(digest_of(source_of(Mine)))\n"
    (tmp_path / "script.py").write_text(text, encoding="utf-8")
    (tmp_path / "my_module").mkdir()
    (tmp_path / "my_module" / "__init__.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "my_module" / "below.py").write_text("FACTOR = 1.0", encoding="utf-8")
    told = [
        subprocess.run([sys.executable, *how], cwd=tmp_path, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True).stdout
        for seed, how in (("1", ["script.py"]), ("2", ["script.py"]), ("3", ["-c", "import script"]))
    ]
    assert len(told[0]) == 13
    assert told == told[:1] * 3
