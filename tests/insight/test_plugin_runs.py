"""Tests that every command and function that reads a finished run takes the plug-ins that the run was made with."""

from pathlib import Path

import pytest

from rnnbench._api import run
from rnnbench._errors import UserError
from rnnbench._plugins.registry import CELLS, TASKS
from rnnbench.insight import measure_extrapolation, measure_gates, measure_gradients, measure_sensitivity

ROOT = Path(__file__).parents[2]
CELL = """
import torch
from rnnbench.cells import Cell


class Leaky(Cell):
    name = "leaky"
    summary = "leaky integrator"

    def __init__(self, input_size: int, hidden_size: int, rate: float = 0.1) -> None:
        super().__init__(input_size, hidden_size)
        self.rate = rate
        self.stacked_weights(1, ())

    def step(self, x, state):
        (h,) = state
        new = torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T)
        return ((1 - self.rate) * h + self.rate * new,), {}


CELL = Leaky
"""


pytestmark = pytest.mark.filterwarnings("ignore:checked, keeps the contract:UserWarning")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a study of a custom cell on a custom task, in a process that does not know them."""
    monkeypatch.chdir(tmp_path)
    Path("leaky.py").write_text(CELL)
    text = (ROOT / "tasks" / "beijing.py").read_text("utf-8")
    Path("mine.py").write_text(text.replace('ClassVar[str] = "beijing"', 'ClassVar[str] = "mine"'))
    run(cell="leaky.py", task="mine.py", gap=2, hidden_size=4, max_steps=2, eval_every=2, engine="torch", out="s", progress=False)
    forget(monkeypatch)
    return tmp_path


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    for registry in (CELLS, TASKS):
        monkeypatch.setattr(registry, "_plugins", {})


COMMANDS = {
    "gates": ["gates", "mine-leaky", "--study", "s"],
    "gradients": ["gradients", "--run", "mine-leaky", "--study", "s"],
    "sensitivity": ["sensitivity", "--run", "mine-leaky", "--study", "s"],
    "remembrance": ["remembrance", "mine-leaky", "--study", "s"],
}
PLUGINS = ["--cell", "leaky.py", "--task", "mine.py"]


@pytest.mark.parametrize("words", COMMANDS.values(), ids=COMMANDS)
def test_commands_take_the_plugins_of_a_run(folder: Path, rnnbench, monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    advice = "give its file, package.module:Class or class with --{}, as it was when the run was made"
    rnnbench(*words).refused(f"task mine of this run is not known here: {advice.format('task')}")
    rnnbench(*words, "--task", "mine.py").refused(f"cell leaky of this run is not known here: {advice.format('cell')}")
    assert rnnbench(*words, *PLUGINS, "--out", "figures").code == 0
    forget(monkeypatch)
    Path("leaky.py").write_text(CELL.replace("0.1", "0.2"))
    rnnbench(*words, *PLUGINS).refused(
        f"cell leaky of this run has another source than the cell that is given: {advice.format('cell')}"
    )


FUNCTIONS = {
    "gates": lambda **plugins: measure_gates("mine-leaky", study="s", **plugins),
    "gradients": lambda **plugins: measure_gradients(run="mine-leaky", study="s", **plugins),
    "sensitivity": lambda **plugins: measure_sensitivity(run="mine-leaky", study="s", **plugins),
    "extrapolation": lambda **plugins: measure_extrapolation("mine-leaky", gap=[3], study="s", **plugins),
}


@pytest.mark.parametrize("measure", FUNCTIONS.values(), ids=FUNCTIONS)
def test_functions_take_the_plugins_of_a_run(folder: Path, measure) -> None:
    with pytest.raises(UserError, match=r"is not known here: give its file, package\.module:Class or class with task"):
        measure()
    assert len(measure(cell="leaky.py", task="mine.py")) > 0


def test_sensitivity_of_a_run_is_measured_before_and_after_training(folder: Path) -> None:
    frame = measure_sensitivity(run="mine-leaky", study="s", cell="leaky.py", task="mine.py")
    assert frame[["gap", "when"]].to_numpy().tolist() == [[2, "initial"], [2, "trained"]]
    assert frame["sensitivity"].nunique() == 2


def test_a_report_needs_no_plugin(folder: Path, rnnbench) -> None:
    assert rnnbench("report", "s", "--static").code == 0
