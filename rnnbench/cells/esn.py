"""The echo state network: random recurrent weights that are never trained; only the readout learns.

    h_t = (1 - leak) h_{t-1} + leak tanh(W_ih x_t + W_hh h_{t-1})

W_hh is normal, scaled to a spectral radius of ``radius``: below 1 the echo of an input dies out in the end. W_ih is uniform on
[-scale, scale]: small inputs keep tanh near its linear middle, where memory is longest. Here the readout is trained by gradient
descent like every other one; the source solves for it.

Source: Jaeger 2001, section 3; the leak: Jaeger, Lukosevicius, Popovici & Siewert 2007.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, State


class ESN(Cell):
    """Options: ``radius`` (0.99), spectral radius; ``leak`` (1), the share that is replaced; ``scale`` (0.1) of the input."""

    name = "esn"
    summary = "ESN: random recurrent weights that stay as they are, a readout that learns"
    reference = "Jaeger 2001, section 3"
    memory = "echo in fixed random weights"
    cuts_gradient = True  # nothing in it is trained
    max_derivative = 1.0

    def __init__(self, input_size: int, hidden_size: int, radius: float = 0.99, leak: float = 1.0, scale: float = 0.1) -> None:
        super().__init__(input_size, hidden_size)
        for option, value in (("radius", radius), ("leak", leak), ("scale", scale)):
            if value <= 0:
                raise ValueError(f"option {option} must be above 0, not {value}")
        if leak > 1:
            raise ValueError(f"option leak must be at most 1, not {leak}")
        self.leak = leak
        weights = torch.randn(hidden_size, hidden_size)  # (H, H)
        self.register_buffer("weight_ih", torch.empty(hidden_size, input_size).uniform_(-scale, scale))
        self.register_buffer("weight_hh", weights * (radius / torch.linalg.eigvals(weights).abs().max()))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        new = torch.tanh(F.linear(x, self.weight_ih) + F.linear(h, self.weight_hh))  # (B, H)
        return ((1 - self.leak) * h + self.leak * new,), {}


CELL = ESN
