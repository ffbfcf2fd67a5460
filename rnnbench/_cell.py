"""The contract of a cell: a layer from (T, B, D) to (T, B, H) whose parameters do not depend on T.

A cell file holds one class and names it ``CELL``. Most are a :class:`Cell`, which gives its equations for one time step; what is
no recurrence of one step (attention, scans, whole modules of a library) is a :class:`SequenceModel`. ``rnnbench/cells/README.md``
is the contract on one page, ``rnnbench check FILE`` holds a class to it.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.nn.utils import parametrize

from rnnbench._errors import UserError, place

State = tuple[Tensor, ...]
"""What a cell carries from step to step: tensors (B, ...), its output (B, H) first."""

# cuDNN would rather have all weights in one chunk; a library's module inside a layer has them where it wants, and it copies them.
warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")


class InitContext(NamedTuple):
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
        uses_horizon: whether it reads ``InitContext.horizon``.
    """

    fill: Callable[[Layer, InitContext], None]
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
    :func:`rnnbench._training.model.build` seeds and restores.

    Attributes:
        uninitialized: names of the parameters that are left to the initialiser.
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
    """Initialisations that this layer brings along, by name, besides those of :mod:`rnnbench._network.initializers`."""
    cuts_gradient: ClassVar[bool] = False
    """Whether it keeps the gradient from earlier steps or from some parameters, on purpose."""

    _like: Tensor

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.uninitialized: list[str] = []
        self.register_buffer("_like", torch.zeros(()), persistent=False)

    def parameter(self, name: str, *shape: int) -> None:
        """Register the parameter ``name`` of that shape and leave it to the initialiser."""
        self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        self.uninitialized.append(name)

    def uninitialized_parameters(self) -> dict[str, nn.Parameter]:
        """The parameters that are left to the initialiser, those of layers inside this one too, by name."""
        owners = [(f"{path}." if path else "", part) for path, part in self.named_modules() if isinstance(part, Layer)]
        names = {path + name for path, part in owners for name in part.uninitialized}
        return {name: parameter for name, parameter in self.named_parameters() if name in names}

    @property
    def state_size(self) -> int | None:
        """Numbers that one sequence carries from step to step; None where that grows with the sequence."""
        return None

    @abstractmethod
    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """Outputs of a whole sequence.

        Args:
            inputs: (T, B) tokens of any integer type, read as one-hot vectors, or (T, B, D) values.
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
        return F.one_hot(inputs.long(), self.input_size).to(dtype)  # (T, B, D)


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
    max_derivative: ClassVar[float | None] = None
    """The largest slope of the nonlinearity, for cells that Pascanu's bound holds for; None for all others."""
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """The parts of the state: its output first, the part that carries the memory last (they may be one)."""

    weight_ih: Tensor
    weight_hh: Tensor

    def __init__(self, input_size: int, hidden_size: int, **shapes: tuple[int, ...]) -> None:
        """``shapes`` names the parts of one sequence's state that are not (H,): ``super().__init__(D, H, S=(H, 4))``."""
        super().__init__(input_size, hidden_size)
        for name in shapes:
            if name not in self.state_names:
                raise UserError(f"{place(type(self))}: {name} is no part of the state: write it into state_names, after the output")
        for name in self.state_names:
            self.register_buffer(f"initial_{name}", torch.zeros(shapes.get(name, (hidden_size,))))

    @property
    def state_size(self) -> int:
        """Numbers that one sequence carries from step to step."""
        return sum(part.numel() for part in self.initial_state)

    @property
    def initial_state(self) -> State:
        """The state before the first input, without the batch: ``initial_h`` and so on, buffers of zeros.

        A construction fills them; a cell that learns its start sets ``self.initial_h = nn.Parameter(...)``.
        """
        return tuple(getattr(self, f"initial_{name}") for name in self.state_names)

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
        with parametrize.cached():  # weights that torch computes from others are computed once
            for t, x in enumerate(self.vectors(inputs)):  # (B, D)
                result = self.step(x, state)
                if t == 0:
                    check_step(self, result, state)
                state, _ = result
                outputs.append(state[0])  # (B, H)
        return torch.stack(outputs[first:]) if outputs[first:] else state[0].new_empty(0, *state[0].shape)  # (T - first, B, H)

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

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        """Weights saved before the parts of the state had names hold all of them as rows of one ``initial_state``."""
        rows = state_dict.pop(f"{prefix}initial_state", None)
        if rows is not None:
            state_dict |= {f"{prefix}initial_{name}": row for name, row in zip(self.state_names, rows, strict=True)}
        super()._load_from_state_dict(state_dict, prefix, *args)


def check_inputs(layer: Layer, inputs: Tensor, first: int = 0) -> None:
    """Raise UserError unless the layer reads ``inputs``: (T, B) tokens in [0, input_size), or (T, B, input_size) values."""
    D, values = layer.input_size, inputs.is_floating_point()
    if inputs.ndim != 2 + values or inputs.is_complex():
        kind = str(inputs.dtype).removeprefix("torch.")
        raise UserError(f"inputs are (T, B) integer tokens or (T, B, D) real values, not {tuple(inputs.shape)} of {kind}")
    if not 0 <= first <= len(inputs):
        raise UserError(f"first, the first step whose output is wanted, must lie in 0 to T = {len(inputs)}: it is {first}")
    if values:
        if inputs.shape[2] != D:
            raise UserError(f"inputs have {inputs.shape[2]} channels, and the task's input_size is {D}: they should be equal")
    elif inputs.numel():
        low, high = (int(end) for end in inputs.aminmax())
        if low < 0 or high >= D:
            raise UserError(f"inputs hold the token {low if low < 0 else high}, and tokens lie in [0, input_size = {D})")


def check_step(cell: Cell, result: object, state: State) -> None:
    """Raise UserError unless ``result`` is what :meth:`Cell.step` owes after ``state``; one sentence says what would be right."""
    parts = ", ".join(cell.state_names)
    owed = f"step must return (({parts},), gates), with gates a dict of (B, H) tensors, {{}} without any"
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
        raise UserError(f"{place(type(cell))}: {owed}")
    after = result[0]
    if not (isinstance(after, tuple) and len(after) == len(state) and all(isinstance(part, Tensor) for part in after)):
        raise UserError(f"{place(type(cell))}: the state is no tuple of {len(state)} ({parts}): {owed}")
    for name, old, new in zip(cell.state_names, state, after, strict=True):
        if new.shape != old.shape:
            raise UserError(f"{place(type(cell))}: step makes {name} {tuple(new.shape)}, not {tuple(old.shape)}: keep its shape")


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
