"""Errors that a user can mend: the command line prints them as one line and exits with 2."""

from __future__ import annotations

import sys
from pathlib import Path


class UserError(Exception):
    """Bad input. The message is one sentence that says what would be right."""


class BusyError(UserError):
    """Another process is at the run that was asked for."""


class StorageError(Exception):
    """The disk did not take a file; the command line exits with 1."""


def place(kind: type) -> str:
    """Where a class stands, for the start of a message: ``leaky.py, class Leaky``."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return f"{Path(file).name}, class {kind.__name__}" if file else f"class {kind.__name__}"


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of Python, of PyTorch's CPU allocator or of a GPU."""
    text = str(error)
    return isinstance(error, MemoryError) or "can't allocate memory" in text or "CUDA out of memory" in text
