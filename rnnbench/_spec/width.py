"""The width that a budget of parameters buys."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from rnnbench._errors import UserError


def width_for(make: Callable[[int], nn.Module], budget: int, most: int | None = None) -> int:
    """The largest width, and ``most`` at most, whose network has no more than ``budget`` trainable numbers.

    Raises:
        UserError: even width 1 has more.
    """

    def count(width: int) -> int:
        return sum(parameter.numel() for parameter in make(width).parameters())

    if count(1) > budget:
        raise UserError(f"--parameters {budget:,} is too small: a network of one unit has {count(1):,}")
    if most is not None and count(most) <= budget:
        return most
    high = 2
    while count(high) <= budget:
        high *= 2
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if count(middle) <= budget else (low, middle)
    return low
