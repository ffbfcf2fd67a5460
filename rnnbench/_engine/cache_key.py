"""What the code of a cell may depend on, looked at before every sequence: what was changed in Python never meets code of before."""

from __future__ import annotations

from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rnnbench._cell import Cell
from rnnbench._plugins.reached import Read, parts, reached

OF_MODULES = set(vars(torch.nn.Module()))
ITSELF = (int, float, str, bool, type(None), BuiltinFunctionType, CodeType, ModuleType, type)
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def marked(value: Any, around: tuple[Any, ...] = ()) -> Any:
    """A value as part of a key. Of a tensor it matters which one it is: its numbers are read anew for every sequence."""
    if isinstance(value, ITSELF):
        return value
    if isinstance(value, FunctionType):
        return value, value.__code__  # which a reload may replace
    if isinstance(value, Tensor):
        return id(value)
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.tobytes()
    if any(value is container for container in around):
        return None
    inside = parts(value)
    return repr(value) if inside is None else (type(value), *[marked(part, (*around, value)) for part in inside])


READS: dict[type, tuple[Any, tuple[Read, ...]]] = {}


def written(kind: type) -> Any:
    """What the functions of a class are and find around them, as it is now."""
    known = READS.get(kind)
    if known is not None:
        values = tuple([marked(read()) for read in known[1]])
        if values == known[0]:
            return values
    reads = tuple(reached(kind).values())  # a new function may reach for other things
    READS[kind] = tuple([marked(read()) for read in reads]), reads
    return READS[kind][0]


def hooked(part: torch.nn.Module) -> bool:
    return any(getattr(part, name) for name in HOOKS)


def fingerprint(cell: Cell) -> tuple[Any, ...]:
    """A key: the cell's class and what it reaches, its Python attributes, and the shapes of its tensors and which are the same."""
    found: list[Any] = [type(cell), written(type(cell))]
    tensors: dict[int, int] = {}
    for part in cell.modules():
        found += type(part), part.training, hooked(part)
        for held in (vars(part), part._parameters, part._buffers):
            for name, value in held.items():
                if name in OF_MODULES:
                    continue
                if isinstance(value, Tensor):
                    found.append((name, value.shape, value.dtype, tensors.setdefault(id(value), len(tensors))))
                else:
                    found.append((name, marked(value)))
    return tuple(found)
