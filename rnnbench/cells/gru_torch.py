"""PyTorch's GRU: the reset gate acts AFTER the recurrent product, and z keeps instead of replacing.

    r_t = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr)
    z_t = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz)
    n_t = tanh(W_in x_t + b_in + r_t * (W_hn h_{t-1} + b_hn))
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}

Two biases, weights stacked in the order r, z, n, as in ``torch.nn.GRU`` (Keras calls it ``reset_after``, ONNX
``linear_before_reset``). A long memory is a POSITIVE bias of z here.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import engine
from rnnbench.cells import Cell, State


class GRUTorch(Cell):
    """Options: ``bias`` (true)."""

    name = "gru-torch"
    summary = "PyTorch's GRU: reset after the product, z's meaning swapped"
    default_init = "chrono"
    gates = ("r", "z", "n")
    forget_signs = {"z": 1}
    fast_engine = True

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

    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """(T - first, B, H) hidden states; ``inputs`` as in :meth:`Cell.states`."""
        if self.engine == "fast":
            return engine.gru_torch(inputs, self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh, self.initial_state, first)
        weights = [p for p in (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh) if p is not None]
        (h,) = self.start(inputs.shape[1])  # (B, H)
        states, _ = torch.gru(
            self.vectors(inputs), h.unsqueeze(0).contiguous(), weights, self.bias_ih is not None,
            1, 0.0, self.training, False, False,
        )  # (T, B, H)  # fmt: skip
        return states[first:]  # (T - first, B, H)


CELL = GRUTorch
