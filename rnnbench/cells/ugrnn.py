"""The update gate RNN: a gated network with a single gate.

    g_t = sigmoid(W_g x_t + U_g h_{t-1} + b_g)
    c_t = tanh(W_c x_t + U_c h_{t-1} + b_c)           the candidate
    h_t = g_t h_{t-1} + (1 - g_t) c_t

Weights are stacked in the order g, c.

Source: Collins, Sohl-Dickstein & Sussillo 2017, section 2 (where the nonlinearity is an option).
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class UGRNN(Cell):
    """No options."""

    name = "ugrnn"
    summary = "UGRNN: one gate mixes the old state with the candidate"
    reference = "Collins, Sohl-Dickstein & Sussillo 2017, section 2"
    memory = "gated state"
    default_init = "chrono"
    gates = {"g": Gate("update gate g (1 keeps)"), "c": Gate("candidate c", -1)}
    forget_signs = {"g": 1}
    candidate = "c"

    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(2, ("bias",))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        g, c = (F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(2, dim=1)  # (B, H) each
        g, c = torch.sigmoid(g), torch.tanh(c)  # (B, H), (B, H)
        return (g * h + (1 - g) * c,), {"g": g, "c": c}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return gates["g"]  # (B, H)


CELL = UGRNN
