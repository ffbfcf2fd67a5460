"""The vanilla RNN (Elman 1990, with tanh).

h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, State


class RNN(Cell):
    """Options: ``bias`` (true)."""

    name = "rnn"
    summary = "vanilla RNN: tanh of input and previous state"
    reference = "Elman 1990, with tanh"
    memory = "recurrent product"
    max_derivative = 1.0  # of tanh, at 0
    torch_nn = "RNN_TANH"

    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ("bias_ih", "bias_hh") if bias else ())

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        h = torch.tanh(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh))  # (B, H)
        return (h,), {}


CELL = RNN
