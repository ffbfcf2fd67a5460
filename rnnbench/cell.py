"""The contract of a cell: a layer from (T, B, D) to (T, B, H) whose parameters do not depend on T.

A cell file holds one class and names it ``CELL``. Most are a :class:`Cell`, which gives its equations for one time step; what is
no recurrence of one step (attention, scans, whole modules of a library) is a :class:`SequenceModel`. ``rnnbench/cells/README.md``
is the contract on one page, ``rnnbench check FILE`` holds a class to it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

State = tuple[Tensor, ...]
"""What a cell carries from step to step: tensors (B, ...), its output (B, H) first."""


class Setting(NamedTuple):
    """What an initialiser is given besides the layer.

    Attributes:
        generator: the only source of randomness that it may use.
        gap: time steps between what must be remembered and the answer.
        horizon: time steps that the memory should span (chrono's T_max).
    """

    generator: Generator
    gap: int
    horizon: float


@dataclass(frozen=True)
class Initializer:
    """A way to fill the parameters of a layer in place.

    Attributes:
        fill: does it. Raises ValueError, in one sentence, if the layer has nothing for it to set.
        uses_horizon: whether it reads ``Setting.horizon``.
    """

    fill: Callable[[Layer, Setting], None]
    uses_horizon: bool = False


class Gate(NamedTuple):
    """What a figure says of a gate: its name in words and the range of its values."""

    label: str
    low: float = 0.0
    high: float = 1.0


class Layer(nn.Module, ABC):
    """What cells and sequence models have in common.

    Parameters that ``__init__`` has set are the layer's own, and stay as they are; those that it declares with
    :meth:`parameter` are left to the initialiser. Randomness in ``__init__`` comes from torch's default generator, which
    :func:`rnnbench.model.build` seeds and restores.

    Attributes:
        left_open: names of the parameters that are left to the initialiser.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """The layer in one line, for ``rnnbench cells``."""
    reference: ClassVar[str] = ""
    """Paper and section or equation that the layer comes from."""
    memory: ClassVar[str] = ""
    """What it remembers with, in a few words: ``gated state``."""
    default_init: ClassVar[str | None] = None
    """The initialisation when none is named. None: ``own`` if ``__init__`` sets some parameter itself, else ``uniform``."""
    initializers: ClassVar[Mapping[str, Initializer]] = {}
    """Initialisations that this layer brings along, by name, besides those of :mod:`rnnbench.initializers`."""
    cuts_gradient: ClassVar[bool] = False
    """Whether it keeps the gradient from earlier steps or from some parameters, on purpose."""

    _like: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.left_open: list[str] = []
        self.register_buffer("_like", torch.zeros(()), persistent=False)

    def parameter(self, name: str, *shape: int) -> None:
        """Register the parameter ``name`` of that shape and leave it to the initialiser."""
        self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        self.left_open.append(name)

    @property
    def state_size(self) -> int:
        """Numbers that one sequence carries from step to step; -1 where that grows with the sequence."""
        return -1

    @abstractmethod
    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """Outputs of a whole sequence.

        Args:
            inputs: (T, B) int64 tokens, read as one-hot vectors, or (T, B, D) values.
            first: the first time step whose output is wanted.

        Returns:
            (T - first, B, H).
        """

    def forward(self, inputs: Tensor) -> Tensor:
        """(T, B) tokens or (T, B, D) values to (T, B, H)."""
        return self.states(inputs)

    def vectors(self, inputs: Tensor) -> Tensor:
        """(T, B, D) inputs of the layer's dtype; (T, B) tokens become one-hot vectors."""
        dtype = self._like.dtype
        if inputs.is_floating_point():
            return inputs.to(dtype)
        return F.one_hot(inputs, self.input_size).to(dtype)  # (T, B, D)


class Cell(Layer):
    """A recurrence of one step.

    Example:
        >>> class Leaky(Cell):
        ...     name = "leaky"
        ...     summary = "leaky integrator"
        ...     def __init__(self, input_size, hidden_size, rate: float = 0.1):
        ...         super().__init__(input_size, hidden_size)
        ...         self.rate = rate
        ...         self.stacked_weights(1, ())
        ...     def step(self, x, state):
        ...         (h,) = state
        ...         new = torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T)
        ...         return ((1 - self.rate) * h + self.rate * new,), {}
        >>> Leaky(3, 4).states(torch.zeros(5, 2, 3)).shape
        torch.Size([5, 2, 4])
    """

    gates: ClassVar[Mapping[str, Gate]] = {}
    """The gates and candidates that :meth:`step` names; where weights are stacked gate by gate, in the order of the rows."""
    forget_signs: ClassVar[Mapping[str, int]] = {}
    """Which gates' biases set how long the state is kept, and the sign that makes it long; empty without such gates."""
    candidate: ClassVar[str | None] = None
    """The gate whose rows of ``weight_hh`` carry the state on through the recurrent product; None: all of it."""
    slope: ClassVar[float | None] = None
    """The largest slope of the nonlinearity, for cells that Pascanu's bound holds for; None for all others."""
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """The parts of the state, its output first."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        for name, shape in zip(self.state_names, self.state_shapes(), strict=True):
            self.register_buffer(f"initial_{name}", torch.zeros(shape))

    def state_shapes(self) -> tuple[tuple[int, ...], ...]:
        """Shape of each part of one sequence's state, without the batch; (H,) each unless a cell says otherwise."""
        return ((self.hidden_size,),) * len(self.state_names)

    @property
    def state_size(self) -> int:
        """Numbers that one sequence carries from step to step."""
        return sum(part.numel() for part in self.initial_state)

    @property
    def initial_state(self) -> State:
        """The state before the first input, without the batch: zeros unless the buffers ``initial_h`` and so on are set."""
        return tuple(self.get_buffer(f"initial_{name}") for name in self.state_names)

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """One time step, written out as the equations stand.

        Args:
            x: (B, D) the input.
            state: the state before it, (B, ...) each, the output first.

        Returns:
            The state after it, and every gate and candidate by name, (B, H) each; ``{}`` without any.
        """

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor | None:
        """(B, H) the share of its state that each unit keeps in a step with these gates; None for a cell without such a gate."""
        return None

    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """Outputs (T - first, B, H) of a whole sequence, one :meth:`step` after the other."""
        state = self.start(inputs.shape[1])
        outputs = []
        for x in self.vectors(inputs):  # (B, D)
            state, _ = self.step(x, state)
            outputs.append(state[0])  # (B, H)
        return torch.stack(outputs[first:])  # (T - first, B, H)

    def start(self, batch_size: int) -> State:
        """The state before the first input, (B, ...) each."""
        return tuple(part.expand(batch_size, *part.shape) for part in self.initial_state)

    def stacked_weights(self, rows: int, biases: tuple[str, ...]) -> None:
        """Leave ``weight_ih`` (rows*H, D), ``weight_hh`` (rows*H, H) and the named biases (rows*H) to the initialiser."""
        H = self.hidden_size
        self.parameter("weight_ih", rows * H, self.input_size)
        self.parameter("weight_hh", rows * H, H)
        for name in ("bias", "bias_ih", "bias_hh"):
            if name in biases:
                self.parameter(name, rows * H)
            else:
                self.register_parameter(name, None)


class SequenceModel(Layer):
    """A causal module that takes a whole sequence at once: attention, a scan, a module of a library, several layers.

    What looks inside a step (``gates``, half-lives, constructions) does not exist for it, and says so.
    """

    @abstractmethod
    def sequence(self, x: Tensor) -> Tensor:
        """(T, B, D) values to (T, B, H); output t may depend on inputs 0 .. t alone."""

    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """Outputs (T - first, B, H) of a whole sequence."""
        return self.sequence(self.vectors(inputs))[first:]
