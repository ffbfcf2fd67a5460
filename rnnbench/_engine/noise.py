"""Random numbers of a step, which torch draws before the compiled loop, in the order of the Python loop.

So the noise has equal bits in compiled code and in the loop, and leaves torch's generator in the same state.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench._engine.graph import Graph, Node
from rnnbench._engine.hoisting import leaves, map_leaves
from rnnbench._engine.refusal import refuse
from rnnbench._engine.symbolic import BatchSize, Symbol

DRAWS = ("rand", "randn", "rand_like", "randn_like", "bernoulli", "uniform", "normal", "exponential", "dropout")
"""The random functions that are compiled."""


class Draw(NamedTuple):
    """One call of a random function."""

    func: Any
    args: Any
    kwargs: Any

    def __call__(self, batch: int) -> Tensor:
        """Return the numbers for a number of sequences."""

        def actual(leaf: Any) -> Any:
            if isinstance(leaf, Symbol):
                shape = [batch if k == leaf.axis else size for k, size in enumerate(leaf.dims)]
                return torch.full(shape, leaf.nodes[0].number or 0.0, dtype=leaf.dtype)
            return batch if isinstance(leaf, BatchSize) else leaf

        result: Tensor = self.func(*map_leaves(self.args, actual), **map_leaves(self.kwargs, actual))
        return result


class Noise:
    """The random calls of a step.

    Attributes:
        draws: the calls, in their order, each with the dimension of the batch in its result.
        widths: the number of columns of each.
    """

    def __init__(self, graph: Graph, dtype: torch.dtype) -> None:
        self.graph, self.dtype = graph, dtype
        self.draws: list[tuple[Draw, int]] = []
        self.widths: list[int] = []

    def node(self, name: str, func: Any, args: Any, kwargs: Any) -> tuple[Node, list[int], int]:
        """Record a call; return its node, and its result's shape and dimension of the batch."""
        tensors = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        symbols = [leaf for leaf in leaves((args, kwargs)) if isinstance(leaf, Symbol)]
        values = not name.endswith("_like")
        if tensors or (values and any(len(symbol.nodes) > 1 or symbol.nodes[0].number is None for symbol in symbols)):
            refuse(f"{name} of values that are not the same number everywhere is not compiled")
        draw = Draw(func, args, kwargs)
        with torch.random.fork_rng(devices=[]):
            two, three = (draw(batch) for batch in (2, 3))
        axes = [k for k, sizes in enumerate(zip(two.shape, three.shape, strict=True)) if sizes == (2, 3)]
        if len(axes) != 1 or two.dtype not in (torch.float32, self.dtype):
            refuse(f"{name} with these arguments is not compiled")
        shape = [1 if k == axes[0] else size for k, size in enumerate(two.shape)]
        self.draws.append((draw, axes[0]))
        self.widths.append(math.prod(shape))
        return self.graph.make("noise", key=len(self.draws) - 1, width=self.widths[-1]), shape, axes[0]

    def drawn(self, steps: int, batch: int) -> Tensor:
        """Return the numbers (T, B, columns) of a sequence."""
        found = torch.empty(steps, batch, sum(self.widths), dtype=self.dtype)
        for t in range(steps):
            for (draw, axis), part in zip(self.draws, found[t].split(self.widths, 1), strict=True):
                part.copy_(draw(batch).movedim(axis, 0).reshape(part.shape))
        return found
