"""The minimal gated unit: a GRU with one gate in place of two.

    f_t = sigmoid(W_f x_t + U_f h_{t-1} + b_f)
    c_t = tanh(W_c x_t + U_c (f_t * h_{t-1}) + b_c)   the candidate
    h_t = (1 - f_t) h_{t-1} + f_t c_t

A NEGATIVE bias of f means long memory, although the paper calls f the forget gate. f also resets the state in the candidate.
Weights are stacked in the order f, c.

Source: Zhou, Wu, Zhang & Zhou 2016, section 3.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class MGU(Cell):
    """No options."""

    name = "mgu"
    summary = "MGU: a GRU with one gate for both purposes"
    reference = "Zhou, Wu, Zhang & Zhou 2016, section 3"
    memory = "gated state"
    default_init = "chrono"
    gates = {"f": Gate("gate f (0 keeps)"), "c": Gate("candidate c", -1)}
    forget_signs = {"f": -1}
    candidate = "c"

    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(2, ("bias",))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        H = self.hidden_size
        xf, xc = F.linear(x, self.weight_ih, self.bias).chunk(2, dim=1)  # (B, H) each
        f = torch.sigmoid(xf + F.linear(h, self.weight_hh[:H]))  # (B, H)
        c = torch.tanh(xc + F.linear(f * h, self.weight_hh[H:]))  # (B, H)
        return ((1 - f) * h + f * c,), {"f": f, "c": c}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return 1 - gates["f"]  # (B, H)


CELL = MGU
