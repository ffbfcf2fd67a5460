"""The way a module of PyTorch is called, found by a trial: cell or sequence module, order of its axes, parts of its state."""

from __future__ import annotations

import copy
import hashlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rnnbench._errors import UserError, one_line

TRIAL_SIZES = 6, 16
"""Inputs and units of the instance that is tried."""
T, B = 5, 3
"""Time steps and sequences that it is tried with. All numbers differ, so that no wrong axis fits by accident."""
NOT_OPTIONS = ("self", "mode", "batch_first", "bidirectional", "proj_size", "device", "dtype")
"""Parameters of constructors that are not options of a cell, since another value breaks its contract or its shapes."""
Factory = Callable[..., nn.Module]
"""A class or a function that returns a module."""


class Protocol(NamedTuple):
    """The way a module is built and called.

    Attributes:
        sizes: how many sizes its constructor takes: input and hidden size, or one for both.
        project: True if a linear layer leads from the inputs to it, because its inputs are as wide as its outputs.
        parts: how many tensors the state of a cell has; 0 for a sequence module.
        single: True if that state is a tensor, not a tuple.
        separate: True if a step returns ``(output, state)``, where the output is not a part of the state.
        odd: True if a part of the state is not (B, H).
        batch_first: True if a sequence module reads (B, T, D).
        stateful: True if a sequence module returns ``(output, state)``.
    """

    sizes: int = 2
    project: bool = False
    parts: int = 0
    single: bool = False
    separate: bool = False
    odd: bool = False
    batch_first: bool = False
    stateful: bool = False

    def build(self, factory: Factory, input_size: int, hidden_size: int, given: Mapping[str, Any]) -> nn.Module:
        """Return a new module for these sizes."""
        sizes = (hidden_size if self.project else input_size, hidden_size)[-self.sizes :]
        return factory(*sizes, **given)


def find_protocol(
    factory: Factory, given: Mapping[str, Any], name: str, batch_first: bool | None, trial_sizes: tuple[int, int] = TRIAL_SIZES
) -> tuple[Protocol, nn.Module]:
    """Return how the modules of a class or function are built and called, and the one that was tried.

    Args:
        factory: the class or the function.
        given: keyword arguments.
        name: its name in messages.
        batch_first: the order of a sequence module's axes; None: the module's attribute of that name, or found by a trial.
        trial_sizes: inputs and units of the module that is tried.

    Raises:
        UserError: none of the known ways fits.
    """
    D, H = trial_sizes
    required = [p for p in parameters_of_constructor(factory).values() if p.default is p.empty and p.name not in given]
    sizes = 1 if len(required) == 1 else 2
    reasons = []
    for project in (True,) if sizes == 1 else (False, True):
        way = Protocol(sizes, project)
        with torch.random.fork_rng(devices=[]):
            try:
                module = way.build(factory, D, H, given).eval()
            except Exception as error:  # of the module
                reasons.append(one_line(error))
                continue
            if not isinstance(module, nn.Module):
                raise UserError(f"{name} returns a {type(module).__name__}, not a torch.nn.Module: return the module")
            with torch.no_grad():
                return _called(module, (H if project else D, H), way, name, batch_first), module
    raise UserError(
        f"{name} cannot be built for {D} inputs and {H} units: {reasons[0]}; give a function (input_size, hidden_size) -> module"
    )


class Copies:
    """A function that returns copies of an instance, whose sizes are fixed.

    Attributes:
        sizes: the inputs and units of the instance.
        digest: hexadecimal digits that identify its weights.
    """

    def __init__(self, instance: nn.Module) -> None:
        name = type(instance).__name__
        self.instance = instance
        try:
            self.sizes: tuple[int, int] = (int(instance.input_size), int(instance.hidden_size))  # type: ignore[arg-type]
        except (AttributeError, TypeError):
            advice = "give its class, or a function (input_size, hidden_size) -> module"
            raise UserError(f"this {name} has no input_size and hidden_size: {advice}") from None
        digest = hashlib.sha256()
        for key, value in sorted(instance.state_dict().items()):
            digest.update(f"{key} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().numpy().tobytes())
        self.digest = digest.hexdigest()[:12]

    def __call__(self, input_size: int, hidden_size: int) -> nn.Module:
        if (input_size, hidden_size) != self.sizes:
            name, (D, H) = type(self.instance).__name__, self.sizes
            raise ValueError(f"this {name} has {D} inputs and {H} units, not {input_size} and {hidden_size}: wrap its class")
        return copy.deepcopy(self.instance)


def parameters_of_constructor(factory: Factory) -> dict[str, inspect.Parameter]:
    """Return the named parameters of a class or function; those of the first base that names them where a class does not."""
    candidates = [cls.__init__ for cls in factory.__mro__] if isinstance(factory, type) else [factory]  # type: ignore[misc]
    for function in candidates:
        named = {
            name: p
            for name, p in inspect.signature(function).parameters.items()
            if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD) and name not in NOT_OPTIONS
        }
        if named:
            return named
    return {}


def takes(cls: type, name: str) -> bool:
    """Return True if the constructor of a class, or of one of its bases, has a parameter of that name."""
    return any(name in inspect.signature(base.__init__).parameters for base in cls.__mro__)  # type: ignore[misc]


def first_tensor(result: Any) -> Any:
    """Return the output of a module that returns only this, or several results with this one first."""
    return result[0] if isinstance(result, (tuple, list)) else result


def _called(module: nn.Module, sizes: tuple[int, int], way: Protocol, name: str, batch_first: bool | None) -> Protocol:
    """Return the protocol of a module; a cell if its outputs do not depend on earlier inputs of the same call."""
    D, H = sizes
    inputs = torch.randn(T, B, D)
    reasons: list[str] = []
    order = None
    try:
        result = module(inputs)
        out = first_tensor(result)
        if isinstance(out, Tensor) and out.shape == (T, B, H):
            order = _order(module, inputs)
            way = way._replace(stateful=isinstance(result, (tuple, list)) and len(result) == 2 and result[1] is not None)
        else:
            reasons.append(f"its outputs for (T, B, D) inputs are {_shapes(result)} instead of (T, B, H) = {(T, B, H)}")
    except Exception as error:  # of the module: it may be a cell
        reasons.append(f"with (T, B, D) inputs: {one_line(error)}")
    stated = getattr(module, "batch_first", None) if batch_first is None else batch_first
    if order is not None:
        return way._replace(batch_first=order == "batch" if stated is None else bool(stated))
    steps = _stepped(module, inputs[0], H, way, name, reasons)
    if steps is not None:
        return steps._replace(stateful=False)
    if not any("instead of" in reason or "with (T" in reason for reason in reasons):
        return way._replace(batch_first=bool(stated))  # each output depends on its own input only
    raise UserError(
        f"{name} is neither a cell (x, state) -> state nor a module of whole sequences: {'; '.join(reasons)}; "
        "give a function (input_size, hidden_size) -> module that returns (T, B, H) or (B, H)"
    )


def _order(module: nn.Module, inputs: Tensor) -> str | None:
    """Return ``time`` or ``batch``, the first axis of a sequence module; None if no output depends on an earlier input.

    If none does at the initial weights, which may be zeros, noise is added to them.
    """
    moved = inputs.clone()
    moved[0, 0] += 1.0
    for noise in (0.0, 0.1):
        for parameter in module.parameters():
            parameter.add_(noise * torch.randn_like(parameter))
        changed = (first_tensor(module(inputs)) != first_tensor(module(moved))).any(dim=2)  # (T, B) or (B, T)
        if bool(changed[1:, 0].any()):
            return "time"
        if bool(changed[0, 1:].any()):
            return "batch"
    return None


def _stepped(module: nn.Module, x: Tensor, H: int, way: Protocol, name: str, reasons: list[str]) -> Protocol | None:
    """Return the protocol of a cell, from steps with x (B, D); None if it is not a cell, with the reason in ``reasons``."""
    zero = torch.zeros(B, H)
    result: Any = None
    reason = ""
    starts: list[tuple[Any, ...]] = [(), (zero,), ((zero, zero),), ((zero, zero, zero),)]
    for start in starts:
        try:
            result = module(x, *start)
            break
        except Exception as error:  # of the module: it needs another state
            reason = reason or f"with (B, D) inputs: {one_line(error)}"
    else:
        reasons.append(reason)
        return None
    found = _structure(module, x, result, way)
    if found is None or first_tensor(result).shape != (B, H):
        reasons.append(f"a step returns {_shapes(result)}, not a state whose first part is (B, H) = {(B, H)}")
        return None
    state = state_parts(found, result)
    if start == () and not _same(module(x, packed(found, tuple(map(torch.zeros_like, state)))), result):
        raise UserError(
            f"{name} starts from a state that is not zero, which the adapter does not know: write a rnnbench.cells.Cell"
        )
    return found._replace(odd=any(part.shape != (B, H) for part in state))


def _structure(module: nn.Module, x: Tensor, result: Any, way: Protocol) -> Protocol | None:
    """Return the protocol that a step's result belongs to; None if it is none of the known ones."""
    candidates = []
    if isinstance(result, Tensor):
        candidates.append(way._replace(parts=1, single=True))
    elif isinstance(result, (tuple, list)) and len(result) >= 2 and isinstance(result[0], Tensor):
        if isinstance(result[1], (tuple, list)):
            candidates.append(way._replace(parts=len(result[1]), separate=True))
        else:
            candidates += [way._replace(parts=len(result)), way._replace(parts=1, single=True, separate=True)]
    for one in candidates:
        try:
            state = state_parts(one, result)
            again = module(x, packed(one, state))
            if [part.shape for part in state_parts(one, again)] == [part.shape for part in state]:
                return one
        except Exception:  # of the module: the state has another structure
            continue
    return None


def state_parts(protocol: Protocol, result: Any) -> tuple[Tensor, ...]:
    """Return the tensors of the state in a step's result."""
    state = result[1] if protocol.separate else result
    return (state,) if protocol.single else tuple(state)


def packed(protocol: Protocol, parts: tuple[Tensor, ...]) -> Any:
    """Return the state as the module takes it."""
    return parts[0] if protocol.single else parts


def _same(one: Any, two: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.allclose(one, two, atol=1e-6)
    return all(_same(a, b) for a, b in zip(one, two, strict=True))


def _shapes(result: Any) -> str:
    if isinstance(result, Tensor):
        return str(tuple(result.shape))
    if isinstance(result, (tuple, list)):
        return f"({', '.join(map(_shapes, result))})"
    return f"a {type(result).__name__}"
