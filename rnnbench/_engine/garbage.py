"""Python's garbage collector kept out of the first use of the engine."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Switch the collector off for a while.

    numba makes objects by the ten thousand as it is imported and compiles; whenever it has made enough of them the collector would
    walk through all of torch's too, a tenth of a second each time.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            if gc.get_freeze_count() == 0:
                gc.freeze()  # all that was made now counts as old, without a walk through it
                gc.unfreeze()
            gc.enable()
