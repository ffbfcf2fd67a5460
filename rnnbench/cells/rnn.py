"""The vanilla RNN (Elman 1990, with tanh).

h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import engine
from rnnbench.cells import Cell, State


class RNN(Cell):
    """Options: ``bias`` (true)."""

    name = "rnn"
    summary = "vanilla RNN: tanh of input and previous state"
    fast_engine = True

    bias_ih: Tensor | None
    bias_hh: Tensor | None

    def __init__(self, input_size: int, hidden_size: int, bias: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ("bias_ih", "bias_hh") if bias else ())

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        (h,) = state  # (B, H)
        h = torch.tanh(F.linear(x, self.weight_ih, self.bias_ih) + F.linear(h, self.weight_hh, self.bias_hh))  # (B, H)
        return (h,), {}

    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """(T - first, B, H) hidden states; ``inputs`` as in :meth:`Cell.states`."""
        if self.engine == "fast":
            bias = None if self.bias_ih is None or self.bias_hh is None else self.bias_ih + self.bias_hh  # (H)
            return engine.rnn(inputs, self.weight_ih, self.weight_hh, bias, self.initial_state, first)
        weights = [p for p in (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh) if p is not None]
        (h,) = self.start(inputs.shape[1])  # (B, H)
        states, _ = torch.rnn_tanh(
            self.vectors(inputs), h.unsqueeze(0).contiguous(), weights, self.bias_ih is not None,
            1, 0.0, self.training, False, False,
        )  # (T, B, H)  # fmt: skip
        return states[first:]  # (T - first, B, H)


CELL = RNN
