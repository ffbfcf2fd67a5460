"""The adapter: any module of PyTorch as a cell or a sequence model. ``docs/adapters.md`` shows it with several libraries."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from types import FunctionType
from typing import Annotated, Any, ClassVar, Literal, cast, get_origin

import torch
from pydantic import SkipValidation
from torch import Tensor, nn

from rnnbench._cell import Cell, InitContext, Initializer, Layer, SequenceModel, State
from rnnbench._errors import UserError, shorten_repr
from rnnbench._network.initializers import draw_log_spread, uniform_
from rnnbench._plugins.options import check_name
from rnnbench._plugins.source import distribution_of, installed, package_of
from rnnbench._spec.arguments import Function, checked, list_of
from rnnbench.cells._probe import (
    Copies,
    Factory,
    Protocol,
    find_protocol,
    first_tensor,
    packed,
    parameters_of_constructor,
    state_parts,
    takes,
)

KNOWN_FORGET_SIGNS: dict[type, dict[str, int]] = {
    nn.LSTM: {"bias_ih_l*[1]": 1, "bias_ih_l*[0]": -1},
    nn.LSTMCell: {"bias_ih[1]": 1, "bias_ih[0]": -1},
    nn.GRU: {"bias_ih_l*[1]": 1},
    nn.GRUCell: {"bias_ih[1]": 1},
}
"""The biases of PyTorch's modules that ``forget_signs`` would name."""
SIMPLE: dict[str, type] = {"bool": bool, "int": int, "float": float, "str": str}
"""The types of options, by name: an annotation may be a text."""
BLOCK = re.compile(r"([\w.*?]+)(?:\[(\d+)\])?")


class Wrapped(Layer):
    """The part of a wrapped module that cells and sequence models share; :func:`wrap` sets the class attributes."""

    wrapped: ClassVar[Any]
    """The class or function that builds the module; of an instance its class."""
    protocol: ClassVar[Protocol]
    settings: ClassVar[tuple[Any, ...]]
    """Everything else that identifies the class: constants of the call, versions of packages, the numbers of an instance."""
    versions: ClassVar[str]
    """The installed packages that the module comes from, as ``name==version``."""
    signs: ClassVar[tuple[tuple[str, int], ...]]
    """``forget_signs`` of the call."""
    open_names: ClassVar[tuple[str, ...]]
    """``uninitialized`` of the call."""
    _factory: ClassVar[Factory]
    _given: ClassVar[Mapping[str, Any]]

    module: nn.Module
    input_layer: nn.Linear | None

    def _add_module(self, module: nn.Module) -> None:
        """Add the module, and the linear layer that leads to it if there is one."""
        D, H = self.input_size, self.hidden_size
        self.input_layer = nn.Linear(D, H) if self.protocol.project else None
        self.module = module
        names = [name for name, _ in self.named_parameters()]
        self.uninitialized = [
            name for name in names if any(fnmatchcase(name.removeprefix("module."), pattern) for pattern in self.open_names)
        ]

    def _projected(self, x: Tensor) -> Tensor:
        return x if self.input_layer is None else self.input_layer(x)  # (..., H)

    def bias_blocks(self, pattern: str) -> list[Tensor]:
        """Return the biases (H) that a pattern of ``forget_signs`` names, one per layer of the module; raise ValueError if none."""
        path, block = split_pattern(pattern)
        H, first = self.hidden_size, block * self.hidden_size
        found = [(name, bias) for name, bias in self.module.named_parameters() if fnmatchcase(name, path)]
        if not found:
            raise ValueError(f"init sets the bias {pattern}, which this {self.name} does not have")
        for name, bias in found:
            if bias.ndim != 1 or len(bias) < first + H:
                raise ValueError(f"forget_signs of {self.name}: {name} {tuple(bias.shape)} has no block {block} of H = {H}")
        return [bias[first : first + H] for _, bias in found]

    @classmethod
    def notes(cls) -> list[str]:
        """Return what the adapter adds to the module, and what it does not know of it."""
        notes = [f"a linear layer leads from the inputs to {cls.__name__}"] if cls.protocol.project else []
        notes += [] if cls.open_names else ["the module initialises itself (wrap's uninitialized opens parameters)"]
        notes += [] if cls.signs else ["no bias is known to forget, so chrono does not apply (wrap's forget_signs)"]
        if issubclass(cls, WrappedCell) and cls.gates_of is None:
            notes.append("its gates are unknown (wrap's gates)")
        return notes


class WrappedCell(Wrapped, Cell):
    """A module with a time step, as a cell."""

    gates_of: ClassVar[Callable[..., Mapping[str, Tensor]] | None]
    kept: ClassVar[Callable[..., Tensor] | None]

    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        module = _build(type(self), input_size, hidden_size, options)
        shapes = self._odd_shapes(module, input_size, hidden_size) if self.protocol.odd else {}
        super().__init__(input_size, hidden_size, **shapes)
        vars(self).update(options)  # an instance is described by its options
        self._add_module(module)

    @classmethod
    def _odd_shapes(cls, module: nn.Module, input_size: int, hidden_size: int) -> dict[str, tuple[int, ...]]:
        """Return the shapes of the parts of the state that are not (H,), from one step."""
        training = module.training
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            result = module.eval()(torch.zeros(1, hidden_size if cls.protocol.project else input_size))
        module.train(training)
        names = cls.state_names[1:] if cls.protocol.separate else cls.state_names
        parts = zip(names, state_parts(cls.protocol, result), strict=True)
        return {name: tuple(part.shape[1:]) for name, part in parts if part.shape[1:] != (hidden_size,)}

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        protocol = self.protocol
        x = self._projected(x)
        before = packed(protocol, state[1:] if protocol.separate else state)
        result = self.module(x, before)
        after = state_parts(protocol, result)
        gates = {} if self.gates_of is None else dict(self.gates_of(self.module, x, before))
        return ((result[0], *after) if protocol.separate else after), gates

    def keep(self, gates: Mapping[str, Tensor]) -> Tensor | None:
        return None if self.kept is None else self.kept(gates)


class WrappedSequence(Wrapped, SequenceModel):
    """A module over whole sequences, as a sequence model."""

    def __init__(self, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__(input_size, hidden_size)
        vars(self).update(options)  # an instance is described by its options
        self._add_module(_build(type(self), input_size, hidden_size, options))

    def sequence(self, x: Tensor) -> Tensor:
        x = self._projected(x)
        if self.protocol.batch_first:
            return cast(Tensor, first_tensor(self.module(x.transpose(0, 1).contiguous()))).transpose(0, 1)  # (T, B, H)
        return cast(Tensor, first_tensor(self.module(x)))  # (T, B, H)

    @property
    def state_size(self) -> int | None:
        """Numbers in one sequence's state, if the module returns it; None otherwise."""
        if not self.protocol.stateful or self._like.is_meta:
            return None
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            width = self.hidden_size if self.protocol.project else self.input_size
            sizes = [_numbers(self.module(self._like.new_zeros(*self._axes(steps), width))[1]) for steps in (2, 3)]
        return sizes[0] if sizes[0] == sizes[1] else None

    def _axes(self, steps: int) -> tuple[int, int]:
        return (1, steps) if self.protocol.batch_first else (steps, 1)


def forget_bias(layer: Layer, context: InitContext) -> None:
    """Set the first bias of ``forget_signs`` to 1 in the direction that keeps, all others to 0 (Jozefowicz et al. 2015)."""
    module = _prepared(layer, context)
    pattern, sign = module.signs[0]
    with torch.no_grad():
        for bias in module.bias_blocks(pattern):
            bias.fill_(sign)


def chrono(layer: Layer, context: InitContext) -> None:
    """Set the biases of ``forget_signs`` so that memories span 1 .. horizon steps, all others to 0 (Tallec & Ollivier 2018)."""
    module = _prepared(layer, context)
    spreads: list[Tensor] = []  # (H) for each layer of the module; the gates of a layer share it
    with torch.no_grad():
        for pattern, sign in module.signs:
            for k, bias in enumerate(module.bias_blocks(pattern)):
                if k == len(spreads):
                    spreads.append(draw_log_spread(layer.hidden_size, context))
                bias.copy_(sign * spreads[k])


def _prepared(layer: Layer, context: InitContext) -> Wrapped:
    """Fill the open parameters as ``uniform`` does, and set every bias of the module to 0."""
    assert isinstance(layer, Wrapped)
    paths = [split_pattern(pattern)[0] for pattern, _ in layer.signs if layer.bias_blocks(pattern)]
    uniform_(layer.uninitialized_parameters().values(), layer.hidden_size, context.generator)
    with torch.no_grad():
        for name, parameter in layer.module.named_parameters():
            if "bias" in name or any(fnmatchcase(name, path) for path in paths):
                parameter.zero_()
    return layer


class WithForgetBias(Wrapped):
    """A wrapped module whose forgetting biases are known."""

    default_init = "chrono"
    initializers = {"chrono": Initializer(chrono, uses_horizon=True), "forget-bias": Initializer(forget_bias)}


@checked
def wrap(
    module: Annotated[Callable[..., nn.Module] | nn.Module, SkipValidation],
    *,
    name: str | None = None,
    batch_first: bool | None = None,
    forget_signs: Mapping[str, Literal[1, -1]] | None = None,
    uninitialized: Annotated[str | Sequence[str], list_of("a name or a list of names", str, str, list, tuple)] = (),
    gates: Annotated[Callable[[Any, Tensor, Any], Mapping[str, Tensor]], Function] | None = None,
    keep: Annotated[Callable[[Mapping[str, Tensor]], Tensor], Function] | None = None,
    **options: bool | int | float | str,
) -> type[Layer]:
    """Return a cell or sequence model made of a module of PyTorch.

    A small instance is built and called, to find whether it is a cell, such as torch.nn.LSTMCell or ``(x, state) -> state``, or a
    module of whole sequences that returns ``output`` or ``(output, state)``, and in which order its axes are.

    Args:
        module: a class or function of (input_size, hidden_size). With a single size, inputs and outputs of the module are of that
            size, and a linear layer leads to it. Or an instance, whose sizes are then fixed; every seed starts from its weights.
        name: the name in tables. Default: that of the package and the class, such as ``torch.lstm``.
        batch_first: True if the module reads (B, T, D), False if (T, B, D). Default: found by a trial.
        forget_signs: the biases that set how long the state is kept, each with the sign that keeps it long. ``{"bias_ih[1]": 1}``
            is the second block of H rows of ``bias_ih``; ``*`` stands for any text. With it, ``chrono`` and ``forget-bias`` apply,
            and chrono is the default. Known for LSTM and GRU of torch.nn.
        uninitialized: names of the parameters that the initialisation fills; ``*`` stands for any text. All other parameters keep
            the values that the module gives them.
        gates: a function of the module, x (B, D) and the state before a step, as the module takes it. It returns the gates (B, H)
            by name, for ``rnnbench gates``.
        keep: a function of these gates that returns the share (B, H) of the state that is kept, for half-lives.
        options: keyword arguments of ``module``. They and its other parameters of simple types are options of the cell.

    Returns:
        A class for every place that takes a cell: ``rnnbench.run(cell=...)``, or ``CELL = wrap(...)`` in a file. Its runs are
        identified by the name and version of an installed package, or by the source of the class or function.

    Raises:
        UserError: the module cannot be built or called in one of these ways.

    Example:
        >>> import torch
        >>> cell = wrap(torch.nn.GRUCell)(3, 8)
        >>> cell.states(torch.zeros(5, 2, 3)).shape
        torch.Size([5, 2, 8])
    """
    if not callable(module) or (isinstance(module, type) and not issubclass(module, nn.Module)):
        what = module.__name__ if isinstance(module, type) else type(module).__name__
        raise UserError(f"wrap takes a class of torch.nn.Module, a function that returns a module, or a module, not {what}")
    if name is not None:
        check_name("wrap: name", name)
    for key, value in options.items():
        if not isinstance(value, (bool, int, float, str)):
            raise UserError(f"wrap: {key} is a {type(value).__name__}; set it in a function (input_size, hidden_size) -> module")
    wrapped: Any = type(module) if isinstance(module, nn.Module) else module
    given: dict[str, Any] = dict(options)
    label = str(getattr(wrapped, "__name__", type(wrapped).__name__))
    copies = Copies(module) if isinstance(module, nn.Module) else None
    if copies and given:
        raise UserError(f"this {label} is built already: leave out {', '.join(given)}, or give its class")
    if copies:
        protocol, sample = find_protocol(copies, {}, label, batch_first, copies.sizes)
    else:
        if batch_first is not None and isinstance(wrapped, type) and takes(wrapped, "batch_first"):
            given["batch_first"] = batch_first
        protocol, sample = find_protocol(wrapped, given, label, batch_first)
    signs = dict(KNOWN_FORGET_SIGNS.get(type(sample), {}) if forget_signs is None else forget_signs)
    patterns = (uninitialized,) if isinstance(uninitialized, str) else tuple(uninitialized)
    _check_names(label, sample, signs, patterns)
    if gates is not None and not protocol.parts:
        raise UserError(f"{label} takes whole sequences, and gates are those of a step: leave out gates and keep")
    title = type(sample).__name__ if label == "<lambda>" else label
    package = package_of(type(sample) if label == "<lambda>" else wrapped)
    packages = {package_of(type(part)) for part in sample.modules()} - {"torch"} | {package_of(wrapped)}
    versions = " ".join(sorted(filter(None, map(distribution_of, packages - {"rnnbench"}))))
    attributes: dict[str, Any] = {
        "__module__": "torch.nn" if package == "torch" else getattr(wrapped, "__module__", "__main__"),
        "name": name or re.sub(r"[^a-z0-9._-]", "-", f"{package}.{title}".lower() if installed(package) else title.lower()),
        "summary": f"{title} of {versions}" if versions else title,
        "wrapped": staticmethod(wrapped) if isinstance(wrapped, FunctionType) else wrapped,
        "protocol": protocol,
        "versions": versions,
        "signs": tuple(signs.items()),
        "open_names": patterns,
        "settings": (*sorted(given.items()), copies.digest if copies else ""),
        "_factory": copies or staticmethod(wrapped),
        "_given": given,
    }
    if protocol.parts:
        attributes["state_names"] = state_names(protocol)
        attributes |= {key: value and staticmethod(value) for key, value in (("gates_of", gates), ("kept", keep))}
    bases: tuple[type, ...] = (WrappedCell if protocol.parts else WrappedSequence,)
    cls: type[Layer] = type(title, (WithForgetBias, *bases) if signs else bases, attributes)
    cls.__doc__ = "\n".join([f"{title}, wrapped by :func:`rnnbench.cells.wrap`.", "", *cls.notes()])  # type: ignore[attr-defined]
    _declare_options(cls, {} if copies else parameters_of_constructor(wrapped), given)
    return cls


def split_pattern(pattern: str) -> tuple[str, int]:
    """Return ``bias_ih[1]`` as the name of a parameter and the number of its block of H rows; ``bias`` is block 0.

    Example:
        >>> split_pattern("bias_ih_l*[1]")
        ('bias_ih_l*', 1)
    """
    found = BLOCK.fullmatch(pattern)
    if not found:
        raise UserError(f"forget_signs names parameters as in 'bias_ih[1]', the second block of H rows of bias_ih, not {pattern!r}")
    return found[1], int(found[2] or 0)


def _check_names(label: str, sample: nn.Module, signs: Mapping[str, int], patterns: Sequence[str]) -> None:
    """Raise UserError for a sign other than 1 and -1, and for a name that no parameter of the module has."""
    for pattern, sign in signs.items():
        if sign not in (1, -1):
            raise UserError(f"forget_signs of {pattern!r} is {sign!r}: give 1 if a large bias keeps the state, else -1")
    names = [name for name, _ in sample.named_parameters()]
    for pattern in (*(split_pattern(one)[0] for one in signs), *patterns):
        if not any(fnmatchcase(name, pattern) for name in names):
            raise UserError(f"{label} has no parameter {shorten_repr(pattern)}: it has {', '.join(names) or 'none'}")


def _declare_options(cls: type[Layer], accepted: Mapping[str, inspect.Parameter], given: Mapping[str, Any]) -> None:
    """Give a wrapped class the signature of its module: two sizes, then the parameters of simple types as options."""
    sizes = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_ONLY) for name in ("input_size", "hidden_size")]
    hints = {name: parameter.annotation for name, parameter in accepted.items()}
    options: dict[str, inspect.Parameter] = {}
    types: dict[str, Any] = {}
    for name, parameter in list(accepted.items())[cls.protocol.sizes :]:  # type: ignore[attr-defined]  # of Wrapped
        default = given.get(name, parameter.default)
        hint = SIMPLE.get(str(getattr(hints[name], "__name__", hints[name])), hints[name])
        if not (hint in SIMPLE.values() or get_origin(hint) is Literal):
            hint = type(default)
        if hint in SIMPLE.values() or get_origin(hint) is Literal:
            types[name] = hint
            options[name] = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=hint)
    for name, value in given.items():
        if name not in options:
            types[name] = type(value)
            options[name] = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=type(value))

    def __init__(self: Layer, input_size: int, hidden_size: int, **options: Any) -> None:  # noqa: N807
        super(cls, self).__init__(input_size, hidden_size, **options)

    __init__.__annotations__ = types
    cls.__init__ = __init__  # type: ignore[method-assign]
    cls.__signature__ = inspect.Signature([*sizes, *options.values()])  # type: ignore[attr-defined]  # what inspect reads


def state_names(protocol: Protocol) -> tuple[str, ...]:
    """Return names for the parts of the state, the output first."""
    parts = ("h", "c", *(f"s{k}" for k in range(2, protocol.parts)))[: protocol.parts]
    return ("output", *parts) if protocol.separate else parts


def _build(cls: type[Wrapped], input_size: int, hidden_size: int, options: Mapping[str, Any]) -> nn.Module:
    return cls.protocol.build(cls._factory, input_size, hidden_size, {**cls._given, **options})


def _numbers(state: Any) -> int:
    """Return the number of real numbers in a nested state; a complex number counts as two."""
    if isinstance(state, Tensor):
        return state.numel() * (1 + state.is_complex())
    return sum(map(_numbers, state)) if isinstance(state, (tuple, list)) else 0
