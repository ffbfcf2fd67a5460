"""The settings of the process that a run changes while it trains, and restores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """Set torch's thread count inside the block; restore it on exit."""
    before = torch.get_num_threads()
    if count != before:  # setting the count takes time, even to the current one
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count != before:
            torch.set_num_threads(before)


@contextlib.contextmanager
def training_settings(count: int, noise: Tensor) -> Iterator[None]:
    """Set threads, denormal numbers and torch's random stream for a run inside the block; restore them on exit.

    ``noise`` (N,) uint8 is the state of torch's default generator inside the block, for cells that draw random numbers in ``step``.
    The state on exit is written to it in place.
    """
    stream, flushes = torch.get_rng_state(), _flushes()
    torch.set_flush_denormal(True)  # vanishing gradients are denormal numbers, which take twice the time
    torch.set_rng_state(noise)
    try:
        with threads(count):
            yield
    finally:
        noise.copy_(torch.get_rng_state())
        torch.set_rng_state(stream)
        torch.set_flush_denormal(flushes)


def _flushes() -> bool:
    """Return True if this thread sets denormal numbers to zero; torch has no function for that."""
    return float(torch.tensor(1e-30) * torch.tensor(1e-10)) == 0.0
