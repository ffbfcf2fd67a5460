"""The identity of a class is its source and constants; compiled code is that of the class as it is when a cell is built."""

import gc
import importlib
import linecache
import logging
import signal
import subprocess
import sys
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch

import rnnbench
from rnnbench import _engine
from rnnbench._cell import Cell
from rnnbench._engine import sequence
from rnnbench._plugins import source
from rnnbench._plugins.source import source_of_class, source_of_file, uncovered_globals
from rnnbench.testing import cell_findings

pytestmark = pytest.mark.filterwarnings("ignore:checked")
NOTEBOOK = """
import functools
import logging
import torch
from torch.nn import functional as F
from rnnbench.cells import Cell

import my_module
from my_module import SHIFT

RATE, UNRELATED = 0.5, 1
SETTINGS = {"shift": 0.0}
HISTORY = []
CALLS = 0
LOG = logging.getLogger("my_notebook")


class Scale(torch.nn.Module):
    factor = 1.0

    def forward(self, new):
        return self.factor * new


SCALE = torch.nn.Sequential(Scale())


@functools.cache
def half():
    return 0.5


def helper(new):
    def inside():
        return SCALE(my_module.squash(new)) * my_module.FACTOR * 2 * half() + SETTINGS["shift"] + SHIFT

    return inside()


class Base(Cell):
    scale = 1.0
    summary = "as in a notebook"

    def __init__(self, input_size, hidden_size):
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ())

    def gate(self, x, h):
        return torch.tanh(F.linear(x, self.weight_ih) + F.linear(h, self.weight_hh))


class Mine(Base):
    name = "mine"
    steps = 0

    def step(self, x, state):
        global CALLS
        (h,) = state
        HISTORY.append(h.detach())
        CALLS += 1
        Mine.steps = Mine.steps + 1
        LOG.debug("a step")
        UNRELATED = 2
        return (h + RATE * self.scale * (helper(self.gate(x, h)) - h),), {}
"""
MODULE = """
FACTOR, SHIFT = 1.0, 0.0

def squash(new):
    return 2 * new
"""


def notebook() -> Any:
    """Run the notebook; its source is available, as in IPython."""
    for name, text in (("my_module", MODULE), ("my_notebook", NOTEBOOK)):
        module = sys.modules[name] = ModuleType(name)
        run(module, text)
    return module


def run(module: Any, text: str, registered: bool = True) -> None:
    """Run text in a module as one runs a notebook's cell, or as at Python's prompt if it is not ``registered``."""
    filename = f"<cell {len(linecache.cache)}>"
    if registered:
        linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    exec(compile(text, filename, "exec", dont_inherit=True), module.__dict__)


def part(start: str, old: str, new: str) -> str:
    """Return the paragraph of the notebook that starts with ``start``, edited."""
    (text,) = [text for text in NOTEBOOK.split("\n\n\n") if text.lstrip().startswith(start)]
    assert old in text
    return text.replace(old, new)


EDITS: dict[str, Callable[[Any], None]] = {
    "a constant": lambda module: run(module, "RATE = 0.9"),
    "a constant of a module": lambda module: setattr(module.my_module, "FACTOR", 0.5),
    "a constant imported by name": lambda module: setattr(module, "SHIFT", 0.3),
    "a helper": lambda module: run(module, part("def helper", "* 2", "* 3")),
    "a cached function": lambda module: run(module, part("@functools", "0.5", "0.7")),
    "a function of a module": lambda module: run(module.my_module, MODULE.replace("2", "3")),
    "an attribute of the base": lambda module: setattr(module.Base, "scale", 0.25),
    "the code of a method, as autoreload sets it": lambda module: setattr(
        module.Base.gate, "__code__", (lambda self, x, h: torch.cos(x @ self.weight_ih.T)).__code__
    ),
    "an overridden method": lambda module: setattr(module.Mine, "gate", lambda self, x, h: torch.sin(x @ self.weight_ih.T)),
    "the class itself": lambda module: run(module, part("class Mine", "- h)", "+ h)")),
}
STATE: dict[str, Callable[[Any], None]] = {
    "an unrelated constant": lambda module: run(module, "UNRELATED = 2"),
    "a list": lambda module: module.HISTORY.append(1),
    "a dict": lambda module: module.SETTINGS.update(shift=0.25),
    "the level of a logger": lambda module: module.LOG.setLevel(logging.ERROR),
    "an attribute of a module": lambda module: setattr(module.SCALE[0], "factor", 0.5),
    "a counter": lambda module: setattr(module, "CALLS", 7),
    "a counter of the class": lambda module: setattr(module.Mine, "steps", 7),
    "comments and layout": lambda module: run(module, "\n\n" + part("class Mine", "(h,) = state", "(h,)  =  state  # h")),
}
OTHER_OUTPUTS = {*EDITS, "a dict", "an attribute of a module"}


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("change", EDITS | STATE)
def test_an_edit_changes_the_identity_state_keeps_it_and_a_new_cell_runs_the_new_code(change: str) -> None:
    module = notebook()

    def outputs(way: Callable[[Cell, torch.Tensor], torch.Tensor]) -> torch.Tensor:
        cell = module.Mine(3, 40)
        torch.nn.init.constant_(cell.weight_ih, 0.3), torch.nn.init.constant_(cell.weight_hh, 0.02)
        return way(cell, torch.linspace(-1, 1, 60).view(5, 4, 3))  # (T, B, D)

    identity, before = source_of_class(module.Mine), outputs(_engine.states)
    assert source_of_class(module.Mine) == identity
    (EDITS | STATE)[change](module)
    assert (source_of_class(module.Mine) == identity) == (change in STATE)
    after = outputs(Cell.states)
    assert torch.allclose(after, before, atol=1e-3) != (change in OTHER_OUTPUTS)
    assert torch.allclose(outputs(_engine.states), after, atol=1e-5)


def test_functions_are_identified_wherever_they_are_written() -> None:
    class Checked:
        def step(self, x: Any) -> Any:
            assert x, "pytest rewrites this function, so that its source is not that of its code"
            return x

    def make() -> Any:
        return lambda self, x: RATE * x  # noqa: F821

    before = source_of_class(Checked)
    Checked.step = make()  # type: ignore[method-assign]
    assert b"return lambda self, x: RATE * x" in source_of_class(Checked) != before


def test_globals_outside_the_identity_are_named() -> None:
    notes = [finding.message for finding in cell_findings(notebook().Mine) if finding.check == "identity"]
    assert len(notes) == 1
    assert "HISTORY (list)" in notes[0]
    assert not [finding for finding in cell_findings("lstm") if finding.check == "identity"]
    names = ["CALLS (assigned by a function)", "HISTORY (list)", "LOG (Logger)", "Mine.steps (assigned by a function)"]
    assert uncovered_globals(notebook().Mine) == [*names, "SCALE (Sequential)", "SETTINGS (dict)"]
    assert uncovered_globals(torch.nn.Linear) == []


class Tied(Cell):
    """A cell whose attributes decide what its step computes."""

    def __init__(self, tied: bool = False) -> None:
        super().__init__(3, 8)
        self.stacked_weights(1, ())
        self.second = self.weight_hh if tied else torch.nn.Parameter(torch.eye(8))
        self.drop, self.inside = torch.nn.Dropout(0.5), torch.nn.Linear(8, 8)
        self.rate, self.masks = 1, [torch.ones(8, 8)]
        torch.nn.init.ones_(self.weight_ih), torch.nn.init.constant_(self.weight_hh, 0.1)

    def step(self, x: Any, state: Any) -> Any:
        (h,) = state
        new = self.drop(h @ (self.weight_hh * self.masks[0]).T * (h @ self.second.T))
        return (torch.tanh(x @ self.weight_ih.T + self.rate * new) + self.inside(h),), {}


@pytest.mark.usefixtures("uncompiled")
def test_changed_attributes_and_modes_of_one_cell_are_followed() -> None:
    inputs = torch.linspace(-1, 1, 60).view(5, 4, 3)  # (T, B, D)
    for cell in (Tied(True).eval(), Tied(False).eval()):
        for name, value in (("rate", 0.5), ("masks", [torch.zeros(8, 8)]), ("rate", 2.0), ("rate", True)):
            assert torch.allclose(_engine.states(cell, inputs), Cell.states(cell, inputs), atol=1e-5)
            setattr(cell, name, value)
    assert len(sequence.PROGRAMS[cell]) <= sequence.PER_CELL
    handle = cell.inside.register_forward_hook(lambda part, given, out: 0 * out)
    assert "a hook" in str(_engine.refusal(cell))
    handle.remove()
    cell.drop.train()
    found = []
    for states in (_engine.states, Cell.states):
        torch.manual_seed(1)
        found.append(states(cell, inputs))
    torch.testing.assert_close(*found, atol=1e-5, rtol=1e-5)


class Remembering(Tied):
    """A cell that keeps what its first step computed, and a list of what it saw."""

    kept = None

    def step(self, x: Any, state: Any) -> Any:
        if self.kept is None:
            self.kept = torch.ones_like(x[:, :1])
            self.masks.append(x)
        return super().step(x * self.kept, state)


def test_a_refused_trace_leaves_no_symbols_in_the_cell() -> None:
    cell = Remembering().eval()
    assert "changes attributes" in str(_engine.refusal(cell))
    assert cell.kept is None
    assert len(cell.masks) == 1
    assert Cell.states(cell, torch.zeros(2, 4, 3)).shape == (2, 4, 8)


@pytest.mark.usefixtures("uncompiled")
def test_programs_live_only_as_long_as_their_cell() -> None:
    compiled, refused = Tied().train(), Tied()
    refused.inside.register_forward_hook(lambda part, given, out: out)
    _engine.states(compiled, torch.zeros(2, 1, 3)).sum().backward()
    assert _engine.refusal(refused) is not None
    cells = [weakref.ref(compiled), weakref.ref(refused)]
    del compiled, refused
    gc.collect()
    assert [cell() for cell in cells] == [None, None]
    assert len(sequence.PROGRAMS) == 0


def test_a_file_edited_since_it_was_imported_is_identified_as_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("edited", None)
    path, text = tmp_path / "edited.py", "class Mine:\n    def step(self, x):\n        import beside\n        return x + 1\n"
    path.write_text(text, encoding="utf-8")
    loaded = importlib.import_module("edited")
    before = source_of_class(loaded.Mine)
    assert b"return x + 1" in before
    path.write_text(text.replace("1", "100"), encoding="utf-8")
    assert source_of_class(loaded.Mine) == before
    linecache.clearcache()
    assert b"100" not in source_of_class(loaded.Mine)
    importlib.invalidate_caches()
    digests = [source_of_class(importlib.reload(loaded).Mine)]
    for value in (1, 2):  # of a module that the function imports
        (tmp_path / "beside.py").write_text(f"VALUE = {value}", encoding="utf-8")
        digests.append(source_of_class(loaded.Mine))
    assert len({before, *digests}) == 4


def test_a_file_is_identified_by_its_text_and_by_the_users_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_package").mkdir()
    (tmp_path / "my_package" / "__init__.py").write_text("from . import one\n", encoding="utf-8")
    (tmp_path / "my_package" / "one.py").write_text("TABLE = [1]\n", encoding="utf-8")
    only_installed = (
        b"import torch, os.path\nfrom rnnbench.cells import Cell\ntry:\n    import missing_module\nexcept ImportError: pass\n"
    )
    assert source_of_file(only_installed) == only_installed
    text = b"import torch\nimport my_package\n"
    before = source_of_file(text)
    (tmp_path / "my_package" / "one.py").write_text("TABLE = [2]\n", encoding="utf-8")
    assert source_of_file(text) != before


def test_a_class_of_an_installed_package_is_identified_by_name_and_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site-packages"
    monkeypatch.syspath_prepend(site)
    found = []
    for version, value in (("1.0", 1), ("1.0", 2), ("1.1", 2)):
        (info := site / "fancy_cells-1.dist-info").mkdir(parents=True, exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: fancy-cells\nVersion: {version}\n", encoding="utf-8")
        (info / "top_level.txt").write_text("fancycells\n", encoding="utf-8")
        (site / "fancycells.py").write_text(f"class Fancy:\n    value = {value}\n", encoding="utf-8")
        sys.modules.pop("fancycells", None)
        importlib.invalidate_caches()
        linecache.clearcache()
        source.installed.cache_clear()
        found.append(source_of_class(importlib.import_module("fancycells").Fancy))
    assert found == [b"fancy-cells==1.0 fancycells.Fancy"] * 2 + [b"fancy-cells==1.1 fancycells.Fancy"]


class Interrupting(list[object]):
    """A list that sends Ctrl-C once, at its twentieth item."""

    def append(self, item: object) -> None:
        super().append(item)
        if len(self) == 20:
            signal.raise_signal(signal.SIGINT)


def test_a_cell_that_appends_to_a_list_has_one_run_and_resumes(tmp_path: Path) -> None:
    module = notebook()
    request: dict[str, Any] = {"cell": module.Mine, "task": "beijing", "gap": 3, "hidden_size": 4, "max_steps": 8, "eval_every": 8}
    module.HISTORY = Interrupting(range(20))
    whole = rnnbench.run(**request, engine="torch")
    module.HISTORY.clear()
    stopped = rnnbench.run(**request, engine="torch", out=tmp_path)
    assert (stopped.status, stopped.run.run_id) == ("interrupted", whole.run.run_id)
    count = len(module.HISTORY)
    resumed = rnnbench.run(**request, engine="torch", out=tmp_path)
    assert (resumed.accuracy, resumed.run.run_id) == (whole.accuracy, whole.run.run_id)
    assert len(module.HISTORY) > count >= 20
    assert len(rnnbench.Study.open(tmp_path).runs()) == 1


def test_the_digest_is_the_same_in_every_process(tmp_path: Path) -> None:
    lines = "from rnnbench._plugins.source import digest_of, source_of_class\nprint(digest_of(source_of_class(Mine)))\n"
    (tmp_path / "script.py").write_text(f"{NOTEBOOK}\n\n{lines}", encoding="utf-8")
    (tmp_path / "my_module.py").write_text(MODULE, encoding="utf-8")
    digests = [
        subprocess.run([sys.executable, *how], cwd=tmp_path, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True).stdout
        for seed, how in (("1", ["script.py"]), ("2", ["-c", "import script"]))
    ]
    assert len(digests[0]) == 13
    assert digests == digests[:1] * 2
