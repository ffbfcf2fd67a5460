"""The contract of a cell: an ``nn.Module`` from (T, B, D) to (T, B, H) whose parameters do not depend on T.

A new cell is one file with one subclass of :class:`Cell` named ``CELL``. It must give :meth:`Cell.step`, its equations for one
time step; the whole sequence, training and every command follow from that. A cell that knows a faster way through a whole
sequence overrides :meth:`Cell.states`, and is held to its own ``step`` by the tests.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# cuDNN would rather have all weights in one chunk; ours are named parameters of their own, and it copies them.
warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")

State = tuple[Tensor, ...]
"""What a cell carries from step to step: (B, H) tensors, the hidden state first."""


class Cell(nn.Module, ABC):
    """Base class of all cells.

    Attributes:
        gates: names of the gates in the row order of ``weight_ih``, for cells whose weights are stacked gate by gate.
        default_init: the initialisation used when none is named.
        forget_signs: for :mod:`rnnbench.initializers`: which gate's bias sets how long the state is kept, and the sign that
            makes it long; empty for a cell without such a gate.
        state_count: how many (B, H) tensors the state has.
        fast_engine: whether :meth:`states` has a path through :mod:`rnnbench.engine`.
        engine: ``fast`` or ``torch``, set by :func:`rnnbench.model.build`.
        initial_state: (state_count, H) buffer, zeros unless a construction sets it.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """The cell in one line, for ``rnnbench cells``."""
    default_init: ClassVar[str] = "uniform"
    gates: ClassVar[tuple[str, ...]] = ()
    forget_signs: ClassVar[dict[str, int]] = {}
    state_count: ClassVar[int] = 1
    fast_engine: ClassVar[bool] = False

    initial_state: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.engine = "torch"
        self.register_buffer("initial_state", torch.zeros(self.state_count, hidden_size))

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """One time step, written out as the equations stand.

        Args:
            x: (B, D) the input.
            state: the state before it, (B, H) each, hidden state first.

        Returns:
            The state after it, and every gate and candidate by name, (B, H) each.
        """

    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """Hidden states of a whole sequence.

        Args:
            inputs: (T, B) int64 tokens, read as one-hot vectors, or (T, B, D) values.
            first: the first time step whose hidden state is wanted.

        Returns:
            (T - first, B, H). This general version takes one ``step`` after the other.
        """
        state = self.start(inputs.shape[1])
        hidden = []
        for x in self.vectors(inputs):  # (B, D)
            state, _ = self.step(x, state)
            hidden.append(state[0])  # (B, H)
        return torch.stack(hidden[first:])  # (T - first, B, H)

    def forward(self, inputs: Tensor) -> Tensor:
        """Hidden states of a whole sequence: (T, B) tokens or (T, B, D) values to (T, B, H)."""
        return self.states(inputs)

    def start(self, batch_size: int) -> State:
        """The state before the first input, (B, H) each."""
        return tuple(row.expand(batch_size, -1) for row in self.initial_state)

    def vectors(self, inputs: Tensor) -> Tensor:
        """(T, B, D) inputs of the weights' dtype; (T, B) tokens become one-hot vectors."""
        dtype = self.initial_state.dtype
        if inputs.is_floating_point():
            return inputs.to(dtype)
        return F.one_hot(inputs, self.input_size).to(dtype)  # (T, B, D)

    def stacked_weights(self, rows: int, biases: tuple[str, ...]) -> None:
        """Register ``weight_ih`` (rows*H, D), ``weight_hh`` (rows*H, H) and the named biases (rows*H), not yet initialised."""
        H = self.hidden_size
        self.weight_ih = nn.Parameter(torch.empty(rows * H, self.input_size))
        self.weight_hh = nn.Parameter(torch.empty(rows * H, H))
        for name in ("bias", "bias_ih", "bias_hh"):
            self.register_parameter(name, nn.Parameter(torch.empty(rows * H)) if name in biases else None)
