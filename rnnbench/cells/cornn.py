"""The coRNN: a network of driven and damped oscillators.

    z_t = z_{t-1} + dt (tanh(W_ih x_t + U h_{t-1} + V z_{t-1} + b) - gamma h_{t-1} - eps z_{t-1})
    h_t = h_{t-1} + dt z_t                            with the NEW z

h is the position of an oscillator, z its speed, gamma the square of its frequency, eps its friction. ``weight_hh`` is U,
``weight_zh`` is V. The defaults are those of the authors' code for the adding problem. They were not tuned for other tasks.

Source: Rusch & Mishra 2021, equation 3 with the explicit friction of their code.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, State


class CoRNN(Cell):
    """Options: ``dt`` (0.06), the time step; ``gamma`` (66), frequency squared; ``eps`` (15), friction."""

    name = "cornn"
    summary = "coRNN: coupled oscillators, driven by the input and damped"
    reference = "Rusch & Mishra 2021, equation 3"
    memory = "oscillation"
    state_names = ("h", "z")

    weight_zh: Tensor
    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int, dt: float = 0.06, gamma: float = 66.0, eps: float = 15.0) -> None:
        super().__init__(input_size, hidden_size)
        for option, value in (("dt", dt), ("gamma", gamma), ("eps", eps)):
            if value <= 0:
                raise ValueError(f"option {option} must be above 0, not {value}")
        self.dt, self.gamma, self.eps = dt, gamma, eps
        self.stacked_weights(1, ("bias",))
        self.parameter("weight_zh", hidden_size, hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        h, z = state  # (B, H), (B, H)
        force = torch.tanh(F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh) + F.linear(z, self.weight_zh))
        z = z + self.dt * (force - self.gamma * h - self.eps * z)  # (B, H)
        h = h + self.dt * z  # (B, H)
        return (h, z), {}


CELL = CoRNN
