"""The LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000).

    i_t = sigmoid(W_i [h_{t-1}, x_t] + b_i)
    f_t = sigmoid(W_f [h_{t-1}, x_t] + b_f)
    g_t = tanh(W_C [h_{t-1}, x_t] + b_C)              the candidate, C~
    o_t = sigmoid(W_o [h_{t-1}, x_t] + b_o)
    C_t = f_t * C_{t-1} + i_t * g_t
    h_t = o_t * tanh(C_t)

Weights are stacked in the order i, f, g, o, as in ``torch.nn.LSTM``, but with one bias, as in the equations.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class LSTM(Cell):
    """Options: ``bias`` (true)."""

    name = "lstm"
    summary = "LSTM with forget gate: a state kept by a separate gate"
    reference = "Hochreiter & Schmidhuber 1997; Gers, Schmidhuber & Cummins 2000"
    memory = "gated state"
    default_init = "chrono"
    gates = {
        "i": Gate("input gate i (1 writes)"),
        "f": Gate("forget gate f (1 keeps)"),
        "g": Gate("candidate g", -1),
        "o": Gate("output gate o"),
    }
    forget_signs = {"f": 1, "i": -1}
    candidate = "g"
    state_names = ("h", "C")
    torch_nn = "LSTM"

    bias: Tensor | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(4, ("bias",) if bias else ())

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        h, c = state  # (B, H), (B, H)
        i, f, g, o = (F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(4, dim=1)  # (B, H) each
        i, f, g, o = torch.sigmoid(i), torch.sigmoid(f), torch.tanh(g), torch.sigmoid(o)
        c = f * c + i * g  # (B, H)
        h = o * torch.tanh(c)  # (B, H)
        return (h, c), {"i": i, "f": f, "g": g, "o": o}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return gates["f"]  # (B, H)


CELL = LSTM
