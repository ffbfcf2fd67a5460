"""The expRNN: exactly orthogonal recurrent weights, so that gradients through them neither grow nor vanish.

    Q   = exp(A - A^T)                                A strictly upper triangular: exp of a skew matrix is a rotation
    h_t = modrelu(W_ih x_t + Q h_{t-1}, b),           modrelu(z, b) = sign(z) relu(|z| + b)

A is initialised to 2 x 2 blocks that rotate by angles from U[-pi, pi] (Henaff, Szlam & LeCun 2016), and b from U[-0.01, 0.01].

The paper trains A at a tenth of the learning rate of the others; here all have the same rate, unless `recurrent_lr` is set. The
authors' code draws W_ih by Kaiming's initialisation; here it comes from U[-1/sqrt(H), 1/sqrt(H)], as in the other cells.

Source: Lezcano-Casado & Martinez-Rubio 2019, sections 3 and 5.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parametrize

from rnnbench.cells import Cell, State


class Rotation(nn.Module):
    """The parametrization that maps weights A (H, H) to the orthogonal Q."""

    def forward(self, A: Tensor) -> Tensor:
        upper = A.triu(1)  # (H, H)
        return torch.matrix_exp(upper - upper.T)


class ExpRNN(Cell):
    """Options: ``recurrent_lr``, the learning rate of A at the start of the schedule. Default: that of the run."""

    name = "exprnn"
    summary = "expRNN: orthogonal recurrent weights, the exponential of a skew matrix"
    reference = "Lezcano-Casado & Martinez-Rubio 2019, section 3"
    memory = "rotation of the state"
    max_derivative = 1.0  # of modrelu where it is not 0

    def __init__(self, input_size: int, hidden_size: int, recurrent_lr: float | None = None) -> None:
        super().__init__(input_size, hidden_size)
        H = hidden_size
        self.parameter("weight_ih", H, input_size)
        angles = torch.zeros(H, H)
        even = torch.arange(0, H - 1, 2)  # (H // 2)
        angles[even, even + 1] = torch.empty(H // 2).uniform_(-math.pi, math.pi)
        self.recurrent = nn.Linear(H, H, bias=False)
        self.recurrent.weight = nn.Parameter(angles)  # A; torch computes Q once per sequence
        parametrize.register_parametrization(self.recurrent, "weight", Rotation())
        if recurrent_lr is not None:
            if not 0 <= recurrent_lr < math.inf:
                raise ValueError(f"option recurrent_lr must be at least 0, not {recurrent_lr}")
            for original in self.recurrent.parameters():  # A only
                original._optim = {"lr": recurrent_lr}  # type: ignore[attr-defined]  # a mark
        self.bias = nn.Parameter(torch.empty(H).uniform_(-0.01, 0.01))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        z = F.linear(x, self.weight_ih) + self.recurrent(h)  # (B, H)
        return (torch.where(z >= 0, torch.relu(z + self.bias), -torch.relu(self.bias - z)),), {}


CELL = ExpRNN
