"""A linear recurrent unit (Orvieto et al. 2023), written as any PyTorch module is: it sets its parameters itself."""

import math

import torch
from torch import Tensor, nn

from rnnbench.cells import Cell, State


class LRU(Cell):
    """Options: ``r_min`` (0.9), the smallest modulus of an eigenvalue at the start."""

    name = "complex-unit"
    summary = "linear recurrent unit: a diagonal complex recurrence, read out by a layer"
    state_names = ("h", "re", "im")

    def __init__(self, input_size: int, hidden_size: int, r_min: float = 0.9) -> None:
        super().__init__(input_size, hidden_size)
        u = torch.rand(hidden_size)
        self.nu = nn.Parameter(torch.log(-0.5 * torch.log(u * (1 - r_min**2) + r_min**2)))
        self.theta = nn.Parameter(torch.log(2 * math.pi / 10 * torch.rand(hidden_size)))
        self.into = nn.Linear(input_size, 2 * hidden_size, bias=False)
        self.out = nn.Linear(2 * hidden_size, hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        _, re, im = state  # (B, H) each
        modulus, phase = torch.exp(-torch.exp(self.nu)), torch.exp(self.theta)  # (H), (H)
        c, s = modulus * torch.cos(phase), modulus * torch.sin(phase)  # (H), (H)
        u, v = (torch.sqrt(1 - modulus**2).repeat(2) * self.into(x)).chunk(2, dim=1)  # (B, H), (B, H)
        re, im = c * re - s * im + u, s * re + c * im + v  # (B, H), (B, H)
        return (torch.tanh(self.out(torch.cat((re, im), dim=1))), re, im), {}


CELL = LRU
