"""The settings of the process that a run changes while it trains, and restores."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

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
def full_precision() -> Iterator[None]:
    """Let cuDNN multiply in float32 inside the block, not in TF32, its default, which has 10 bits; restore the default on exit."""
    cudnn: Any = torch.backends.cudnn
    exact: object
    owners, name, exact = [cudnn], "allow_tf32", False
    if hasattr(cudnn, "fp32_precision"):  # since PyTorch 2.9
        owners, name, exact = [cudnn.rnn, cudnn.conv], "fp32_precision", "ieee"
    before = [getattr(owner, name) for owner in owners]
    try:
        for owner in owners:
            setattr(owner, name, exact)
        yield
    finally:
        for owner, value in zip(owners, before, strict=True):
            setattr(owner, name, value)


@contextlib.contextmanager
def training_settings(count: int, noise: Tensor, device: str) -> Iterator[None]:
    """Set threads, denormal numbers and torch's random stream for a run inside the block; restore them on exit.

    ``noise`` (N,) uint8 is the state of torch's default generator inside the block, for cells that draw random numbers in ``step``.
    The state on exit is written to it in place. On CUDA, products keep full precision.
    """
    stream, flushes = torch.get_rng_state(), _flushes()
    torch.set_flush_denormal(True)  # vanishing gradients are denormal numbers, which take twice the time
    torch.set_rng_state(noise)
    try:
        with threads(count), full_precision() if device != "cpu" else contextlib.nullcontext():
            yield
    finally:
        noise.copy_(torch.get_rng_state())
        torch.set_rng_state(stream)
        torch.set_flush_denormal(flushes)


def _flushes() -> bool:
    """Return True if this thread sets denormal numbers to zero; torch has no function for that."""
    return float(torch.tensor(1e-30) * torch.tensor(1e-10)) == 0.0
