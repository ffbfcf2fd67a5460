"""The minGRU: a GRU whose gate and candidate do not depend on the state.

    z_t = sigmoid(W_z x_t + b_z)
    c_t = g(W_c x_t + b_c),                           g(a) = a + 1/2 for a >= 0, sigmoid(a) below: positive
    h_t = (1 - z_t) h_{t-1} + z_t c_t

All steps could therefore be computed in parallel. One layer cannot track a state, since its response to an input does not depend
on earlier inputs; the paper stacks several layers. A NEGATIVE bias of z means long memory. Weights are stacked in the order z, c.

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
    summary = "minGRU: a GRU whose gate does not depend on the state"
    reference = "Feng et al. 2024, section 3.1"
    memory = "gated state, input-only gate"
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
