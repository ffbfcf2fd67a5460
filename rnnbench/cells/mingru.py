"""The minGRU: a GRU whose gate and candidate do not see the state.

    z_t = sigmoid(W_z x_t + b_z)
    c_t = g(W_c x_t + b_c),                           g(a) = a + 1/2 for a >= 0, sigmoid(a) below: positive
    h_t = (1 - z_t) h_{t-1} + z_t c_t

So it could be computed for all steps at once, and cannot track a state in one layer: what it does with an input does not depend
on what came before. The paper stacks it in blocks. A long memory is a NEGATIVE bias of z. Weights are stacked in the order z, c.

Source: Feng et al. 2024, section 3.1 and appendix B.2 (the positive candidate).
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class MinGRU(Cell):
    """No options."""

    name = "mingru"
    summary = "minGRU: a GRU whose gate does not see the state"
    reference = "Feng et al. 2024, section 3.1"
    memory = "gated state, gate blind to it"
    default_init = "chrono"
    gates = {"z": Gate("update gate z (0 keeps)")}
    forget_signs = {"z": -1}

    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.parameter("weight_ih", 2 * hidden_size, input_size)
        self.parameter("bias", 2 * hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        z, c = F.linear(x, self.weight_ih, self.bias).chunk(2, dim=1)  # (B, H) each
        z, c = torch.sigmoid(z), torch.where(c >= 0, c + 0.5, torch.sigmoid(c))  # (B, H), (B, H)
        return ((1 - z) * h + z * c,), {"z": z}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return 1 - gates["z"]  # (B, H)


CELL = MinGRU
