"""Long Expressive Memory: two states, each with a learned time step.

    d_t = dt sigmoid(W_d x_t + U_d y_{t-1} + b_d)
    e_t = dt sigmoid(W_e x_t + U_e y_{t-1} + b_e)
    z_t = (1 - d_t) z_{t-1} + d_t tanh(W_z x_t + U_z y_{t-1} + b_z)
    y_t = (1 - e_t) y_{t-1} + e_t tanh(W_y x_t + V z_t + b_y)         with the NEW z

The output is y. Weights are stacked in the order d, e, z, y; V is ``weight_zy``.

Source: Rusch, Mishra, Erichson & Mahoney 2022, equation 3.
"""

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.cells import Cell, Gate, State


class LEM(Cell):
    """Options: ``dt`` (1), the largest time step."""

    name = "lem"
    summary = "LEM: two coupled states, each with a learned time step"
    reference = "Rusch et al. 2022, equation 3"
    memory = "gated state"
    gates = {
        "d": Gate("time step d of z (0 keeps)"),
        "e": Gate("time step e of y (0 keeps)"),
        "z": Gate("candidate of z", -1),
        "y": Gate("candidate of y", -1),
    }
    forget_signs = {"d": -1, "e": -1}
    state_names = ("y", "z")

    weight_zy: Tensor
    bias: Tensor

    def __init__(self, input_size: int, hidden_size: int, dt: float = 1.0) -> None:
        super().__init__(input_size, hidden_size)
        if not 0 < dt <= 1:
            raise ValueError(f"option dt must lie above 0 and be at most 1, not {dt}")
        self.dt = dt
        self.parameter("weight_ih", 4 * hidden_size, input_size)
        self.parameter("weight_hh", 3 * hidden_size, hidden_size)
        self.parameter("weight_zy", hidden_size, hidden_size)
        self.parameter("bias", 4 * hidden_size)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        y, z = state  # (B, H), (B, H)
        xd, xe, xz, xy = F.linear(x, self.weight_ih, self.bias).chunk(4, dim=1)  # (B, H) each
        yd, ye, yz = F.linear(y, self.weight_hh).chunk(3, dim=1)  # (B, H) each
        d, e = self.dt * torch.sigmoid(xd + yd), self.dt * torch.sigmoid(xe + ye)  # (B, H), (B, H)
        z_new = torch.tanh(xz + yz)  # (B, H)
        z = (1 - d) * z + d * z_new  # (B, H)
        y_new = torch.tanh(xy + F.linear(z, self.weight_zy))  # (B, H)
        y = (1 - e) * y + e * y_new  # (B, H)
        return (y, z), {"d": d, "e": e, "z": z_new, "y": y_new}

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor:
        return 1 - gates["d"]  # (B, H), of z


CELL = LEM
