"""The LSTM whose gradient is clipped at every step of the backward pass, not only as a whole: a pilot of the recipe.

    rnnbench sweep results/pilot/step-clip.toml --out results/pilot

Each number of dL/dh_t is held to +-``limit`` before it goes on to step t-1, as Graves (2013, section 2.1) does at the inputs of the
gates. A hook does it, so that this cell runs through ``step`` in PyTorch and is not compiled.
"""

from torch import Tensor

from rnnbench._cell import State
from rnnbench.cells.lstm import LSTM


class ClippedLSTM(LSTM):
    """Options: ``bias`` (true) and ``limit`` (0.001), the largest slope of the loss in one unit of h_t that is passed on."""

    name = "clipped-lstm"
    summary = "LSTM whose gradient is clipped at every step of the backward pass"

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True, limit: float = 0.001) -> None:
        super().__init__(input_size, hidden_size, bias)
        self.limit = limit

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h, c), gates = super().step(x, state)  # (B, H), (B, H)
        if h.requires_grad:
            h.register_hook(lambda slope: slope.clamp(-self.limit, self.limit))  # (B, H)
        return (h, c), gates


CELL = ClippedLSTM
