"""Errors that a user can mend: the command line prints them as one line and exits with 2."""

from __future__ import annotations

import sys
import traceback
from opcode import opmap
from pathlib import Path

STRANGERS: set[str] = set()
"""Files of tasks and cells that were loaded. What is raised in one of them is a mistake there, not one of rnnbench."""


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


def blame(error: BaseException) -> str | None:
    """``leaky.py, line 12: NameError: ...`` if an exception comes out of a task's or a cell's file, else None.

    The line is the last one of such a file on the way to the exception. A Ctrl-C strikes anywhere, and is nobody's unless the file
    raises it; running out of memory is not the file's mistake either.
    """
    if isinstance(error, UserError | StorageError) or out_of_memory(error):
        return None
    if isinstance(error, SyntaxError) and error.filename in STRANGERS:
        return one_line(error)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in STRANGERS]
    if not frames or (isinstance(error, KeyboardInterrupt) and not raised_by_hand(error)):
        return None
    message = " ".join(str(error).split())[:300]
    kind = type(error).__name__
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: {kind}{f': {message}' if message else ''}"


def raised_by_hand(error: BaseException) -> bool:
    """Whether a ``raise`` in a task's, a cell's or rnnbench's own file made this exception, and not a call to something else."""
    last = error.__traceback__
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    if last is None:
        return False
    code = last.tb_frame.f_code
    ours = code.co_filename in STRANGERS or Path(__file__).parent in Path(code.co_filename).parents
    return ours and code.co_code[last.tb_lasti] == opmap["RAISE_VARARGS"]


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of Python, of PyTorch's CPU allocator or of a GPU."""
    text = str(error)
    return isinstance(error, MemoryError) or "can't allocate memory" in text or "CUDA out of memory" in text


def one_line(error: BaseException) -> str:
    """An exception as one line: what it was, and where in which file."""
    message = " ".join(str(error).split())[:300]
    if isinstance(error, UserError | StorageError):
        return message
    if out_of_memory(error):
        return f"out of memory: {message or type(error).__name__}"
    if isinstance(error, SyntaxError):
        return f"{Path(str(error.filename)).name}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    if told := blame(error):
        return told
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {message}{where}" if message else f"{type(error).__name__}{where}"
