"""The names that the contract of a cell had in 0.1.0: they work for one release and warn."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torch
from torch import Generator

from rnnbench import cells, testing
from rnnbench.cells import Cell, InitContext
from rnnbench.cells.rnn import RNN

FORMER_CELL = """
import torch
from rnnbench.cells import Cell, Initializer, Layer, Setting, State


def small(layer: Layer, setting: Setting) -> None:
    with torch.no_grad():
        for parameter in layer.open_parameters().values():
            parameter.normal_(std=0.1, generator=setting.generator)


class Former(Cell):
    name = "former"
    summary = "a cell written for 0.1.0"
    initializers = {"small": Initializer(small)}
    default_init = "small"
    slope = 0.5

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ())
        self.bias = torch.nn.Parameter(torch.zeros(hidden_size))
        self.left_open.append("bias")

    def step(self, x, state):
        return (torch.tanh(x @ self.weight_ih.T + state[0] @ self.weight_hh.T + self.bias) / 2,), {}
"""


def test_setting_is_init_context() -> None:
    with pytest.warns(FutureWarning, match=r"rnnbench\.cells\.Setting is now InitContext"):
        assert cells.Setting is InitContext
    with pytest.raises(AttributeError, match="no attribute 'Sitting'"):
        _ = cells.Sitting


@pytest.mark.parametrize("name", ["Finding", "vet", "preflight", "subject", "in_one_line", "warning"])
def test_former_names_of_testing_name_their_successors(name: str) -> None:
    with pytest.warns(FutureWarning, match=rf"rnnbench\.testing\.{name} is now "):
        assert callable(getattr(testing, name))


def test_workers_do_not_repeat_the_warnings_of_their_driver(tmp_path: Path) -> None:
    path = tmp_path / "former.py"
    path.write_text(FORMER_CELL + "\n\nCELL = Former\n")
    flags = "--task beijing --gap 2,3 --hidden-size 4 --max-steps 2 --eval-every 1 --eval-sequences 1000 --engine torch --quiet"
    command = [sys.executable, "-m", "rnnbench", "sweep", "--cell", str(path), *flags.split(), "--out", str(tmp_path / "out")]
    process = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert process.stderr.count("Setting is now InitContext") == 1
    assert process.stderr.count("slope is now max_derivative") == 1


def test_left_open_is_uninitialized() -> None:
    cell = RNN(3, 4)
    with pytest.warns(FutureWarning, match="left_open is now uninitialized"):
        assert cell.left_open is cell.uninitialized
    with pytest.warns(FutureWarning, match="left_open is now uninitialized"):
        cell.left_open = ["weight_hh"]
    assert list(cell.uninitialized_parameters()) == ["weight_hh"]


def test_open_parameters_is_uninitialized_parameters() -> None:
    cell = RNN(3, 4)
    with pytest.warns(FutureWarning, match="open_parameters is now uninitialized_parameters") as warned:
        parameters = cell.open_parameters()
    assert warned[0].filename == __file__
    assert all(parameters[name] is parameter for name, parameter in cell.uninitialized_parameters().items())


def test_slope_is_max_derivative() -> None:
    with pytest.warns(FutureWarning, match="Half.slope is now max_derivative") as warned:

        class Half(RNN):
            slope = 0.5

    assert warned[0].filename == __file__
    assert Half.max_derivative == 0.5

    class Both(RNN):  # a cell for both releases: no warning
        slope = max_derivative = 0.25

    class Method(RNN):  # not the contract's number
        def slope(self) -> None: ...

    assert (Both.max_derivative, Method.max_derivative) == (0.25, 1.0)


def test_a_cell_file_of_the_last_release_runs(tmp_path: Path) -> None:
    from rnnbench._network.initializers import initialise
    from rnnbench._plugins import registry

    path = tmp_path / "former.py"
    path.write_text(FORMER_CELL + "\n\nCELL = Former\n")
    with warnings.catch_warnings(record=True, action="always", category=FutureWarning) as warned:
        cell = registry.make_cell(str(path), 3, 4)
        initialise(cell, "small", InitContext(Generator().manual_seed(0), 1, 20.0))
    assert isinstance(cell, Cell)
    assert cell.max_derivative == 0.5
    assert all(bool(parameter.any()) for parameter in cell.parameters())
    assert {str(one.message).split(" is now ")[1].split(";")[0] for one in warned if one.category is FutureWarning} == {
        "InitContext", "uninitialized", "uninitialized_parameters", "max_derivative",
    }  # fmt: skip
    assert cell.states(torch.zeros(2, 1, 3)).shape == (2, 1, 4)
