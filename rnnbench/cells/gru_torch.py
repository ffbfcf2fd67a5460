"""PyTorch's GRU: the reset gate acts AFTER the recurrent product, and z keeps instead of replacing.

    r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
    z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
    n_t = tanh(W_in x_t + b_in + r_t * (W_hn h_{t-1} + b_hn))
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}

Two biases, weights stacked in the order r, z, n, as in ``torch.nn.GRU`` (Keras calls it ``reset_after``, ONNX
``linear_before_reset``). A POSITIVE bias of z means long memory.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class GRUTorch(Cell):
    """Options: ``bias`` (true)."""

    name = "gru-torch"
    summary = "PyTorch's GRU: reset after the product, z keeps the state"
    reference = "Cho et al. 2014, in the variant of torch.nn.GRU"
    memory = "gated state"
    default_init = "chrono"
    gates = {"r": Gate("reset gate r"), "z": Gate("update gate z (1 keeps)"), "n": Gate("candidate n", -1)}
    candidate = "n"
    forget_signs = {"z": 1}
    torch_nn = "GRU"

    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(3, ("bias_ih", "bias_hh") if bias else ())

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        xr, xz, xn = F.linear(x, self.weight_ih, self.bias_ih).chunk(3, dim=1)  # (B, H) each
        hr, hz, hn = F.linear(h, self.weight_hh, self.bias_hh).chunk(3, dim=1)  # (B, H) each
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)  # (B, H), (B, H)
        n = torch.tanh(xn + r * hn)  # (B, H)
        h = (1 - z) * n + z * h  # (B, H)
        return (h,), {"r": r, "z": z, "n": n}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return gates["z"]  # (B, H)


CELL = GRUTorch
