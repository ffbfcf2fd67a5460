"""Errors that a user can mend: the command line prints them as one line and exits with 2."""

from __future__ import annotations

import difflib
import errno
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

PLUGIN_FILES: set[str] = set()
"""Files of tasks and cells that were loaded. What is raised in one of them is a mistake there, not one of rnnbench."""


class UserError(Exception):
    """Bad input. The message is one sentence that says what would be right."""


class PluginError(UserError):
    """The file of a task or a cell is at fault, and nothing that goes without it."""


class BusyError(UserError):
    """Another process has the run that was asked for."""


class StorageError(Exception):
    """The machine did not do its part, such as a full disk; the command line exits with 1, and the same command tries again."""


MACHINE = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS)
"""What an OSError is called for which the machine is to blame, not the input."""


def machine_fault(error: BaseException) -> StorageError | None:
    """What is said of an OSError for which the machine is to blame; None for any other exception."""
    if isinstance(error, StorageError):
        return error
    if not isinstance(error, OSError) or error.errno not in MACHINE:
        return None
    where = f" ({error.filename})" if error.filename else ""
    return StorageError(f"the machine is at a limit: {error.strerror}{where}; mend that and give the same command again")


def place(kind: type) -> str:
    """Where a class stands, for the start of a message: ``leaky.py, class Leaky``."""
    file = getattr(sys.modules.get(kind.__module__), "__file__", None)
    return f"{Path(file).name}, class {kind.__name__}" if file else f"class {kind.__name__}"


def blame(error: BaseException) -> str | None:
    """``leaky.py, line 12: NameError: ...`` if an exception comes out of a task's or a cell's file, else None.

    The line is the last one of such a file on the way to the exception. A Ctrl-C strikes anywhere, and is nobody's unless the file
    raises it; running out of memory is not the file's mistake either.
    """
    if isinstance(error, UserError | StorageError) or out_of_memory(error) or machine_fault(error):
        return None
    if isinstance(error, SyntaxError) and error.filename in PLUGIN_FILES:
        return one_line(error)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in PLUGIN_FILES]
    if not frames or (isinstance(error, KeyboardInterrupt) and not raised_explicitly(error)):
        return None
    message = " ".join(str(error).split())[:300]
    kind = type(error).__name__
    return f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}: {kind}{f': {message}' if message else ''}"


def fault_of_file(error: BaseException) -> str | None:
    """What is said of an exception for which the file of a task or a cell is to blame; None for any other."""
    return str(error) if isinstance(error, PluginError) else blame(error)


def raised_explicitly(error: BaseException) -> bool:
    """Return True if a ``raise`` statement in a plug-in's or rnnbench's file raised this, rather than a call to a library."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or "raise" not in (frames[-1].line or "").split():
        return False
    return frames[-1].filename in PLUGIN_FILES or Path(__file__).parent in Path(frames[-1].filename).parents


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


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message: the likely meaning, else all there is."""
    known = list(known)
    close = difflib.get_close_matches(name[:200], known, n=1)
    return f": did you mean {close[0]!r}?" if close else f": there are {', '.join(sorted(known))}"


def shown(value: object) -> str:
    """A wrong value as a message shows it: in one line, and not all of a long one."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a repr of somebody else's, or a number of more digits than Python writes
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= 60 else f"{text[:57]}..."


def mistake(error: ValidationError, place: Callable[[str], str], known: Iterable[str] = ()) -> str:
    """The first mistake that pydantic found, in a sentence: ``--gap must be a whole number, not 'ten'``.

    Args:
        error: what pydantic raised.
        place: says where a field was given, such as ``--gap``.
        known: the fields that exist.
    """
    first = error.errors(include_url=False)[0]
    field, *inside = first["loc"] or ("the whole",)
    if first["type"] == "extra_forbidden":
        return f"unknown key {str(field)[:60]!r}{did_you_mean(str(field).replace('-', '_'), known)}"
    if first["type"] == "missing":
        return f"{place(str(field))} is missing"
    if first["type"] == "too_short":
        return f"{place(str(field))} needs at least one value"
    if first["type"] == "string_too_short":
        return f"{place(str(field))} must not be empty"
    entry = ""  # the place in a list or a table; what else may follow is pydantic's name for the kind that it tried
    if inside and isinstance(inside[0], int) and inside[0] > 0:
        entry = f" (value {inside[0] + 1})"
    elif inside and isinstance(inside[0], str) and inside[0].isidentifier():
        entry = f" ({inside[0]})"
    return f"{place(str(field))}{entry} must be {wanted(first)}, not {shown(first['input'])}"


def wanted(error: ErrorDetails) -> str:
    """What would have been right, from one of ``ValidationError.errors()``."""
    kind, limits = str(error["type"]), error.get("ctx", {})
    if len(error["loc"]) > 2:  # the first of several kinds that were tried: the value of an option
        return "a number, a text, true or false"
    for start, what in WANTED.items():
        if kind.startswith(start):
            return what.format_map({name: _number(limit) for name, limit in limits.items()})
    return str(error["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")


WANTED = {
    "greater_than_equal": "at least {ge}", "greater_than": "above {gt}",
    "less_than_equal": "at most {le}", "less_than": "below {lt}",
    "int": "a whole number", "float": "a number", "finite": "a finite number", "bool": "true or false", "string": "a text",
    "dict": "a table of key = value", "list": "a list", "literal": "{expected}",
}  # fmt: skip
"""By the start of pydantic's name for a mistake, what would have been right."""


def _number(limit: object) -> object:
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:g}" if isinstance(limit, float) else limit
