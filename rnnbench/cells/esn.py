"""The echo state network: fixed random recurrent weights; only the readout is trained.

    h_t = (1 - leak) h_{t-1} + leak tanh(W_ih x_t + W_hh h_{t-1})

W_hh is normal, scaled to a spectral radius of ``radius``; below 1 the effect of an input eventually vanishes. W_ih is uniform on
[-scale, scale]; small inputs keep tanh in its linear range, where memory is longest. The readout is trained by gradient descent
like all others; the source computes it by linear regression.

Source: Jaeger 2001, section 3; the leak: Jaeger, Lukosevicius, Popovici & Siewert 2007.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, State


class ESN(Cell):
    """Options: ``radius`` (0.99), spectral radius; ``leak`` (1), share replaced per step; ``scale`` (0.1) of the input weights."""

    name = "esn"
    summary = "ESN: fixed random recurrent weights, a trained readout"
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
