"""The GRU of Cho et al. 2014: the reset gate acts BEFORE the recurrent product.

    r_t = sigmoid(W_r [h_{t-1}, x_t] + b_r)
    z_t = sigmoid(W_z [h_{t-1}, x_t] + b_z)
    n_t = tanh(W [r_t * h_{t-1}, x_t] + b)            the candidate, h~
    h_t = (1 - z_t) * h_{t-1} + z_t * n_t

The paper omits the biases. They are on by default, since without them no initialisation can set how long the state is kept.
``--cell-option bias=false`` gives the literal form. A NEGATIVE bias of z means long memory. Weights are stacked in the order
r, z, n. ``gru-torch`` is PyTorch's variant.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class GRU(Cell):
    """Options: ``bias`` (true)."""

    name = "gru"
    summary = "GRU as specified: reset before the product"
    reference = "Cho et al. 2014, section 2.3"
    memory = "gated state"
    default_init = "chrono"
    gates = {"r": Gate("reset gate r"), "z": Gate("update gate z (0 keeps)"), "n": Gate("candidate n", -1)}
    candidate = "n"
    forget_signs = {"z": -1}

    bias: Tensor | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(3, ("bias",) if bias else ())

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        H = self.hidden_size
        projected = F.linear(x, self.weight_ih, self.bias)  # (B, 3H)
        rz = torch.sigmoid(projected[:, : 2 * H] + F.linear(h, self.weight_hh[: 2 * H]))  # (B, 2H)
        r, z = rz.chunk(2, dim=1)  # (B, H), (B, H)
        n = torch.tanh(projected[:, 2 * H :] + F.linear(r * h, self.weight_hh[2 * H :]))  # (B, H)
        h = (1 - z) * h + z * n  # (B, H)
        return (h,), {"r": r, "z": z, "n": n}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return 1 - gates["z"]  # (B, H)


CELL = GRU
