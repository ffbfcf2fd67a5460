"""The sLSTM: an LSTM with an exponential input gate, so that a late input can outweigh all earlier ones.

    l_t = log sigmoid(W_f x_t + U_f h_{t-1} + b_f),   j_t = W_i x_t + U_i h_{t-1} + b_i
    m_t = max(l_t + m_{t-1}, j_t)                     keeps the exponentials in range
    f_t = exp(l_t + m_{t-1} - m_t),  i_t = exp(j_t - m_t)
    c_t = f_t c_{t-1} + i_t tanh(W_z x_t + U_z h_{t-1} + b_z)
    n_t = f_t n_{t-1} + i_t                           the sum of the weights so far
    h_t = sigmoid(W_o x_t + U_o h_{t-1} + b_o) c_t / n_t

c / n is a weighted mean of the candidates and does not depend on m. Weights are stacked in the order i, f, z, o. There is one head,
so the recurrent weights are full; the paper's are block-diagonal. The paper's block (convolution, group norm, gated MLP) is not
part of the cell.

Source: Beck et al. 2024, section 2.2, equations 8 to 17, with the sigmoid forget gate.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class SLSTM(Cell):
    """No options."""

    name = "slstm"
    summary = "sLSTM: exponential input gate, output normalised by the sum of weights"
    reference = "Beck et al. 2024, section 2.2"
    memory = "gated state, normalised"
    default_init = "chrono"
    gates = {
        "i": Gate("input gate i, stabilised"),
        "f": Gate("forget gate f, stabilised"),
        "z": Gate("candidate z", -1),
        "o": Gate("output gate o"),
        "keep": Gate("share of the mean that is kept"),
    }
    forget_signs = {"f": 1}
    candidate = "z"
    state_names = ("h", "m", "n", "c")

    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(4, ("bias",))
        self.get_buffer("initial_m").fill_(-1e4)  # no weight yet, so that n_1 = 1 for any first input

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        h, m, n, c = state  # (B, H) each
        j, f, z, o = (F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(4, dim=1)  # (B, H) each
        z, o = torch.tanh(z), torch.sigmoid(o)  # (B, H), (B, H)
        kept = m - F.softplus(-f)  # (B, H): log sigmoid(f) + m
        m = torch.maximum(kept, j)  # (B, H)
        f, i = torch.exp(kept - m), torch.exp(j - m)  # (B, H), (B, H)
        c = f * c + i * z  # (B, H)
        old, n = n, f * n + i  # (B, H), (B, H)
        h = o * c / n  # (B, H)
        return (h, m, n, c), {"i": i, "f": f, "z": z, "o": o, "keep": f * old / n}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return gates["keep"]  # (B, H)


CELL = SLSTM
