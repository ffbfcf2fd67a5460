"""The LSTM with h-detach (Kanuparthi et al. 2019): with probability ``p``, no gradient passes through h at a step.

Gates and equations are those of ``lstm``. One number per step and sequence decides.
"""

import torch
import torch.nn.functional as F

from rnnbench.cells import Cell, Gate


class HDetach(Cell):
    """Options: ``p`` (0.25), the probability that h is detached at a step."""

    name = "h-detach"
    summary = "LSTM whose gradient through h is cut at random steps"
    reference = "Kanuparthi et al. 2019, section 3"
    default_init = "chrono"
    gates = {"i": Gate("input gate i (1 writes)"), "f": Gate("forget gate f (1 keeps)"), "o": Gate("output gate o")}
    forget_signs = {"f": 1, "i": -1}
    state_names = ("h", "c")

    def __init__(self, input_size: int, hidden_size: int, p: float = 0.25) -> None:
        super().__init__(input_size, hidden_size)
        self.p = p
        self.stacked_weights(4, ("bias",))

    def step(self, x, state):
        h, c = state  # (B, H), (B, H)
        if self.training:
            keep = torch.bernoulli(torch.full_like(h[:, :1], 1 - self.p))  # (B, 1)
            h = keep * h + (1 - keep) * h.detach()
        total = F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)
        i, f, g, o = total.chunk(4, dim=1)  # (B, H) each
        i, f, o = torch.sigmoid(i), torch.sigmoid(f), torch.sigmoid(o)
        c = f * c + i * torch.tanh(g)
        return (o * torch.tanh(c), c), {"i": i, "f": f, "o": o}


CELL = HDetach
