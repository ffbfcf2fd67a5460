"""The minLSTM: an LSTM whose gates and candidate do not depend on the state, and whose gates sum to one.

    f_t = sigmoid(W_f x_t + b_f),   i_t = sigmoid(W_i x_t + b_i)
    c_t = g(W_c x_t + b_c),                           g(a) = a + 1/2 for a >= 0, sigmoid(a) below: positive
    h_t = f' h_{t-1} + i' c_t,      f' = f / (f + i),  i' = i / (f + i)

f / (f + i) is computed as sigmoid(log f - log i), which is equal and never divides by zero. ``step`` returns f' and i' as gates.
Weights are stacked in the order f, i, c.

Source: Feng et al. 2024, section 3.2 and appendix B.2.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class MinLSTM(Cell):
    """No options."""

    name = "minlstm"
    summary = "minLSTM: forget and input gate that sum to one and do not depend on the state"
    reference = "Feng et al. 2024, section 3.2"
    memory = "gated state, input-only gates"
    default_init = "chrono"
    gates = {"f": Gate("forget gate f' (1 keeps)"), "i": Gate("input gate i' (1 writes)")}
    forget_signs = {"f": 1, "i": -1}

    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.parameter("weight_ih", 3 * hidden_size, input_size)
        self.parameter("bias", 3 * hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        f, i, c = F.linear(x, self.weight_ih, self.bias).chunk(3, dim=1)  # (B, H) each
        f = torch.sigmoid(F.softplus(-i) - F.softplus(-f))  # (B, H): log sigmoid(a) = -softplus(-a)
        i, c = 1 - f, torch.where(c >= 0, c + 0.5, torch.sigmoid(c))  # (B, H), (B, H)
        return (f * h + i * c,), {"f": f, "i": i}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return gates["f"]  # (B, H)


CELL = MinLSTM
