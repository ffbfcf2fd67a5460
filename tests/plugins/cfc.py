"""A closed-form continuous-time cell (Hasani et al. 2022), in the gated form and with a step of one unit of time."""

import torch
from torch import Tensor, nn

from rnnbench.cells import Cell, Gate, State


class CfC(Cell):
    """No options."""

    name = "cfc"
    summary = "closed-form continuous-time cell: a gate of time between two candidates"
    gates = {"t": Gate("time gate t")}

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.backbone = nn.Sequential(nn.Linear(input_size + hidden_size, hidden_size), nn.Tanh(), nn.Dropout(0.1))
        self.heads = nn.Linear(hidden_size, 4 * hidden_size)
        nn.init.orthogonal_(self.heads.weight)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        z = self.backbone(torch.cat((x, state[0]), dim=1))  # (B, H)
        a, b, one, two = self.heads(z).chunk(4, dim=1)  # (B, H) each
        t = torch.sigmoid(a + b)  # (B, H)
        return ((1 - t) * torch.tanh(one) + t * torch.tanh(two),), {"t": t}


CELL = CfC
