"""Initialisations: what each promises, measured on the weights it makes."""

import math

import pytest
import torch
from torch import Generator

from rnnbench._cell import Cell, InitContext
from rnnbench._config import RunRequest
from rnnbench._network.initializers import initialise
from rnnbench._plugins import registry
from rnnbench._spec.resolve import resolve
from rnnbench._training.model import build

H = 200


def initialised(name: str, init: str, horizon: float = 100.0, **options: bool) -> Cell:
    cell = registry.make_cell(name, 5, H, options)
    initialise(cell, init, InitContext(Generator().manual_seed(0), 10, horizon))
    return cell


OPEN = [name for name in registry.CELLS.named() if len(registry.make_cell(name, 5, H).uninitialized_parameters()) > 1]
"""Cells that leave parameters to the initialiser; a single row of numbers may miss the ends of the range."""


@pytest.mark.parametrize("name", OPEN)
def test_uniform_fills_the_textbook_range(name: str) -> None:
    bound = 1 / math.sqrt(H)
    for parameter in initialised(name, "uniform").uninitialized_parameters().values():
        assert 0.9 * bound < float(parameter.detach().abs().max()) <= bound


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gru-torch"])
def test_orthogonal_blocks(name: str) -> None:
    for block in initialised(name, "orthogonal").weight_hh.detach().split(H):
        torch.testing.assert_close(block @ block.T, torch.eye(H), atol=1e-5, rtol=0)


def test_identity_block() -> None:
    assert torch.equal(initialised("rnn", "identity").weight_hh, torch.eye(H))


@pytest.mark.parametrize(("name", "state"), [("lstm", 1), ("gru", 0), ("gru-torch", 0)])
@pytest.mark.parametrize("init", ["forget-bias", "chrono"])
def test_keeping_gates_keep(name: str, state: int, init: str) -> None:
    """A state left alone decays by the promised factor in one step, in whatever sign the cell writes it."""
    cell = initialised(name, init, horizon=100.0)
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.weight_hh.zero_()
        if name == "lstm":  # candidate silent
            cell.bias[2 * H : 3 * H] = 0
        else:
            for bias in (cell.bias, cell.bias_ih, cell.bias_hh):
                if bias is not None:
                    bias[2 * H :] = 0
    start = tuple(torch.full((1, H), 0.5) for _ in cell.state_names)
    kept = cell.step(torch.zeros(1, 5), start)[0][state][0].detach() / 0.5  # (H)
    if init == "forget-bias":
        torch.testing.assert_close(kept, torch.full((H,), 1 / (1 + math.exp(-1))))
    else:
        steps = 1 / (1 - kept)  # time constants, in steps
        assert 1.9 < float(steps.min()) < 10
        assert 90 < float(steps.max()) <= 100.01


def test_chrono_closes_the_lstm_input_gate_as_far_as_it_opens_the_forget_gate() -> None:
    i, f, _, _ = initialised("lstm", "chrono").bias.detach().split(H)
    torch.testing.assert_close(i, -f)


@pytest.mark.parametrize(("name", "init"), [("rnn", "chrono"), ("memoryless", "orthogonal"), ("memoryless", "forget-bias")])
def test_what_does_not_fit_is_refused(name: str, init: str) -> None:
    with pytest.raises(ValueError, match=f"init {init}|initialise"):
        initialised(name, init)


def test_chrono_needs_a_bias() -> None:
    with pytest.raises(ValueError, match="bias=false"):
        initialised("gru", "chrono", bias=False)


SAME_AS_EVER = [
    # cell, init, first weight of the readout, which is drawn last, and the sum of all weights
    ("gru", "uniform", -0.079349, 2.85504),
    ("gru", "forget-bias", -0.079349, -1.98877),
    ("gru", "chrono", -0.30737248, -13.6543),
    ("gru-torch", "uniform", -0.26743084, 2.65123),
    ("gru-torch", "forget-bias", -0.26743084, 10.16634),
    ("gru-torch", "chrono", -0.02535419, 22.6955),
    ("lstm", "uniform", 0.28288919, 2.10094),
    ("lstm", "forget-bias", 0.28288919, 9.43647),
    ("lstm", "chrono", -0.15206425, 3.29749),
    ("memoryless", "uniform", -0.0664247, -0.08134),
    ("rnn", "uniform", 0.21067415, 1.82873),
]


@pytest.mark.parametrize(("cell", "init", "first", "total"), SAME_AS_EVER)
def test_a_seed_gives_the_weights_that_it_has_always_given(cell: str, init: str, first: float, total: float) -> None:
    """The committed results are repeatable only as long as these do not move."""
    config = resolve(RunRequest(task="beijing", cell=cell, init=init, gap=7, hidden_size=6, seed=3))
    model = build(config)
    assert model.readout.weight[0, 0].item() == pytest.approx(first, rel=1e-6)
    assert sum(parameter.detach().double().sum().item() for parameter in model.parameters()) == pytest.approx(total, abs=2e-5)
