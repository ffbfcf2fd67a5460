"""The width of a network with a budget of parameters."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from torch import nn

from rnnbench._errors import FieldError, out_of_memory

NEIGHBOURS = 256
"""The number of consecutive widths that a cell may refuse before the search looks elsewhere."""


def parameter_count(module: nn.Module) -> int:
    """Return the number of trainable parameters of a module; a complex parameter counts as two."""
    return sum(parameter.numel() * (1 + parameter.is_complex()) for parameter in module.parameters() if parameter.requires_grad)


def width_for(make: Callable[[int], nn.Module], budget: int, max_width: int) -> int:
    """Return the largest width, up to ``max_width``, whose network has at most ``budget`` parameters, or raise UserError.

    ``make`` raises an exception for widths that the cell refuses, such as those that are not a multiple of its heads.
    """
    refusals: list[Exception] = []

    @cache
    def count(width: int) -> int | None:
        try:
            return parameter_count(make(width))
        except Exception as error:  # a plug-in may refuse a width with any exception
            if out_of_memory(error):
                raise
            refusals.append(error)
            return None

    def first_accepted(widths: Iterable[int]) -> tuple[int, int] | None:
        return next(((width, found) for width in widths if (found := count(width)) is not None), None)

    found = first_accepted(range(1, min(NEIGHBOURS, max_width) + 1))
    if found is None:
        raise refusals[-1]
    low, least = found
    if least > budget:
        units = "one unit" if low == 1 else f"{low} units, the fewest that the cell accepts,"
        text = "{parameters} {n} is too small: a network of {units} has {least}"
        raise FieldError(text, n=f"{budget:,}", units=units, least=f"{least:,}")
    width, high = low, low + 1
    while high <= max_width:
        found = first_accepted(range(high, min(high + NEIGHBOURS, max_width + 1)))
        if found is None or found[1] > budget:
            high = high if found is None else found[0]
            break
        width, high = found[0], 2 * found[0]
    low, high = width, min(high, max_width + 1)
    while high - low > 1:  # `width` is the largest so far, every width from `high` on is too large
        middle = (low + high) // 2
        found = first_accepted(range(middle, max(low, middle - NEIGHBOURS), -1))
        if found is not None and found[1] > budget:
            high = found[0]
        else:
            low, width = middle, width if found is None else found[0]
    return width
