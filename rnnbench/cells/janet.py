"""JANET: an LSTM with only the forget gate.

    a_t = W_f x_t + U_f h_{t-1} + b_f
    c_t = tanh(W_c x_t + U_c h_{t-1} + b_c)           the candidate
    h_t = sigmoid(a_t) h_{t-1} + (1 - sigmoid(a_t - beta)) c_t

With beta > 0 it writes more than it forgets. Weights are stacked in the order f, c. The default initialisation is chrono, as in
the paper.

Source: van der Westhuizen & Lasenby 2018, section 3 (beta = 1).
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class JANET(Cell):
    """Options: ``beta`` (1)."""

    name = "janet"
    summary = "JANET: an LSTM with only the forget gate"
    reference = "van der Westhuizen & Lasenby 2018, section 3"
    memory = "gated state"
    default_init = "chrono"
    gates = {"f": Gate("forget gate f (1 keeps)"), "c": Gate("candidate c", -1)}
    forget_signs = {"f": 1}
    candidate = "c"

    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int, beta: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        self.beta = beta
        self.stacked_weights(2, ("bias",))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        a, c = (F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(2, dim=1)  # (B, H) each
        f, c = torch.sigmoid(a), torch.tanh(c)  # (B, H), (B, H)
        h = f * h + (1 - torch.sigmoid(a - self.beta)) * c  # (B, H)
        return (h,), {"f": f, "c": c}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return gates["f"]  # (B, H)


CELL = JANET
