"""What a step computes from parameters alone: run by torch, once for every sequence, with torch's own gradients."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench._cell import Cell
from rnnbench._engine.refusal import refuse

READS = ("bool", "float", "int", "index", "item", "tolist", "numpy", "nonzero", "any", "all")


def name_of(func: Any) -> str:
    name = str(getattr(func, "__name__", func))
    if name == "__get__":
        return str(func.__self__.__name__)
    return name if name.startswith("__i") and name != "__invert__" else name.strip("_").lower()


def tree(value: Any, change: Callable[[Any], Any]) -> Any:
    """Nested lists, tuples and dicts with every leaf changed."""
    if isinstance(value, (list, tuple)):
        return tuple(tree(item, change) for item in value)
    if isinstance(value, dict):
        return {key: tree(item, change) for key, item in value.items()}
    return change(value)


def leaves(value: Any) -> list[Any]:
    found: list[Any] = []
    tree(value, found.append)
    return found


@dataclass(frozen=True)
class Made:
    """The result of a preparation: number ``item`` of what its function returned, None for all of it."""

    index: int
    item: int | None


class Preparation(NamedTuple):
    """One torch function of parameters alone; its arguments are constants, paths into the cell, or what others made."""

    func: Any
    args: Any
    kwargs: Any


@dataclass(frozen=True)
class Attribute:
    """Where a tensor stands in the cell."""

    names: tuple[str, ...]


class Preparations:
    """Notes down the functions of parameters alone that run while a step is traced, to run them again with other weights."""

    def __init__(self, cell: Cell) -> None:
        self.places: dict[int, Any] = {}
        self.alive: list[Tensor] = []
        self.noted: list[Preparation] = []
        self.results: dict[Hashable, Any] = {}
        for prefix, part in cell.named_modules():
            held = {**vars(part), **part._parameters, **part._buffers}
            for name, value in held.items():
                if isinstance(value, Tensor):
                    self.places.setdefault(id(value), Attribute((*filter(None, prefix.split(".")), name)))

    def prepare(self, func: Any, *args: Any, **kwargs: Any) -> Any:
        """Run a function of parameters alone, and note it down to be run again for every sequence."""
        name = name_of(func)
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        if name in READS and tensors:
            refuse(f"{name} of a parameter, which Python reads only once, is not compiled")
        if "rand" in name or name in ("dropout", "bernoulli", "normal", "multinomial"):
            refuse(f"{name} is random, which is not compiled")
        if (
            (str(getattr(func, "__name__", "")).endswith("_") and name + "_" == func.__name__)
            or name.startswith("__i")
            or kwargs.get("out") is not None
        ):
            refuse("a change in place is not compiled")

        def stored(leaf: Any) -> Any:
            if not isinstance(leaf, Tensor):
                return leaf
            if id(leaf) not in self.places and leaf.requires_grad:
                refuse("a tensor with gradients that is no parameter of the cell is not compiled")
            return self.places.get(id(leaf), leaf)

        noted = Preparation(func, tree(args, stored), tree(kwargs, stored))
        key = (func, *(repr(tree(given, lambda leaf: id(leaf) if isinstance(leaf, Tensor) else leaf)) for given in noted[1:]))
        if key in self.results:
            return self.results[key]
        with torch._C.DisableTorchFunction():
            result = func(*args, **kwargs)
        parts = list(enumerate(result)) if isinstance(result, (tuple, list)) else [(None, result)]
        if not all(isinstance(part, Tensor) for _, part in parts) or isinstance(result, torch.Size):
            return result
        self.noted.append(noted)
        for item, part in parts:
            self.places[id(part)] = Made(len(self.noted) - 1, item)
            self.alive.append(part)  # so that no other tensor gets its id
        self.results[key] = result
        return result

    def run_again(self, outputs: list[Tensor]) -> Callable[[Cell], list[Tensor]]:
        """A function from the cell to ``outputs`` as its parameters are then; only what they need is run."""
        places = [self.places.get(id(tensor), tensor) for tensor in outputs]
        needed: set[int] = set()
        stack = [place.index for place in places if isinstance(place, Made)]
        while stack:
            index = stack.pop()
            if index not in needed:
                needed.add(index)
                noted = self.noted[index]
                stack += [leaf.index for leaf in leaves((noted.args, noted.kwargs)) if isinstance(leaf, Made)]
        steps = [(index, self.noted[index]) for index in sorted(needed)]

        def run(cell: Cell) -> list[Tensor]:
            made: dict[int, Any] = {}

            def fetch(place: Any) -> Any:
                if isinstance(place, Attribute):
                    return reduce(getattr, place.names, cell)
                if isinstance(place, Made):
                    return made[place.index] if place.item is None else made[place.index][place.item]
                return place

            for index, noted in steps:
                made[index] = noted.func(*tree(noted.args, fetch), **tree(noted.kwargs, fetch))
            return [fetch(place) for place in places]

        return run
