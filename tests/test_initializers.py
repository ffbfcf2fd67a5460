"""The initialisations, measured on the weights that they set."""

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


INITIALISED_CELLS = [name for name in registry.CELLS.named() if len(registry.make_cell(name, 5, H).uninitialized_parameters()) > 1]
"""Cells with at least two uninitialized parameters; a single row may miss the ends of the range."""


@pytest.mark.parametrize("name", INITIALISED_CELLS)
def test_uniform_fills_the_textbook_range(name: str) -> None:
    bound = 1 / math.sqrt(H)
    for parameter in initialised(name, "uniform").uninitialized_parameters().values():
        assert 0.9 * bound < float(parameter.detach().abs().max()) <= bound


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru", "gru-torch"])
def test_orthogonal_sets_orthogonal_blocks(name: str) -> None:
    for block in initialised(name, "orthogonal").weight_hh.detach().split(H):
        torch.testing.assert_close(block @ block.T, torch.eye(H), atol=1e-5, rtol=0)


def test_identity_sets_the_identity() -> None:
    assert torch.equal(initialised("rnn", "identity").weight_hh, torch.eye(H))


@pytest.mark.parametrize(("name", "state"), [("lstm", 1), ("gru", 0), ("gru-torch", 0)])
@pytest.mark.parametrize("init", ["forget-bias", "chrono"])
def test_forget_gates_keep_the_state_as_long_as_promised(name: str, state: int, init: str) -> None:
    """Without input, the state decays by the expected factor in one step, for either sign of the gate."""
    cell = initialised(name, init, horizon=100.0)
    with torch.no_grad():
        cell.weight_ih.zero_()
        cell.weight_hh.zero_()
        if name == "lstm":  # candidate 0
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


@pytest.mark.parametrize(
    ("name", "init", "options", "message"),
    [
        ("rnn", "chrono", {}, "forgetting gate"),
        ("memoryless", "orthogonal", {}, "no uninitialized weight_hh"),
        ("memoryless", "forget-bias", {}, "forgetting gate"),
        ("gru", "chrono", {"bias": False}, "bias=false"),
    ],
)
def test_an_initialisation_that_does_not_apply_is_refused(name: str, init: str, options: dict, message: str) -> None:
    with pytest.raises(ValueError, match=f"init {init} .*{message}"):
        initialised(name, init, **options)


EARLIER_WEIGHTS = [
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


@pytest.mark.parametrize(("cell", "init", "first", "total"), EARLIER_WEIGHTS)
def test_a_seed_gives_the_same_weights_as_in_earlier_versions(cell: str, init: str, first: float, total: float) -> None:
    """The committed results are reproducible only if these numbers stay the same."""
    resolved = resolve(RunRequest(recipe="v2", task="beijing", cell=cell, init=init, gap=7, hidden_size=6, seed=3))
    model = build(resolved)
    assert model.readout.weight[0, 0].item() == pytest.approx(first, rel=1e-6)
    assert sum(parameter.detach().double().sum().item() for parameter in model.parameters()) == pytest.approx(total, abs=2e-5)
