"""The GRU as specified by Cho et al. 2014: the reset gate acts BEFORE the recurrent product.

    r_t = sigmoid(W_r [h_{t-1}, x_t] + b_r)
    z_t = sigmoid(W_z [h_{t-1}, x_t] + b_z)
    n_t = tanh(W [r_t * h_{t-1}, x_t] + b)            the candidate, h~
    h_t = (1 - z_t) * h_{t-1} + z_t * n_t

The paper leaves the biases out of its notation. They are on by default: without them every gate is sigmoid(W x_t) at rest, and
no initialisation can set how long the state is kept. ``--cell-option bias=false`` is the literal form. A long memory is a
NEGATIVE bias of z here. Weights are stacked in the order r, z, n. ``gru-torch`` is the other variant.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import engine
from rnnbench.cells import Cell, State


class GRU(Cell):
    """Options: ``bias`` (true)."""

    name = "gru"
    summary = "GRU as specified: reset before the product"
    default_init = "chrono"
    gates = ("r", "z", "n")
    forget_signs = {"z": -1}
    fast_engine = True

    bias: Tensor | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(3, ("bias",) if bias else ())

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        return self.gated(F.linear(x, self.weight_ih, self.bias), state)

    def gated(self, projected: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """One step from the input's share of the three products, (B, 3H)."""
        (h,) = state  # (B, H)
        H = self.hidden_size
        rz = torch.sigmoid(projected[:, : 2 * H] + F.linear(h, self.weight_hh[: 2 * H]))  # (B, 2H)
        r, z = rz.chunk(2, dim=1)  # (B, H), (B, H)
        n = torch.tanh(projected[:, 2 * H :] + F.linear(r * h, self.weight_hh[2 * H :]))  # (B, H)
        h = (1 - z) * h + z * n  # (B, H)
        return (h,), {"r": r, "z": z, "n": n}

    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """(T - first, B, H) hidden states; ``inputs`` as in :meth:`Cell.states`."""
        if self.engine == "fast":
            return engine.gru(inputs, self.weight_ih, self.weight_hh, self.bias, self.initial_state, first)
        projected = F.linear(self.vectors(inputs), self.weight_ih, self.bias)  # (T, B, 3H), one product for all steps
        state = self.start(inputs.shape[1])
        hidden = []
        for step in projected.unbind():  # (B, 3H)
            state, _ = self.gated(step, state)
            hidden.append(state[0])  # (B, H)
        return torch.stack(hidden[first:])  # (T - first, B, H)


CELL = GRU
