"""The LSTM (Hochreiter & Schmidhuber 1997, with the forget gate of Gers, Schmidhuber & Cummins 2000).

    i_t = sigmoid(W_i [h_{t-1}, x_t] + b_i)
    f_t = sigmoid(W_f [h_{t-1}, x_t] + b_f)
    g_t = tanh(W_C [h_{t-1}, x_t] + b_C)              the candidate, C~
    o_t = sigmoid(W_o [h_{t-1}, x_t] + b_o)
    C_t = f_t * C_{t-1} + i_t * g_t
    h_t = o_t * tanh(C_t)

Weights are stacked in the order i, f, g, o, as in ``torch.nn.LSTM``; there is one bias, as in the equations.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import engine
from rnnbench.cells import Cell, State


class LSTM(Cell):
    """Options: ``bias`` (true)."""

    name = "lstm"
    summary = "LSTM with forget gate: a state kept by a gate of its own"
    default_init = "chrono"
    gates = ("i", "f", "g", "o")
    forget_signs = {"f": 1, "i": -1}
    state_count = 2
    fast_engine = True

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

    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """(T - first, B, H) hidden states; ``inputs`` as in :meth:`Cell.states`."""
        if self.engine == "fast":
            return engine.lstm(inputs, self.weight_ih, self.weight_hh, self.bias, self.initial_state, first)
        weights: list[Tensor] = [self.weight_ih, self.weight_hh]
        if self.bias is not None:
            weights += [self.bias, torch.zeros_like(self.bias)]  # torch's second bias adds nothing
        start = [row.unsqueeze(0).contiguous() for row in self.start(inputs.shape[1])]  # (1, B, H) each
        states, _, _ = torch.lstm(
            self.vectors(inputs), start, weights, self.bias is not None, 1, 0.0, self.training, False, False
        )  # (T, B, H)
        return states[first:]  # (T - first, B, H)


CELL = LSTM
