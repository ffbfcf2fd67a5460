"""A feed-forward net that sees only the current input: what a network without memory can do.

h_t = tanh(W_ih x_t + b)
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench.cells import Cell, State


class Memoryless(Cell):
    """No options."""

    name = "memoryless"
    summary = "feed-forward net that sees only the current input"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.weight_ih = nn.Parameter(torch.empty(hidden_size, input_size))
        self.bias = nn.Parameter(torch.empty(hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        return (torch.tanh(F.linear(x, self.weight_ih, self.bias)),), {}  # (B, H)

    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """(T - first, B, H) hidden states, all steps at once: nothing is carried over."""
        return torch.tanh(F.linear(self.vectors(inputs[first:]), self.weight_ih, self.bias))


CELL = Memoryless
