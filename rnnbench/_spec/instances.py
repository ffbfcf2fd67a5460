"""The comparison of an instance of a cell or a task with a new one: a run builds a new one from the class and the options."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import chain
from types import FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from rnnbench._cell import Layer
from rnnbench._config import Option
from rnnbench._errors import UserError
from rnnbench._plugins.registry import make_cell, make_task
from rnnbench.task import Task

OF_MODULES = {*vars(nn.Module()), "training"}
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def check_as_built(value: Layer | Task, options: Mapping[str, Option]) -> None:
    """Raise UserError if weights, attributes or hooks of an instance are not those that ``__init__`` gives it."""
    changes: Iterator[str]
    if isinstance(value, Layer):
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(value._random_state)
            changes = _changes_of_modules(value, make_cell(type(value), value.input_size, value.hidden_size, options))
    else:
        new = vars(make_task(type(value), options))
        found = _changes({key: one for key, one in vars(value).items() if key in new}, new)
        changes = (f"attribute {name}" for name in found)
    if changed := next(changes, None):
        name = type(value).__name__
        raise UserError(
            f"{changed} of this {name} was changed after it was built, and a run builds a new {name} from its options: "
            "set it in __init__, or make it an option"
        )


def _changes_of_modules(value: nn.Module, new: nn.Module) -> Iterator[str]:
    parts, new_parts = dict(value.named_modules()), dict(new.named_modules())
    for path in (path for path in chain(parts, new_parts) if type(parts.get(path)) is not type(new_parts.get(path))):
        yield f"the module {path}"
    for path, part in parts.items():
        prefix, other = f"{path}." if path else "", new_parts[path]
        for kind in ("_parameters", "_buffers"):
            for name in _changes(vars(part)[kind], vars(other)[kind]):
                yield f"{kind[1:-1]} {prefix}{name}"
        for name, parameter in part._parameters.items():
            if parameter is not None and parameter.requires_grad != getattr(other, name).requires_grad:
                yield f"requires_grad of parameter {prefix}{name}"
            if parameter is not None and _count_hooks(parameter) != _count_hooks(getattr(other, name)):
                yield f"a hook of parameter {prefix}{name}"
        if any(len(vars(part)[hooks]) != len(vars(other)[hooks]) for hooks in HOOKS):
            yield f"a hook of {path or 'the module'}"
        own, others = ({key: one for key, one in vars(each).items() if key not in OF_MODULES} for each in (part, other))
        own.pop("_random_state", None), others.pop("_random_state", None)
        yield from (f"attribute {prefix}{name}" for name in _changes(own, others))


def _count_hooks(parameter: Tensor) -> int:
    return sum(len(getattr(parameter, hooks) or ()) for hooks in ("_backward_hooks", "_post_accumulate_grad_hooks"))


def _changes(values: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names whose values differ, or that only one of the two has."""
    for name in dict.fromkeys((*values, *new)):
        if not (name in values and name in new and _same(values[name], new[name])):
            yield name


def _same(a: Any, b: Any) -> bool:
    """Compare tensors, arrays, containers and functions by their content; other objects without an ``==`` count as the same."""
    if type(a) is not type(b):
        return False
    if isinstance(a, Tensor):
        return a.shape == b.shape and a.dtype == b.dtype and bool(((a == b) | ((a != a) & (b != b))).all())
    if isinstance(a, np.ndarray):
        return bool(np.array_equal(a, b))
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, FunctionType):
        return bool(a.__code__ == b.__code__)
    if isinstance(a, partial):
        return _same((a.func, a.args, a.keywords), (b.func, b.args, b.keywords))
    if inspect.ismethod(a):
        return _same(a.__func__, b.__func__)
    compares: Any = type(a).__eq__
    same: bool = compares is object.__eq__ or bool(a == b)
    return same
