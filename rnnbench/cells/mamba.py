"""Mamba's recurrence, S6: a linear state whose time step, input and output weights depend on the input.

    u_t = W_u x_t                                     (H) what is written
    Delta_t = softplus(W_Delta x_t + b_Delta)         (H) how far the state moves on
    B_t = W_in x_t,  C_t = W_out x_t                  (N) where it is written, from where it is read
    S_t = exp(Delta_t A) S_{t-1} + Delta_t u_t B_t^T  (H, N), A = -exp(log_A) < 0
    y_t = S_t C_t + D u_t

An input may pass (Delta near 0) or replace the state (Delta large). A starts as -1 .. -N, Delta from 0.001 to 0.1. The paper's
block puts a short convolution before this and an output gate after it, which are not part of the cell; Delta's weights are not
of low rank here.

Source: Gu & Dao 2023, section 3.2, algorithm 2, and section 3.6 (the start).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench.cells import Cell, State


class Mamba(Cell):
    """Options: ``states`` (16), numbers N that each unit remembers with."""

    name = "mamba"
    summary = "Mamba's S6: a linear state that the input opens and shuts"
    reference = "Gu & Dao 2023, section 3.2"
    memory = "selective linear state"
    state_names = ("y", "S")

    weight_step: Tensor
    weight_in: Tensor
    weight_out: Tensor

    def __init__(self, input_size: int, hidden_size: int, states: int = 16) -> None:
        if states < 1:
            raise ValueError(f"option states must be at least 1, not {states}")
        super().__init__(input_size, hidden_size, S=(hidden_size, states))
        self.parameter("weight_ih", hidden_size, input_size)
        self.parameter("weight_step", hidden_size, input_size)
        self.parameter("weight_in", states, input_size)
        self.parameter("weight_out", states, input_size)
        delta = torch.empty(hidden_size).uniform_(math.log(0.001), math.log(0.1)).exp()  # (H)
        self.bias_step = nn.Parameter(delta + torch.log(-torch.expm1(-delta)))  # softplus of it is delta
        self.log_A = nn.Parameter(torch.arange(1.0, states + 1).log().expand(hidden_size, -1).clone())  # (H, N)
        self.D = nn.Parameter(torch.ones(hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        _, S = state  # (B, H, N)
        u = F.linear(x, self.weight_ih)  # (B, H)
        delta = F.softplus(F.linear(x, self.weight_step, self.bias_step)).unsqueeze(2)  # (B, H, 1)
        B, C = F.linear(x, self.weight_in).unsqueeze(1), F.linear(x, self.weight_out).unsqueeze(2)  # (B, 1, N), (B, N, 1)
        S = torch.exp(-delta * self.log_A.exp()) * S + delta * u.unsqueeze(2) * B  # (B, H, N)
        return ((S @ C).squeeze(2) + self.D * u, S), {}


CELL = Mamba
