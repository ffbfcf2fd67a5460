"""Several layers of one cell: bare, one on top of the other, or each in the residual block that modern cells are published in."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench._cell import Layer

Make = Callable[[int, int], Layer]
"""From an input size and a width to a layer."""
Way = Callable[[Layer, Tensor, int], Tensor]
"""How the outputs of one layer are computed: from the layer, its inputs and the first step that is wanted to (T - first, B, H)."""


def stacked(make: Make, input_size: int, hidden_size: int, layers: int = 1, block: str = "bare") -> Layer:
    """The layer itself where one bare layer is asked for, else a :class:`Stack` of them."""
    if (layers, block) == (1, "bare"):
        return make(input_size, hidden_size)
    return Stack(make, input_size, hidden_size, layers, block)


class GatedMLP(nn.Module):
    """(..., H) to (..., H): W_2 (silu(W_1 x) * W_3 x), twice as wide inside (Shazeer 2020)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.opened = nn.Linear(hidden_size, 4 * hidden_size)
        self.closed = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.opened(x).chunk(2, dim=-1)  # (..., 2H), (..., 2H)
        out: Tensor = self.closed(F.silu(gate) * value)
        return out


class Stack(Layer):
    """Layers of one cell.

    ``bare``: each reads the outputs of the one below. ``residual``: a projection of the inputs to H channels, then for every layer

        x = x + cell(norm(x));  x = x + mlp(norm(x))

    and a norm at the end. Cells are initialised as they would be alone; projection, norms and MLPs by PyTorch's defaults.

    Args:
        make: builds one layer.
        input_size: channels or tokens of the task.
        hidden_size: the width H of every layer.
        layers: how many.
        block: ``bare`` or ``residual``.

    Example:
        >>> from rnnbench._plugins.registry import make_cell
        >>> import torch
        >>> stack = Stack(lambda D, H: make_cell("gru", D, H), 3, 4, layers=2, block="residual")
        >>> stack.states(torch.zeros(5, 2, 3)).shape
        torch.Size([5, 2, 4])
    """

    name = "stack"
    summary = "several layers of one cell"

    def __init__(self, make: Make, input_size: int, hidden_size: int, layers: int, block: str) -> None:
        super().__init__(input_size, hidden_size)
        H, residual = hidden_size, block == "residual"
        self.cells = nn.ModuleList(make(input_size if k == 0 and not residual else H, H) for k in range(layers))
        self.project = nn.Linear(input_size, H) if residual else None
        self.before = nn.ModuleList(nn.LayerNorm(H) for _ in range(layers if residual else 0))
        self.after = nn.ModuleList(nn.Sequential(nn.LayerNorm(H), GatedMLP(H)) for _ in range(layers if residual else 0))
        self.norm = nn.LayerNorm(H) if residual else None

    @property
    def parts(self) -> list[Layer]:
        """The layers, the lowest first."""
        return [cell for cell in self.cells if isinstance(cell, Layer)]

    @property
    def state_size(self) -> int | None:
        """Numbers that one sequence carries from step to step, in all layers; None where that grows with the sequence."""
        sizes = [part.state_size for part in self.parts]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def states(self, inputs: Tensor, first: int = 0, way: Way = lambda layer, inputs, first: layer.states(inputs, first)) -> Tensor:
        """Outputs (T - first, B, H) of the top layer, each layer's computed in the given ``way``."""
        *lower, top = range(len(self.cells))
        parts, x = self.parts, inputs
        if self.project is None or self.norm is None:
            for k in lower:
                x = way(parts[k], x, 0)  # (T, B, H)
            return way(parts[top], x, first)
        x = self.project(self.vectors(inputs))  # (T, B, H)
        for k, part in enumerate(parts):
            start = first if k == top else 0  # below the top every step is needed
            x = x[start:] + way(part, self.before[k](x), start)  # (T - start, B, H)
            x = x + self.after[k](x)  # (T - start, B, H)
        out: Tensor = self.norm(x)  # (T - first, B, H)
        return out
