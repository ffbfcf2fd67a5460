"""What a run changes in the process that makes it, for as long as it is at work and no longer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch
from torch import Tensor


@contextlib.contextmanager
def threads(count: int) -> Iterator[None]:
    """So many CPU threads of torch, and as many as before afterwards."""
    before = torch.get_num_threads()
    if count != before:  # setting them costs, even to what they are
        torch.set_num_threads(count)
    try:
        yield
    finally:
        if count != before:
            torch.set_num_threads(before)


@contextlib.contextmanager
def session(count: int, noise: Tensor) -> Iterator[None]:
    """Threads, denormal numbers and torch's random stream as a run wants them; as they were, afterwards.

    Args:
        count: CPU threads of torch.
        noise: (N,) uint8, a state of torch's default generator, for cells that draw noise of their own; written back in place.
    """
    stream, flushes = torch.get_rng_state(), _flushes()
    torch.set_flush_denormal(True)  # vanishing gradients are denormal numbers, and those take twice the time
    torch.set_rng_state(noise)
    try:
        with threads(count):
            yield
    finally:
        noise.copy_(torch.get_rng_state())
        torch.set_rng_state(stream)
        torch.set_flush_denormal(flushes)


def _flushes() -> bool:
    """Whether denormal numbers are zero in this thread; torch does not tell."""
    return float(torch.tensor(1e-30) * torch.tensor(1e-10)) == 0.0
