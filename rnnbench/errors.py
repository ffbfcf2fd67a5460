"""Errors that a user can mend: the command line prints them as one line and exits with 2."""

from __future__ import annotations

import contextlib
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path


class UserError(Exception):
    """Bad input. The message is one sentence that says what would be right."""


class BusyError(UserError):
    """Another process has the run that was asked for."""


class StorageError(Exception):
    """The disk did not take a file; the command line exits with 1, and the same command tries again."""


def place(kind: type) -> str:
    """Where a class stands, for the start of a message: ``leaky.py, class Leaky``."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return f"{Path(file).name}, class {kind.__name__}" if file else f"class {kind.__name__}"


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of Python, of PyTorch's CPU allocator or of a GPU."""
    text = str(error)
    return isinstance(error, MemoryError) or "can't allocate memory" in text or "CUDA out of memory" in text


def one_line(error: BaseException) -> str:
    """An exception as one line: what it was, and where in which file."""
    message = " ".join(str(error).split())[:300]
    if isinstance(error, (UserError, StorageError)):
        return message
    if out_of_memory(error):
        return f"out of memory: {message or type(error).__name__}"
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}, line {error.lineno})"
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {message}{where}" if message else f"{type(error).__name__}{where}"


@contextlib.contextmanager
def strangers(where: str) -> Iterator[None]:
    """Run code of a plug-in: whatever it raises, ``sys.exit`` included, becomes a UserError that says where.

    Errors of ours pass, and so does Ctrl-C unless the plug-in's own file raised it.
    """
    try:
        yield
    except (UserError, StorageError):
        raise
    except BaseException as error:
        if isinstance(error, GeneratorExit) or out_of_memory(error):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if where.endswith(frame.filename)]
        if isinstance(error, KeyboardInterrupt) and not (own and "KeyboardInterrupt" in (own[-1].line or "")):
            raise
        if isinstance(error, SyntaxError):
            raise UserError(f"{where} is broken: {one_line(error)}") from error
        line = f", line {own[-1].lineno}" if own else ""
        message = " ".join(str(error).split())[:300]
        raise UserError(f"{where}{line}: {type(error).__name__}{': ' + message if message else ''}") from error
