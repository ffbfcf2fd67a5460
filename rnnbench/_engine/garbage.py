"""A context in which Python's garbage collector is off, for the first use of the engine."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Switch the collector off inside the block.

    numba creates tens of thousands of objects while it is imported and compiles. Each collection would also traverse all objects of
    torch, which takes a tenth of a second.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if gc.get_freeze_count() == 0:
                gc.freeze()  # moves all objects to the oldest generation without traversing them
                gc.unfreeze()
            gc.enable()
