"""The neuromodulated bistable recurrent cell: each unit can hold one of two states for ever.

    a_t = 1 + tanh(W_a x_t + U_a h_{t-1} + b_a)       above 1 a unit is bistable
    c_t = sigmoid(W_c x_t + U_c h_{t-1} + b_c)
    n_t = tanh(W x_t + a_t * h_{t-1} + b)             the candidate
    h_t = c_t h_{t-1} + (1 - c_t) n_t

A unit's candidate depends on no other unit; only the two gates mix the units. Weights are stacked in the order a, c, n. Unlike in
the paper, the default initialisation is chrono, as for the other gated cells.

Source: Vecoven, Ernst & Drion 2021, section 3 (nBRC).
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class NBRC(Cell):
    """No options."""

    name = "nbrc"
    summary = "nBRC: a gated cell whose units can be bistable"
    reference = "Vecoven, Ernst & Drion 2021, section 3 (nBRC)"
    memory = "bistable units"
    default_init = "chrono"
    gates = {"a": Gate("feedback a (above 1: bistable)", 0, 2), "c": Gate("update gate c (1 keeps)"), "n": Gate("candidate n", -1)}
    forget_signs = {"c": 1}
    candidate = "n"

    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.parameter("weight_ih", 3 * hidden_size, input_size)
        self.parameter("weight_hh", 2 * hidden_size, hidden_size)
        self.parameter("bias", 3 * hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        xa, xc, xn = F.linear(x, self.weight_ih, self.bias).chunk(3, dim=1)  # (B, H) each
        ha, hc = F.linear(h, self.weight_hh).chunk(2, dim=1)  # (B, H), (B, H)
        a, c = 1 + torch.tanh(xa + ha), torch.sigmoid(xc + hc)  # (B, H), (B, H)
        n = torch.tanh(xn + a * h)  # (B, H)
        return (c * h + (1 - c) * n,), {"a": a, "c": c, "n": n}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return gates["c"]  # (B, H)


CELL = NBRC
