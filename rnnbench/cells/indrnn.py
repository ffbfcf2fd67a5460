"""The IndRNN: each unit has one recurrent weight, from the unit to itself.

    h_t = relu(W_ih x_t + u * h_{t-1} + b),           |u| <= 2^(1/steps)

With this bound a unit's state grows by at most a factor of 2 in ``steps`` time steps. u is drawn from U[0, 2^(1/steps)] and
clamped to the bound in every step. The default start ``own`` has one bound for all lengths. The paper sets ``steps`` to the length
of the sequences. The start ``horizon`` does so with the horizon, which follows the gap unless ``--horizon`` fixes it. Units
interact only in the layers above; the paper stacks at least two.

Source: Li, Li, Cook, Zhu & Gao 2018, sections 4 and 5.1.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench.cells import Cell, InitContext, Initializer, Layer, State


def horizon(layer: Layer, context: InitContext) -> None:
    """Set the bound for the horizon in place of ``steps``, and scale the recurrent weights with it; the rest as ``own``."""
    assert isinstance(layer, IndRNN)
    spread = 1 / math.sqrt(layer.hidden_size)
    bound = 2.0 ** (1 / context.horizon)
    with torch.no_grad():
        for parameter in layer.uninitialized_parameters().values():
            parameter.uniform_(-spread, spread, generator=context.generator)
        layer.u.mul_(bound / layer.bound)
    layer.bound = bound


class IndRNN(Cell):
    """Options: ``steps`` (1000), time steps in which a unit's state may at most double."""

    name = "indrnn"
    summary = "IndRNN: ReLU units with one recurrent weight each, not connected to one another"
    reference = "Li et al. 2018, section 4"
    memory = "one recurrent weight per unit"
    initializers = {"horizon": Initializer(horizon, uses_horizon=True)}

    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int, steps: int = 1000) -> None:
        super().__init__(input_size, hidden_size)
        if steps < 1:
            raise ValueError(f"option steps must be at least 1, not {steps}")
        self.bound = 2.0 ** (1 / steps)
        self.parameter("weight_ih", hidden_size, input_size)
        self.parameter("bias", hidden_size)
        self.u = nn.Parameter(torch.empty(hidden_size).uniform_(0, self.bound))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        u = self.u.clamp(-self.bound, self.bound)  # (H)
        return (torch.relu(F.linear(x, self.weight_ih, self.bias) + u * h),), {}


CELL = IndRNN
