"""The width of a network with a budget of parameters."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from rnnbench._errors import FieldError


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable parameters of a module; a complex parameter counts as two."""
    return sum(parameter.numel() * (1 + parameter.is_complex()) for parameter in module.parameters())


def width_for(make: Callable[[int], nn.Module], budget: int, max_width: int | None = None) -> int:
    """Return the largest width, up to ``max_width``, whose network has at most ``budget`` parameters, or raise UserError."""

    def count(width: int) -> int:
        return parameter_count(make(width))

    if count(1) > budget:
        raise FieldError("{parameters} {n} is too small: a network of one unit has {least}", n=f"{budget:,}", least=f"{count(1):,}")
    if max_width is not None and count(max_width) <= budget:
        return max_width
    high = 2
    while count(high) <= budget:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= budget else (low, middle)
    return low
