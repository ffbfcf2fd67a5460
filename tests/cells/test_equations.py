"""The first five cells against torch.nn, or against equations written out by hand."""

import pytest
import torch
from torch import Generator, Tensor, nn

from rnnbench._cell import Cell, InitContext, Layer
from rnnbench._network.initializers import initialise
from rnnbench._plugins import registry
from rnnbench._spec.width import parameter_count

D, H = 6, 7


def layer_of(name: str, **options: bool) -> Layer:
    layer = registry.make_cell(name, D, H, options)
    initialise(layer, "uniform", InitContext(Generator().manual_seed(1), 1, 0.0))
    return layer.double()


def cell_of(name: str, **options: bool) -> Cell:
    layer = layer_of(name, **options)
    assert isinstance(layer, Cell)
    return layer


def values(T: int = 9, B: int = 3) -> Tensor:
    return torch.randn(T, B, D, generator=Generator().manual_seed(2), dtype=torch.float64)


@pytest.mark.parametrize(("name", "module"), [("rnn", nn.RNN), ("lstm", nn.LSTM), ("gru-torch", nn.GRU)])
def test_step_equals_torch_nn(name: str, module: type[nn.Module]) -> None:
    cell = cell_of(name)
    module_layer = module(D, H).double()
    with torch.no_grad():
        module_layer.weight_ih_l0.copy_(cell.weight_ih)
        module_layer.weight_hh_l0.copy_(cell.weight_hh)
        module_layer.bias_ih_l0.copy_(cell.bias if name == "lstm" else cell.bias_ih)
        module_layer.bias_hh_l0.copy_(torch.zeros_like(module_layer.bias_hh_l0) if name == "lstm" else cell.bias_hh)
    expected, _ = module_layer(values())
    states = cell.states(values())
    torch.testing.assert_close(states, expected)
    ours = torch.autograd.grad(states.square().sum(), [cell.weight_ih, cell.weight_hh])
    reference = torch.autograd.grad(expected.square().sum(), [module_layer.weight_ih_l0, module_layer.weight_hh_l0])
    for a, b in zip(ours, reference, strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("bias", [True, False])
def test_gru_follows_the_paper(bias: bool) -> None:
    cell = cell_of("gru", bias=bias)
    W_r, W_z, W_n = cell.weight_hh.detach().split(H)
    U_r, U_z, U_n = cell.weight_ih.detach().split(H)
    b_r, b_z, b_n = cell.bias.detach().split(H) if bias else (torch.zeros(H, dtype=torch.float64),) * 3
    h = torch.zeros(3, H, dtype=torch.float64)
    expected = []
    for x in values():  # (B, D)
        r = torch.sigmoid(x @ U_r.T + h @ W_r.T + b_r)  # (B, H)
        z = torch.sigmoid(x @ U_z.T + h @ W_z.T + b_z)  # (B, H)
        n = torch.tanh(x @ U_n.T + (r * h) @ W_n.T + b_n)  # (B, H), reset before the product
        h = (1 - z) * h + z * n  # (B, H)
        expected.append(h)
    torch.testing.assert_close(cell.states(values()), torch.stack(expected))


def test_gru_resets_before_the_product_and_gru_torch_after() -> None:
    before, after = cell_of("gru", bias=False), cell_of("gru-torch", bias=False)
    after.load_state_dict(before.state_dict())
    x, h = values()[0], torch.rand(3, H, dtype=torch.float64)
    _, gates = before.step(x, (h,))
    _, gates_after = after.step(x, (h,))
    torch.testing.assert_close(gates["r"], gates_after["r"])
    assert not torch.allclose(gates["n"], gates_after["n"])
    torch.testing.assert_close(before.keep(gates), 1 - gates["z"])  # z keeps the state in one and replaces it in the other
    torch.testing.assert_close(after.keep(gates), gates["z"])


def test_memoryless_is_one_feed_forward_layer() -> None:
    layer = layer_of("memoryless")
    torch.testing.assert_close(layer(values()), torch.tanh(values() @ layer.weight_ih.T + layer.bias))


@pytest.mark.parametrize(
    ("name", "count"),
    [
        ("rnn", H * D + H * H + 2 * H),
        ("lstm", 4 * (H * D + H * H + H)),
        ("gru", 3 * (H * D + H * H + H)),
        ("gru-torch", 3 * (H * D + H * H + 2 * H)),
        ("memoryless", H * D + H),
    ],
)
def test_parameter_counts(name: str, count: int) -> None:
    assert parameter_count(layer_of(name)) == count
