"""Mamba's recurrence, S6: a linear state whose time step, input and output weights depend on the input.

    u_t = W_u x_t                                     (H) the value to write
    Delta_t = softplus(W_Delta x_t + b_Delta)         (H) the time step
    B_t = W_in x_t,  C_t = W_out x_t                  (N) the positions to write to and to read from
    S_t = exp(Delta_t A) S_{t-1} + Delta_t u_t B_t^T  (H, N), A = -exp(log_A) < 0
    y_t = S_t C_t + D u_t

An input leaves the state as it is (Delta near 0) or replaces it (Delta large). The initial A is -1 .. -N, the initial Delta lies
between 0.001 and 0.1. The paper's block adds a short convolution before this and an output gate after it; they are not part of the
cell. Delta's weights are of full rank here, of low rank in the paper.

Source: Gu & Dao 2023, section 3.2, algorithm 2, and section 3.6 (initial values).
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench.cells import Cell, State, selective_scan


class Mamba(Cell):
    """Options: ``states`` (16), the state size N of each unit."""

    name = "mamba"
    summary = "Mamba's S6: a linear state with input-dependent time steps"
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
        self.bias_step = nn.Parameter(delta + torch.log(-torch.expm1(-delta)))  # softplus of the bias is delta
        self.log_A = nn.Parameter(torch.arange(1.0, states + 1).log().expand(hidden_size, -1).clone())  # (H, N)
        self.D = nn.Parameter(torch.ones(hidden_size))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        _, S = state  # (B, H, N)
        u = F.linear(x, self.weight_ih)  # (B, H)
        delta = F.softplus(F.linear(x, self.weight_step, self.bias_step)).unsqueeze(2)  # (B, H, 1)
        B, C = F.linear(x, self.weight_in).unsqueeze(1), F.linear(x, self.weight_out).unsqueeze(2)  # (B, 1, N), (B, N, 1)
        S = torch.exp(-delta * self.log_A.exp()) * S + delta * u.unsqueeze(2) * B  # (B, H, N)
        return ((S @ C).squeeze(2) + self.D * u, S), {}

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        u = F.linear(x, self.weight_ih)  # (T, B, H)
        delta = F.softplus(F.linear(x, self.weight_step, self.bias_step))  # (T, B, H)
        B, C = F.linear(x, self.weight_in), F.linear(x, self.weight_out)  # (T, B, N) each
        y, S = selective_scan(u, delta, -self.log_A.exp(), B, C, state[1])
        y = y + self.D * u  # (T, B, H)
        return y, (y[-1], S)


CELL = Mamba
