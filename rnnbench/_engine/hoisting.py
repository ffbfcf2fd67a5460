"""Hoisting: torch calls on parameters only are recorded while tracing, then run once per batch, outside the time loop.

Torch runs them, so their gradients come from autograd.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.utils import parametrize

from rnnbench._cell import Cell
from rnnbench._engine.refusal import refuse

PYTHON_READS = ("bool", "float", "int", "index", "item", "tolist", "numpy", "nonzero", "any", "all")


def name_of(func: Any) -> str:
    name = str(getattr(func, "__name__", func))
    if name == "__get__":
        return str(func.__self__.__name__)
    return name.strip("_").lower()


def changes_in_place(func: Any) -> bool:
    """Return True for a function that changes its first argument, such as ``add_``, ``__iadd__`` and ``__setitem__``."""
    name = str(getattr(func, "__name__", ""))
    if name.startswith("__"):
        return name == "__setitem__" or (name.startswith("__i") and name != "__invert__")
    return name.endswith("_")


def map_leaves(value: Any, change: Callable[[Any], Any]) -> Any:
    """Return nested lists, tuples and dicts with ``change`` applied to every leaf."""
    if isinstance(value, (list, tuple)):
        return tuple(map_leaves(item, change) for item in value)
    if isinstance(value, dict):
        return {key: map_leaves(item, change) for key, item in value.items()}
    return change(value)


def leaves(value: Any) -> list[Any]:
    found: list[Any] = []
    map_leaves(value, found.append)
    return found


@dataclass(frozen=True)
class CallResult:
    """The result of hoisted call ``index``: its item number ``item``, or the whole result if ``item`` is None."""

    index: int
    item: int | None


class HoistedCall(NamedTuple):
    """One torch call on parameters only; its arguments are constants, :class:`Attribute` or :class:`CallResult`."""

    func: Any
    args: Any
    kwargs: Any


@dataclass(frozen=True)
class Attribute:
    """The path of a tensor inside the cell, as names of nested attributes."""

    names: tuple[str, ...]


class Hoisting:
    """A recording of the torch calls on parameters only that ran while a step was traced."""

    def __init__(self, cell: Cell) -> None:
        self.places: dict[int, Any] = {}
        self.alive: list[Tensor] = []
        self.calls: list[HoistedCall] = []
        self.results: dict[Hashable, Any] = {}
        parametrized = [(prefix, part) for prefix, part in cell.named_modules() if parametrize.is_parametrized(part)]
        for prefix, part in parametrized:
            for name in part.parametrizations:  # computed by torch, once per sequence as in Cell.states
                self.alive.append(getattr(part, name))
                self.places[id(self.alive[-1])] = Attribute((*filter(None, prefix.split(".")), name))
        for prefix, part in cell.named_modules():
            held = {**vars(part), **part._parameters, **part._buffers}
            for name, value in held.items():
                if isinstance(value, Tensor):
                    self.places.setdefault(id(value), Attribute((*filter(None, prefix.split(".")), name)))

    def hoist(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Run a function of parameters only and record the call, so that it can run again with other weights."""
        name = name_of(func)
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if name in PYTHON_READS and tensors:
            refuse(f"{name} of a parameter, which Python reads only once, is not compiled")
        if "rand" in name or name in ("dropout", "bernoulli", "normal", "multinomial"):
            refuse(f"{name} is random, which is not compiled")
        if changes_in_place(func) or kwargs.get("out") is not None:
            refuse("a change of a parameter or a constant in place is not compiled")

        def stored(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor):
                return leaf
            if id(leaf) not in self.places and leaf.requires_grad:
                refuse("a tensor with gradients that is not a parameter of the cell is not compiled")
            return self.places.get(id(leaf), leaf)

        call = HoistedCall(func, map_leaves(args, stored), map_leaves(kwargs, stored))
        key = (func, *(repr(map_leaves(given, lambda leaf: id(leaf) if isinstance(leaf, Tensor) else leaf)) for given in call[1:]))
        if key in self.results:
            return self.results[key]
        with torch._C.DisableTorchFunction():
            result = func(*args, **kwargs)
        parts = list(enumerate(result)) if isinstance(result, (tuple, list)) else [(None, result)]
        if not all(isinstance(part, Tensor) for _, part in parts) or isinstance(result, torch.Size):
            return result
        self.calls.append(call)
        for item, part in parts:
            self.places[id(part)] = CallResult(len(self.calls) - 1, item)
            self.alive.append(part)  # so that its id is not reused
        self.results[key] = result
        return result

    def replay(self, outputs: list[Tensor]) -> Callable[[Cell], list[Tensor]]:
        """Return a function that recomputes ``outputs`` from a cell's current parameters, running only the calls they need."""
        places = [self.places.get(id(tensor), tensor) for tensor in outputs]
        needed: set[int] = set()
        stack = [place.index for place in places if isinstance(place, CallResult)]
        while stack:
            index = stack.pop()
            if index not in needed:
                needed.add(index)
                call = self.calls[index]
                stack += [leaf.index for leaf in leaves((call.args, call.kwargs)) if isinstance(leaf, CallResult)]
        steps = [(index, self.calls[index]) for index in sorted(needed)]

        @parametrize.cached()
        def run(cell: Cell) -> list[Tensor]:
            results: dict[int, Any] = {}

            def fetch(place: Any) -> Any:
                if isinstance(place, Attribute):
                    return reduce(getattr, place.names, cell)
                if isinstance(place, CallResult):
                    return results[place.index] if place.item is None else results[place.index][place.item]
                return place

            for index, call in steps:
                results[index] = call.func(*map_leaves(call.args, fetch), **map_leaves(call.kwargs, fetch))
            return [fetch(place) for place in places]

        return run
