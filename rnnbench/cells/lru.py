"""The linear recurrent unit: a diagonal complex recurrence without a nonlinearity.

    lambda = exp(-exp(nu) + i theta),                 |lambda| < 1 whatever nu
    s_t    = lambda s_{t-1} + gamma B x_t,            s complex (H), gamma = exp(log_gamma)
    y_t    = Re(C s_t) + D x_t

The state is stored as its real and imaginary part. The cell is a linear filter; the paper uses it in several layers, each with a
gated MLP. The initialisation ``ring`` draws |lambda|^2 uniformly between ``r_min``^2 and exp(-2/horizon), which is a time constant
of ``horizon`` steps (the paper's r_max = 0.999 is a horizon of 1,000). It draws the phase from [0, ``max_phase``] and sets
gamma = sqrt(1 - |lambda|^2). In the paper D is diagonal, since its layers have as many inputs as outputs; here it is a full matrix.

Source: Orvieto et al. 2023, sections 3.2 to 3.4 and appendix A; the paper stores log theta.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, InitContext, Initializer, Layer, State


def ring(layer: Layer, context: InitContext) -> None:
    """Draw eigenvalues from a ring whose outer radius fits the horizon, and B, C and D from normal distributions."""
    parameters, rng, H, D = layer.uninitialized_parameters(), context.generator, layer.hidden_size, layer.input_size
    r_min, max_phase = float(layer.r_min), float(layer.max_phase)  # type: ignore[arg-type]  # numbers, not modules
    low, high = r_min**2, max(math.exp(-2 / context.horizon), r_min**2)
    with torch.no_grad():
        square = torch.empty(H).uniform_(0, 1, generator=rng) * (high - low) + low  # (H), |lambda|^2
        square = square.clamp(1e-8, 1 - 1e-7)
        parameters["nu"].copy_((-0.5 * square.log()).log())
        parameters["theta"].uniform_(0, max_phase, generator=rng)
        parameters["log_gamma"].copy_(0.5 * torch.log1p(-square))
        parameters["B"].normal_(std=1 / math.sqrt(2 * D), generator=rng)
        parameters["C"].normal_(std=1 / math.sqrt(H), generator=rng)
        parameters["D"].normal_(std=1 / math.sqrt(D), generator=rng)


class LRU(Cell):
    """Options: ``r_min`` (0.9), the smallest initial modulus; ``max_phase`` (2 pi), the largest initial phase."""

    name = "lru"
    summary = "LRU: a diagonal linear recurrence of complex numbers"
    reference = "Orvieto et al. 2023, section 3"
    memory = "linear oscillation"
    initializers = {"ring": Initializer(ring, uses_horizon=True)}
    default_init = "ring"
    state_names = ("y", "re", "im")

    nu: Tensor
    theta: Tensor
    log_gamma: Tensor
    B: Tensor
    C: Tensor
    D: Tensor

    def __init__(self, input_size: int, hidden_size: int, r_min: float = 0.9, max_phase: float = 6.283) -> None:
        super().__init__(input_size, hidden_size)
        if not 0 <= r_min < 1:
            raise ValueError(f"option r_min must be at least 0 and below 1, not {r_min}")
        if not 0 <= max_phase <= 6.2832:
            raise ValueError(f"option max_phase must lie between 0 and 2 pi, not {max_phase}")
        self.r_min, self.max_phase = r_min, max_phase
        for name in ("nu", "theta", "log_gamma"):
            self.parameter(name, hidden_size)
        self.parameter("B", 2 * hidden_size, input_size)  # real rows, then imaginary ones
        self.parameter("C", 2 * hidden_size, hidden_size)
        self.parameter("D", hidden_size, input_size)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        _, re, im = state  # (B, H) each
        H = self.hidden_size
        modulus = torch.exp(-torch.exp(self.nu))  # (H)
        a, b = modulus * torch.cos(self.theta), modulus * torch.sin(self.theta)  # (H), (H)
        gamma = torch.exp(self.log_gamma)  # (H)
        u, v = F.linear(x, self.B).chunk(2, dim=1)  # (B, H), (B, H)
        re, im = a * re - b * im + gamma * u, b * re + a * im + gamma * v  # (B, H), (B, H)
        y = F.linear(re, self.C[:H]) - F.linear(im, self.C[H:]) + F.linear(x, self.D)  # (B, H)
        return (y, re, im), {}


CELL = LRU
