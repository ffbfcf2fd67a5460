"""The contract of a cell: a layer from (T, B, D) to (T, B, H) whose parameters do not depend on T.

A cell file holds one class and names it ``CELL``. Most classes are a :class:`Cell`, which defines one time step. Modules without
such a step (attention, scans, library modules) are a :class:`SequenceModel`. ``rnnbench/cells/README.md`` describes the contract on
one page. ``rnnbench check FILE`` checks a class against it.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple, Self

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.autograd import Function
from torch.nn.utils import parametrize

from rnnbench._errors import UserError, class_location

State = tuple[Tensor, ...]
"""The state passed from step to step: tensors (B, ...), the output (B, H) first."""


class InitContext(NamedTuple):
    """The arguments of an initialisation in addition to the layer.

    Attributes:
        generator: the only source of randomness that the initialisation may use.
        gap: time steps between the farthest input to remember and its answer.
        horizon: time steps that the memory should span (chrono's T_max).
    """

    generator: Generator
    gap: int
    horizon: float


@dataclass(frozen=True)
class Initializer:
    """An initialisation that fills the parameters of a layer in place.

    Attributes:
        fill: the function that fills them. It raises ValueError, in one sentence, if the layer has nothing for it to set.
        uses_horizon: True if it reads ``InitContext.horizon``.
    """

    fill: Callable[[Layer, InitContext], None]
    uses_horizon: bool = False


class Gate(NamedTuple):
    """A gate's label in figures, and the range of its values."""

    label: str
    low: float = 0.0
    high: float = 1.0


class Layer(nn.Module, ABC):
    """The base class of cells and sequence models.

    Parameters that ``__init__`` sets keep their values. The initialisation fills parameters declared with :meth:`parameter`.
    Randomness in ``__init__`` comes from torch's default generator, which is seeded before the layer is built and restored after.

    Attributes:
        uninitialized: names of the parameters that the initialisation fills.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    """The layer in one line, for ``rnnbench cells``."""
    reference: ClassVar[str] = ""
    """Paper and section or equation that the layer comes from."""
    memory: ClassVar[str] = ""
    """The mechanism of its memory in a few words: ``gated state``."""
    default_init: ClassVar[str | None] = None
    """The initialisation used when none is named. None: ``own`` if ``__init__`` sets any parameter, else ``uniform``."""
    initializers: ClassVar[Mapping[str, Initializer]] = {}
    """Custom initialisations of this layer, by name, in addition to the built-in ones."""
    cuts_gradient: ClassVar[bool] = False
    """True if the layer deliberately blocks gradients to earlier steps or to some parameters."""

    files: ClassVar[tuple[str, ...]] = ()
    """Files that the layer reads, such as weights, relative to its file; part of the identity of its runs."""

    _like: Tensor
    _random_state: Tensor

    def __new__(cls, *_: object, **__: object) -> Self:
        """Keep the state of torch's generator, with which a new instance gets the same values."""
        layer = super().__new__(cls)
        layer.__dict__["_random_state"] = torch.get_rng_state()
        return layer

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.uninitialized: list[str] = []
        self.register_buffer("_like", torch.zeros(()), persistent=False)

    def parameter(self, name: str, *shape: int) -> None:
        """Register a parameter of the given shape, to be filled by the initialisation.

        ``self.parameter("initial_h", H)`` makes a part of the initial state a parameter.
        """
        self._buffers.pop(name, None)
        self.register_parameter(name, nn.Parameter(torch.zeros(shape)))
        self.uninitialized.append(name)

    def uninitialized_parameters(self) -> dict[str, nn.Parameter]:
        """Return the parameters that the initialisation fills, by name; layers inside this one are included."""
        owners = [(f"{path}." if path else "", part) for path, part in self.named_modules() if isinstance(part, Layer)]
        names = {path + name for path, part in owners for name in part.uninitialized}
        return {name: parameter for name, parameter in self.named_parameters() if name in names}

    @property
    def left_open(self) -> list[str]:
        """The former name of :attr:`uninitialized`; to be removed in the next release."""
        renamed("left_open", "uninitialized")
        return self.uninitialized

    @left_open.setter
    def left_open(self, names: list[str]) -> None:
        renamed("left_open", "uninitialized")
        self.uninitialized = names

    def open_parameters(self) -> dict[str, nn.Parameter]:
        """Call :meth:`uninitialized_parameters` by its former name; to be removed in the next release."""
        renamed("open_parameters", "uninitialized_parameters")
        return self.uninitialized_parameters()

    @property
    def state_size(self) -> int | None:
        """Numbers in one sequence's state; None if the state grows with the sequence."""
        return None

    def double(self) -> Self:
        """Convert all parameters and buffers to double precision, complex ones too, which :meth:`torch.nn.Module.double` keeps."""
        cast(self, torch.float64)
        return self

    @abstractmethod
    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """Return the outputs for a whole sequence.

        Args:
            inputs: (T, B) tokens of any integer type, read as one-hot vectors, or (T, B, D) values.
            first: the first time step to return.

        Returns:
            (T - first, B, H).
        """

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the outputs (T, B, H) for (T, B) tokens or (T, B, D) values."""
        return self.states(inputs)

    def vectors(self, inputs: Tensor) -> Tensor:
        """Convert inputs to (T, B, D) values of the layer's dtype; (T, B) tokens become one-hot vectors."""
        dtype = self._like.dtype
        if inputs.is_floating_point():
            return inputs.to(dtype)
        return F.one_hot(inputs.long(), self.input_size).to(dtype)  # (T, B, D)


def cast(module: nn.Module, dtype: torch.dtype) -> None:
    """Convert all parameters and buffers of a module to a real dtype in place, and complex ones to its complex counterpart."""
    pair = dtype.to_complex()
    module._apply(lambda t: t.to(pair) if t.is_complex() else t.to(dtype) if t.is_floating_point() else t)  # type: ignore[no-untyped-call]


class ClampGradient(Function):
    """(x, limit) -> x. Each element of the gradient is clamped to [-limit, limit]."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, limit: float) -> Tensor:
        ctx.limit = limit
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad.clamp(-ctx.limit, ctx.limit), None


class Cell(Layer):
    """A recurrent layer, defined by one time step.

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
    """The gates and candidates that :meth:`step` returns, in the row order of stacked weights."""
    forget_signs: ClassVar[Mapping[str, int]] = {}
    """The gates whose bias sets how long the state is kept, with the sign that keeps it long; empty without such gates."""
    candidate: ClassVar[str | None] = None
    """The gate whose rows of ``weight_hh`` multiply the state in the recurrent product; None: all rows."""
    max_derivative: ClassVar[float | None] = None
    """The largest derivative of the nonlinearity, for cells that satisfy Pascanu's bound; None for all others."""
    state_names: ClassVar[tuple[str, ...]] = ("h",)
    """The parts of the state: the output first, the part that carries the memory last. One part may be both."""
    torch_nn: ClassVar[str | None] = None
    """The module of ``torch.nn`` that computes the same, by its ``mode``: LSTM, GRU, RNN_TANH or RNN_RELU. On CUDA it runs the cell
    by cuDNN, without a limit on dL/dh_t and without truncation. The weights are ``weight_ih``, ``weight_hh`` and ``bias``, or
    ``bias_ih`` and ``bias_hh``, in torch's order of gates. A subclass with a different ``step`` has none unless it names one."""

    weight_ih: Tensor
    weight_hh: Tensor

    def __init__(self, input_size: int, hidden_size: int, **shapes: tuple[int, ...]) -> None:
        """Register the initial state.

        Args:
            input_size: channels or tokens D.
            hidden_size: units H.
            shapes: the shape of each state part that is not (H,), by name: ``super().__init__(D, H, S=(H, 4))``.
        """
        super().__init__(input_size, hidden_size)
        for name in shapes:
            if name not in self.state_names:
                raise UserError(
                    f"{class_location(type(self))}: {name} is not a part of the state; add it to state_names, after the output"
                )
        for name in self.state_names:
            self.register_buffer(f"initial_{name}", torch.zeros(shapes.get(name, (hidden_size,))))

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        slope = vars(cls).get("slope")  # the former name of max_derivative; to be removed in the next release
        if isinstance(slope, int | float) and "max_derivative" not in vars(cls):
            renamed(f"{cls.__name__}.slope", "max_derivative", stacklevel=4)  # past abc, to the class statement
            cls.max_derivative = slope
        if "step" in vars(cls) and "torch_nn" not in vars(cls):
            cls.torch_nn = None
        if "step" in vars(cls) and "scan" not in vars(cls):
            cls.scan = Cell.scan  # type: ignore[method-assign]

    @property
    def state_size(self) -> int:
        """Real numbers in one sequence's state; a complex number counts as two."""
        return sum(part.numel() * (1 + part.is_complex()) for part in self.initial_state)

    @property
    def initial_state(self) -> State:
        """The state before the first input, without the batch dimension: buffers of zeros, named ``initial_h`` and so on.

        A cell that learns its initial state sets ``self.initial_h = nn.Parameter(...)``.
        """
        return tuple(getattr(self, f"initial_{name}") for name in self.state_names)

    @abstractmethod
    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        """Compute one time step, written as in the paper's equations.

        Args:
            x: (B, D) the input.
            state: the state before this step, (B, ...) each, the output first.

        Returns:
            The state after this step, and all gates and candidates by name, (B, H) each; ``{}`` if there are none.
        """

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Compute all time steps at once, optionally: the outputs (T, B, H) for x (T, B, D), and the state after them.

        Runs use it in place of :meth:`step`, whose values and gradients it must have.
        """
        raise NotImplementedError

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor | None:
        """Return the share (B, H) of its state that each unit keeps at these gate values; None without such a gate."""
        return None

    def states(self, inputs: Tensor, first: int = 0, limit: float = math.inf, truncate: int = 0) -> Tensor:
        """Return the outputs (T - first, B, H) for a whole sequence, computed with one :meth:`step` per time step.

        ``limit`` clamps each element of the gradient with respect to an output, dL/dh_t, before it passes into step t. ``truncate``
        detaches the state before the steps truncate, 2 truncate, ...; 0 detaches it never.
        """
        state = self.start(inputs.shape[1])
        outputs = []
        with parametrize.cached():  # compute parametrized weights once per sequence
            for t, x in enumerate(self.vectors(inputs)):  # (B, D)
                if truncate and t and t % truncate == 0:
                    state = tuple(part.detach() for part in state)
                result = self.step(x, state)
                if t == 0:
                    check_step(self, result, state)
                state, _ = result
                if limit < math.inf:
                    state = (ClampGradient.apply(state[0], limit), *state[1:])  # type: ignore[no-untyped-call]  # of torch
                outputs.append(state[0])  # (B, H)
        return torch.stack(outputs[first:]) if outputs[first:] else state[0].new_empty(0, *state[0].shape)  # (T - first, B, H)

    def start(self, batch_size: int) -> State:
        """Return the state before the first input, (B, ...) each."""
        return tuple(part.expand(batch_size, *part.shape) for part in self.initial_state)

    def stacked_weights(self, rows: int, biases: tuple[str, ...]) -> None:
        """Declare ``weight_ih`` (rows*H, D), ``weight_hh`` (rows*H, H) and the named biases (rows*H) with :meth:`parameter`."""
        H = self.hidden_size
        self.parameter("weight_ih", rows * H, self.input_size)
        self.parameter("weight_hh", rows * H, H)
        for name in ("bias", "bias_ih", "bias_hh"):
            if name in biases:
                self.parameter(name, rows * H)
            else:
                self.register_parameter(name, None)

    def _load_from_state_dict(self, state_dict: dict[str, Tensor], prefix: str, *args: object) -> None:
        """Load weights; in old checkpoints the state parts are the rows of one ``initial_state``."""
        rows = state_dict.pop(f"{prefix}initial_state", None)
        if rows is not None:
            state_dict |= {f"{prefix}initial_{name}": row for name, row in zip(self.state_names, rows, strict=True)}
        super()._load_from_state_dict(state_dict, prefix, *args)


FORMER_NAMES: set[str] = set()
"""The warnings that :func:`renamed` has issued in this process. The workers of a sweep do not repeat them."""


def renamed(old: str, new: str, stacklevel: int = 3) -> None:
    """Warn that a name of the contract has changed; ``stacklevel`` finds the user's line."""
    message = f"{old} is now {new}; the old name will be removed in the next release"
    FORMER_NAMES.add(message)
    warnings.warn(message, FutureWarning, stacklevel=stacklevel)


def has_steps(cls: type[Layer]) -> bool:
    """Return True for a cell that runs one :meth:`Cell.step` per time step and does not override ``states``."""
    return issubclass(cls, Cell) and cls.states is Cell.states


def check_inputs(layer: Layer, inputs: Tensor, first: int = 0) -> None:
    """Raise UserError unless ``inputs`` are (T, B) tokens in [0, input_size) or (T, B, input_size) values."""
    D, values = layer.input_size, inputs.is_floating_point()
    if inputs.ndim != 2 + values or inputs.is_complex():
        dtype = str(inputs.dtype).removeprefix("torch.")
        raise UserError(f"inputs must be (T, B) integer tokens or (T, B, D) real values, not {tuple(inputs.shape)} of {dtype}")
    if not 0 <= first <= len(inputs):
        raise UserError(f"first, the first step to return, must lie in 0 to T = {len(inputs)}, not {first}")
    if values:
        if inputs.shape[2] != D:
            raise UserError(f"inputs have {inputs.shape[2]} channels, but the task's input_size is {D}; they must be equal")
    elif inputs.numel():
        low, high = (int(end) for end in inputs.aminmax())
        if low < 0 or high >= D:
            raise UserError(f"inputs contain the token {low if low < 0 else high}; tokens must lie in [0, input_size = {D})")


def check_step(cell: Cell, result: object, state: State) -> None:
    """Raise UserError unless ``result`` is a valid return value of :meth:`Cell.step` called with ``state``."""
    parts = ", ".join(cell.state_names)
    expected = f"step must return (({parts},), gates), with gates a dict of (B, H) tensors, {{}} if there are none"
    if not (isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping)):
        raise UserError(f"{class_location(type(cell))}: {expected}")
    after = result[0]
    if not (isinstance(after, tuple) and len(after) == len(state) and all(isinstance(part, Tensor) for part in after)):
        raise UserError(f"{class_location(type(cell))}: the state is not a tuple of {len(state)} ({parts}): {expected}")
    for name, old, new in zip(cell.state_names, state, after, strict=True):
        if new.shape != old.shape:
            raise UserError(
                f"{class_location(type(cell))}: step returns {name} of shape {tuple(new.shape)}, not "
                f"{tuple(old.shape)}; keep its shape"
            )


class SequenceModel(Layer):
    """A causal module over whole sequences: attention, a scan, a library module, several layers.

    Analyses of single steps (``gates``, half-lives, constructions) are not available for it; their commands report that.
    """

    @abstractmethod
    def sequence(self, x: Tensor) -> Tensor:
        """Return the outputs (T, B, H) for (T, B, D) values; output t may only depend on inputs 0 .. t."""

    def states(self, inputs: Tensor, first: int = 0) -> Tensor:
        """Return the outputs (T - first, B, H) for a whole sequence."""
        return self.sequence(self.vectors(inputs))[first:]
