"""Random numbers within a step, compared with the loop from the same seed; hooks that compute parameters."""

import copy
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from rnnbench import _engine
from rnnbench._cell import Cell, Layer, SequenceModel
from rnnbench._engine.refusal import NotCompiledError
from rnnbench.testing import check_cell


class Noisy(Cell):
    """A tanh network whose state passes through a function that draws numbers."""

    name = summary = "noisy"

    def __init__(self, function: Callable[["Noisy", Tensor], Tensor]) -> None:
        super().__init__(2, 4)
        self.weight_ih, self.weight_hh = nn.Parameter(torch.ones(4, 2)), nn.Parameter(torch.eye(4) * 0.5)
        self.function, self.drop = function, nn.Dropout(0.4)

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        (h,) = state
        new = torch.tanh(F.linear(x, self.weight_ih) + F.linear(h, self.weight_hh))
        return (new + 0.5 * self.function(self, new - h) + F.dropout(h, 0.2, self.training),), {}


def zoneout(c: Noisy, a: Tensor) -> Tensor:
    return torch.where(torch.rand_like(a) < 0.3, a, 0.5 * a)


def in_place(c: Noisy, a: Tensor) -> Tensor:
    mask = torch.empty_like(a).bernoulli_(0.7)
    noise = a * 2
    noise.normal_(0, 0.1)
    return a * mask + noise


def bernoulli(c: Noisy, a: Tensor) -> Tensor:
    half = torch.full((a.shape[0], 4), 0.5, dtype=a.dtype)
    return a * torch.bernoulli(torch.full_like(a, 0.8)) + torch.bernoulli(half)


NOISE: dict[str, Callable[[Noisy, Tensor], Tensor]] = {
    "dropout": lambda c, a: c.drop(a),
    "zoneout": zoneout,
    "gaussian": lambda c, a: a + 0.1 * torch.randn_like(a) + torch.randn(a.shape[0], 4) * a,
    "bernoulli": lambda c, a: (
        a * torch.bernoulli(torch.full_like(a, 0.8)) + torch.bernoulli(torch.full((a.shape[0], 4), 0.5, dtype=a.dtype))
    ),
    "in place": in_place,
    "gumbel": lambda c, a: F.gumbel_softmax(a, 0.5, hard=True) + F.gumbel_softmax(a.view(-1, 2, 2), dim=1).flatten(1),
    "per head": lambda c, a: (a.view(-1, 2, 2) * torch.rand(a.size(0), 2, 1)).flatten(1),
}


def results(cell: Cell, states: Callable[[Cell, Tensor], Tensor], x: Tensor) -> list[Tensor]:
    torch.manual_seed(5)
    y = states(cell, x)
    return [y, *torch.autograd.grad(y.square().sum(), list(cell.parameters())), torch.rand(3)]


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("name", NOISE)
@pytest.mark.parametrize("training", [True, False])
def test_noise_has_the_bits_of_the_loop(name: str, training: bool) -> None:
    cell, x = Noisy(NOISE[name]).double().train(training), torch.randn(5, 3, 2, generator=Generator().manual_seed(1)).double()
    torch.testing.assert_close(results(cell, _engine.states, x), results(cell, Cell.states, x), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda c, a: torch.bernoulli(a.sigmoid()), "same number everywhere"),
        (lambda c, a: torch.rand(a.shape, generator=Generator()) * a, "with a generator"),
        (lambda c, a: torch.randperm(4) * a, "random"),
    ],
)
def test_noise_that_depends_on_values_is_refused(function: Callable[[Noisy, Tensor], Tensor], words: str) -> None:
    with pytest.raises(NotCompiledError, match=words):
        _engine.states(Noisy(function), torch.zeros(2, 1, 2))


class Normed(Cell):
    name = summary = "normed"

    def __init__(self, norm: Callable[[nn.Module], nn.Module]) -> None:
        super().__init__(2, 4)
        self.x, self.h = nn.Linear(2, 4), norm(nn.Linear(4, 4))

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        return (torch.tanh(self.x(x) + self.h(state[0])),), {}


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.filterwarnings("ignore:.*weight_norm.*:FutureWarning")
@pytest.mark.parametrize("norm", [nn.utils.weight_norm, nn.utils.spectral_norm], ids=["weight", "spectral"])
def test_hooks_of_torch_that_compute_a_parameter_are_compiled(norm: Callable[[nn.Module], nn.Module]) -> None:
    cell, x = Normed(norm).double().eval(), torch.randn(5, 3, 2, generator=Generator().manual_seed(1)).double()
    assert _engine.refusal(cell) is None
    torch.testing.assert_close(results(cell, _engine.states, x), results(cell, Cell.states, x), rtol=1e-10, atol=1e-12)
    with torch.no_grad():
        next(cell.h.parameters()).mul_(2)
    torch.testing.assert_close(results(cell, _engine.states, x), results(cell, Cell.states, x), rtol=1e-10, atol=1e-12)


class WeightDropout(nn.Module):
    def forward(self, weight: Tensor) -> Tensor:
        return F.dropout(weight, 0.3, self.training)


def dropped(linear: nn.Module) -> nn.Module:
    return nn.utils.parametrize.register_parametrization(linear, "weight", WeightDropout())


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("norm", [nn.utils.parametrizations.spectral_norm, nn.utils.parametrizations.weight_norm, dropped])
def test_parametrizations_are_computed_once_per_sequence(norm: Callable[[nn.Module], nn.Module]) -> None:
    """In training too, where one of them draws numbers and another one changes its buffers: neither trace nor check does."""
    cell, x = Normed(norm).double(), torch.randn(5, 3, 2, generator=Generator().manual_seed(1)).double()
    before = copy.deepcopy(cell.state_dict())
    assert _engine.refusal(cell) is None
    torch.testing.assert_close(dict(cell.state_dict()), dict(before), rtol=0, atol=0)
    ours, after = results(cell, _engine.states, x), copy.deepcopy(cell.state_dict())
    cell.load_state_dict(before)
    torch.testing.assert_close(ours, results(cell, Cell.states, x), rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(dict(cell.state_dict()), dict(after))


def test_a_weight_that_changes_at_every_step_is_refused() -> None:
    assert "use torch.nn.utils.parametrizations.spectral_norm" in str(_engine.refusal(Normed(nn.utils.spectral_norm)))


@pytest.mark.skipif(not _engine.available(), reason="numba is not installed")
def test_compiled_noise_has_the_bits_of_the_loop() -> None:
    cell, x = Noisy(zoneout), torch.randn(5, 3, 2, generator=Generator().manual_seed(1))
    torch.testing.assert_close(results(cell, _engine.states, x), results(cell, Cell.states, x))


class Locked(Noisy):
    """One dropout mask for all steps of a sequence: a part of the state, which ``start`` draws and ``step`` returns unchanged."""

    state_names = ("h", "mask")

    def start(self, batch_size: int) -> tuple[Tensor, ...]:
        h, mask = super().start(batch_size)
        return h, F.dropout(torch.ones_like(mask), 0.3, self.training)

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        h, mask = state
        return (torch.tanh(F.linear(x, self.weight_ih) + F.linear(h * mask, self.weight_hh)), mask), {}


@pytest.mark.usefixtures("uncompiled")
def test_one_mask_per_sequence_is_a_part_of_the_state() -> None:
    cell, x = Locked(zoneout).double(), torch.randn(5, 3, 2, generator=Generator().manual_seed(1)).double()
    torch.testing.assert_close(results(cell, _engine.states, x), results(cell, Cell.states, x), rtol=1e-10, atol=1e-12)


class LockedCell(Locked):
    name = "locked-noise"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        Cell.__init__(self, input_size, hidden_size)
        self.stacked_weights(1, ())


class LockedModel(SequenceModel):
    """One mask for all steps of a sequence, between two layers."""

    name, summary = "locked-model", "for a test"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.low, self.high = nn.GRU(input_size, hidden_size), nn.GRU(hidden_size, hidden_size)

    def sequence(self, x: Tensor) -> Tensor:
        h, _ = self.low(x)
        return self.high(h * F.dropout(torch.ones_like(h[:1]), 0.2, self.training))[0]  # type: ignore[no-any-return]


class DecayGRU(Cell):
    """A GRU whose state decays with the time since the last input, the last channel of the input (Che et al. 2018)."""

    name, summary = "decay-gru", "for a test"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inner, self.rate = nn.GRUCell(input_size, hidden_size), nn.Parameter(torch.zeros(hidden_size))

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        h = state[0] * torch.exp(-F.softplus(self.rate) * torch.relu(x[:, -1:]))
        return (self.inner(x, h),), {}


@pytest.mark.parametrize("cls", [LockedCell, LockedModel, DecayGRU])
def test_check_accepts_one_mask_per_sequence_and_elapsed_time(cls: type[Layer]) -> None:
    check_cell(cls, hidden_size=4)
