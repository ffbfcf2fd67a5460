"""The key of a cell's traced program: all that may be changed on a cell after it was built, and that its code depends on."""

from __future__ import annotations

from types import BuiltinFunctionType
from typing import Any

import torch
from torch import Tensor

from rnnbench._cell import Cell

OF_MODULES = set(vars(torch.nn.Module()))
CONSTANTS = (int, float, complex, str, bytes, type(None), BuiltinFunctionType, type)
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def _mark(value: Any, containers: tuple[Any, ...] = ()) -> Any:
    """Return a hashable stand-in for a value: constants by value, containers by their items, all else by identity.

    The numbers of a tensor do not matter, since they are read for every sequence.
    """
    if isinstance(value, CONSTANTS):
        return type(value), value
    if not isinstance(value, (list, tuple, dict)) or any(value is container for container in containers):
        return type(value), id(value)
    items = value.items() if isinstance(value, dict) else value
    return type(value), *[_mark(item, (*containers, value)) for item in items]


def has_hooks(part: torch.nn.Module) -> bool:
    """Return True for hooks other than those of torch.nn.utils (weight_norm, spectral_norm), which compute a parameter."""
    hooks = [hook for name in HOOKS for hook in getattr(part, name).values()]
    return any(not type(hook).__module__.startswith("torch.nn.utils.") for hook in hooks)


def cache_key(cell: Cell) -> tuple[Any, ...]:
    """Return a key of the cell's Python attributes, its modes and hooks, and its tensors' shapes and which of them are the same."""
    found: list[Any] = []
    tensors: dict[int, int] = {}
    for part in cell.modules():
        found += type(part), part.training, has_hooks(part)
        computed = {getattr(hook, "name", None) for hook in part._forward_pre_hooks.values()}  # by hooks of torch.nn.utils
        for attributes in (vars(part), part._parameters, part._buffers):
            for name, value in attributes.items():
                if name in OF_MODULES or name in computed:
                    continue
                if isinstance(value, Tensor):
                    found.append((name, value.shape, value.dtype, tensors.setdefault(id(value), len(tensors))))
                else:
                    found.append((name, _mark(value)))
    return tuple(found)
