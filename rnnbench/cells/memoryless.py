"""A feed-forward network that sees only the current input; it shows what a network without memory reaches.

h_t = tanh(W_ih x_t + b)
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import SequenceModel


class Memoryless(SequenceModel):
    """No options."""

    name = "memoryless"
    summary = "feed-forward network that sees only the current input"
    memory = "none"
    cuts_gradient = True  # no path to earlier steps exists
    state_size = 0

    weight_ih: Tensor
    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.parameter("weight_ih", hidden_size, input_size)
        self.parameter("bias", hidden_size)

    def sequence(self, x: Tensor) -> Tensor:
        return torch.tanh(F.linear(x, self.weight_ih, self.bias))  # (T, B, H)


CELL = Memoryless
