"""Every cell: its path through a whole sequence held to its own written-out step, and to torch.nn where torch has the cell."""

import pytest
import torch
from torch import Generator, nn

from rnnbench import catalog, engine
from rnnbench.cells import Cell
from rnnbench.initializers import INITIALIZERS
from rnnbench.model import parameter_count

CELLS = list(catalog.cells())
ENGINES = ["torch"] + (["fast"] if engine.available() else [])


def cell_of(name: str, input_size: int = 6, hidden_size: int = 7, dtype: torch.dtype = torch.float64, **options: bool) -> Cell:
    cell = catalog.make_cell(name, input_size, hidden_size, options)
    INITIALIZERS["uniform"](cell, Generator().manual_seed(1), 0.0)
    return cell.to(dtype)


def inputs_of(kind: str, T: int = 9, B: int = 3, D: int = 6) -> torch.Tensor:
    generator = Generator().manual_seed(2)
    if kind == "tokens":
        return torch.randint(D, (T, B), generator=generator)
    return torch.randn(T, B, D, generator=generator, dtype=torch.float64)


def gradients(states: torch.Tensor, cell: Cell) -> list[torch.Tensor]:
    weight = torch.linspace(-1, 1, states.numel(), dtype=states.dtype).view_as(states)
    return list(torch.autograd.grad((states * weight).sum(), list(cell.parameters())))


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize("kind", ["tokens", "values"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", CELLS)
def test_sequence_path_equals_the_written_out_step(name: str, bias: bool, kind: str, engine_name: str) -> None:
    if name == "memoryless" and not bias:
        pytest.skip("memoryless has no options")
    cell = cell_of(name, **({} if name == "memoryless" else {"bias": bias}))
    inputs = inputs_of(kind)
    expected = Cell.states(cell, inputs)  # one step after the other
    cell.engine = engine_name if cell.fast_engine else "torch"
    states = cell(inputs)
    torch.testing.assert_close(states, expected)
    for ours, theirs in zip(gradients(states, cell), gradients(expected, cell), strict=True):
        torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(cell.states(inputs, 5), expected[5:])


@pytest.mark.parametrize(("name", "module"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru-torch", nn.GRU)])
def test_step_equals_torch_nn(name: str, module: type[nn.Module]) -> None:
    cell = cell_of(name)
    theirs = module(6, 7).double()
    with torch.no_grad():
        theirs.weight_ih_l0.copy_(cell.weight_ih)
        theirs.weight_hh_l0.copy_(cell.weight_hh)
        theirs.bias_ih_l0.copy_(cell.bias if name == "lstm" else cell.bias_ih)
        theirs.bias_hh_l0.copy_(torch.zeros_like(theirs.bias_hh_l0) if name == "lstm" else cell.bias_hh)
    inputs = inputs_of("values")
    expected, _ = theirs(inputs)
    states = Cell.states(cell, inputs)
    torch.testing.assert_close(states, expected)
    ours = torch.autograd.grad(states.square().sum(), [cell.weight_ih, cell.weight_hh])
    reference = torch.autograd.grad(expected.square().sum(), [theirs.weight_ih_l0, theirs.weight_hh_l0])
    for a, b in zip(ours, reference, strict=True):
        torch.testing.assert_close(a, b)


def test_gru_resets_before_the_product_and_gru_torch_after() -> None:
    before, after = cell_of("gru", bias=False), cell_of("gru-torch", bias=False)
    after.load_state_dict(before.state_dict())
    inputs = inputs_of("values")
    # z's meaning is swapped, so the two first states differ in a known way: both start from h = 0, where reset does nothing
    _, gates = before.step(inputs[0], before.start(3))
    torch.testing.assert_close(before(inputs)[0], gates["z"] * gates["n"])
    torch.testing.assert_close(after(inputs)[0], (1 - gates["z"]) * gates["n"])
    h = torch.rand(3, 7, dtype=torch.float64)
    _, gates = before.step(inputs[0], (h,))
    _, gates_after = after.step(inputs[0], (h,))
    torch.testing.assert_close(gates["r"], gates_after["r"])
    assert not torch.allclose(gates["n"], gates_after["n"])


@pytest.mark.parametrize("name", CELLS)
def test_parameters_do_not_depend_on_the_length(name: str) -> None:
    cell = cell_of(name)
    count = parameter_count(cell)
    for T in (1, 30):
        assert cell(inputs_of("tokens", T=T)).shape == (T, 3, 7)
    assert parameter_count(cell) == count


def test_parameter_counts() -> None:
    D, H = 6, 7
    counts = {name: parameter_count(cell_of(name)) for name in CELLS}
    assert counts == {
        "rnn": H * D + H * H + 2 * H,
        "lstm": 4 * (H * D + H * H + H),
        "gru": 3 * (H * D + H * H + H),
        "gru-torch": 3 * (H * D + H * H + 2 * H),
        "memoryless": H * D + H,
    }


def test_memoryless_forgets() -> None:
    cell = cell_of("memoryless")
    inputs = inputs_of("values")
    changed = inputs.clone()
    changed[:-1] += 1
    torch.testing.assert_close(cell(inputs)[-1], cell(changed)[-1])


@pytest.mark.parametrize("name", [n for n in CELLS if n != "memoryless"])
def test_initial_state_is_used(name: str) -> None:
    cell = cell_of(name)
    for engine_name in ENGINES:
        cell.engine = engine_name
        cell.initial_state.fill_(-0.5)
        torch.testing.assert_close(cell(inputs_of("tokens")), Cell.states(cell, inputs_of("tokens")))
