"""Several layers of one cell: stacked directly, or each in the residual block that modern cells are published in."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench._cell import Layer

LayerFactory = Callable[[int, int], Layer]
"""A function from an input size and a width to a layer."""
LayerFunction = Callable[[Layer, Tensor, int], Tensor]
"""A function from a layer, its inputs and the first step to return to the outputs (T - first, B, H)."""


def stacked(make: LayerFactory, input_size: int, hidden_size: int, layers: int = 1, block: str = "bare") -> Layer:
    """Build one bare layer, or a :class:`Stack`."""
    if (layers, block) == (1, "bare"):
        return make(input_size, hidden_size)
    return Stack(make, input_size, hidden_size, layers, block)


class GatedMLP(nn.Module):
    """The gated MLP from (..., H) to (..., H): W_2 (silu(W_1 x) * W_3 x), twice as wide inside (Shazeer 2020)."""

    def __init__(self, hidden_size: int) -> None:
        super().__init__()
        self.opened = nn.Linear(hidden_size, 4 * hidden_size)
        self.closed = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        gate, value = self.opened(x).chunk(2, dim=-1)  # (..., 2H), (..., 2H)
        out: Tensor = self.closed(F.silu(gate) * value)
        return out


class Stack(Layer):
    """Several layers of one cell.

    In a ``bare`` stack each layer reads the outputs of the layer below. A ``residual`` stack projects the inputs to H channels.
    Every layer then computes

        x = x + cell(norm(x));  x = x + mlp(norm(x))

    with a norm after the last layer. Each cell is initialised like a single layer; projection, norms and MLPs use PyTorch's
    defaults.

    Example:
        >>> from rnnbench._plugins.registry import make_cell
        >>> import torch
        >>> stack = Stack(lambda D, H: make_cell("gru", D, H), 3, 4, layers=2, block="residual")
        >>> stack.states(torch.zeros(5, 2, 3)).shape
        torch.Size([5, 2, 4])
    """

    name = "stack"
    summary = "several layers of one cell"

    def __init__(self, make: LayerFactory, input_size: int, hidden_size: int, layers: int, block: str) -> None:
        super().__init__(input_size, hidden_size)
        H, residual = hidden_size, block == "residual"
        self.cells = nn.ModuleList(make(input_size if k == 0 and not residual else H, H) for k in range(layers))
        self.project = nn.Linear(input_size, H) if residual else None
        self.before = nn.ModuleList(nn.LayerNorm(H) for _ in range(layers if residual else 0))
        self.after = nn.ModuleList(nn.Sequential(nn.LayerNorm(H), GatedMLP(H)) for _ in range(layers if residual else 0))
        self.norm = nn.LayerNorm(H) if residual else None

    @property
    def parts(self) -> list[Layer]:
        """The layers from bottom to top."""
        return [cell for cell in self.cells if isinstance(cell, Layer)]

    @property
    def state_size(self) -> int | None:
        """Numbers in one sequence's state, over all layers; None if a layer's state grows with the sequence."""
        sizes = [part.state_size for part in self.parts]
        return None if None in sizes else sum(size for size in sizes if size is not None)

    def states(
        self,
        inputs: Tensor,
        first: int = 0,
        compute: LayerFunction = lambda layer, inputs, first: layer.states(inputs, first),
    ) -> Tensor:
        """Return the outputs (T - first, B, H) of the top layer; ``compute`` runs each layer."""
        *lower, top = range(len(self.cells))
        parts, x = self.parts, inputs
        if self.project is None or self.norm is None:
            for k in lower:
                x = compute(parts[k], x, 0)  # (T, B, H)
            return compute(parts[top], x, first)
        x = self.project(self.vectors(inputs))  # (T, B, H)
        for k, part in enumerate(parts):
            start = first if k == top else 0  # lower layers return every step
            x = x[start:] + compute(part, self.before[k](x), start)  # (T - start, B, H)
            x = x + self.after[k](x)  # (T - start, B, H)
        out: Tensor = self.norm(x)  # (T - first, B, H)
        return out
