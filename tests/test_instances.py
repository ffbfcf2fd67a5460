"""Tests of instances in place of names: their options are kept, and any other change of them is refused in one sentence."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from torch import Tensor, nn

import rnnbench
from rnnbench._spec.request import options_of
from rnnbench.cells import Cell


class Leaky(Cell):
    name = "leaky-instance"
    summary = "leaky integrator"

    def __init__(self, input_size: int, hidden_size: int, rate: float = 0.1) -> None:
        super().__init__(input_size, hidden_size)
        self.rate, self.gain, self.scales = rate, 1.0, [1.0, torch.ones(2)]
        self.activation = torch.tanh
        self.shift: Callable[[Tensor], Tensor] = lambda x: x + 1
        self.power = partial(torch.pow, exponent=2)
        self.inner = nn.Linear(input_size + hidden_size, hidden_size)
        self.dropout = nn.Dropout(0.1)

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        (h,) = state
        return ((1 - self.rate) * h + self.rate * self.gain * self.activation(self.inner(torch.cat((x, h), dim=1))),), {}


CHANGES: dict[str, Callable[[Leaky], object]] = {
    "attribute gain": lambda cell: setattr(cell, "gain", 5.0),
    "attribute scales": lambda cell: cell.scales.append(2.0),
    "attribute activation": lambda cell: setattr(cell, "activation", torch.relu),
    "attribute shift": lambda cell: setattr(cell, "shift", lambda x: x - 1),
    "attribute power": lambda cell: setattr(cell, "power", partial(torch.pow, exponent=3)),
    "attribute step": lambda cell: setattr(cell, "step", None),
    "attribute dropout.p": lambda cell: setattr(cell.dropout, "p", 0.5),
    "parameter inner.weight": lambda cell: cell.load_state_dict(Leaky(5, 8).state_dict()),
    "parameter extra": lambda cell: cell.register_parameter("extra", nn.Parameter(torch.ones(1))),
    "requires_grad of parameter inner.bias": lambda cell: cell.inner.bias.requires_grad_(False),
    "buffer _like": lambda cell: cell.double(),
    "buffer initial_h": lambda cell: cell.initial_h.fill_(1),
    "the module inner": lambda cell: setattr(cell, "inner", nn.Identity()),
    "a hook of the module": lambda cell: cell.register_forward_hook(print),
    "a hook of parameter inner.weight": lambda cell: cell.inner.weight.register_hook(print),
    "a hook of parameter inner.bias": lambda cell: cell.inner.bias.register_post_accumulate_grad_hook(print),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_changed_instance_is_refused(what: str) -> None:
    cell = Leaky(5, 8)
    CHANGES[what](cell)
    with pytest.raises(rnnbench.UserError, match=f"^{what} of this Leaky was changed after it was built"):
        rnnbench.run(cell=cell, task="beijing", gap=5)


def test_an_instance_that_was_only_used_keeps_its_options() -> None:
    torch.manual_seed(3)
    cell = Leaky(5, 8, rate=0.3)
    torch.manual_seed(4)
    before = torch.get_rng_state()
    cell.eval()(torch.zeros(2, 3, 5))
    assert options_of(cell) == {"rate": 0.3}
    cell.rate = 0.5
    assert options_of(cell) == {"rate": 0.5}
    assert torch.equal(torch.get_rng_state(), before)


def test_a_changed_instance_of_a_task_is_refused() -> None:
    recall = rnnbench.tasks()["recall"]

    class Mine(recall):  # type: ignore[misc,valid-type]
        name = "mine"

        def __post_init__(self) -> None:
            super().__post_init__()
            object.__setattr__(self, "table", torch.arange(3))

    task = Mine()
    assert options_of(task) == options_of(recall())
    task.table[0] = 7
    with pytest.raises(rnnbench.UserError, match="attribute table of this Mine was changed"):
        options_of(task)
