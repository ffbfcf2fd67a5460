"""The errors that a user sees as one line, and the functions that write such lines."""

from __future__ import annotations

import difflib
import errno
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

PLUGIN_FILES: set[str] = set()
"""The files of loaded tasks and cells. An exception that is raised in one of them is a fault of that file, not of rnnbench."""


class UserError(Exception):
    """Bad input. The message is one sentence: what is wrong, then what to do. The command line exits with 2."""


class FieldError(UserError):
    """Bad values of fields. ``{field}`` in ``text`` is a flag on the command line and a keyword in Python.

    ``values`` are the other words in braces.
    """

    def __init__(self, text: str, **values: object) -> None:
        self.text, self.values = text, values
        super().__init__(self.message(str))

    def message(self, name_of: Callable[[str], str]) -> str:
        """Return the text with the names that ``name_of`` returns for the fields."""
        return re.sub(r"\{(\w+)\}", lambda found: str(self.values.get(found[1], name_of(found[1]))), self.text)


class PluginError(UserError):
    """A broken task or cell file. Runs without that file are not affected."""


class LoadError(PluginError):
    """A task or cell file that Python cannot load, or that defines neither a task nor a cell."""


class BusyError(UserError):
    """A run that another process is training."""


class IncompleteWarning(UserWarning):
    """A row that is left out, because only a part of it is in its table. The command line prints the message as one line."""


class StorageError(Exception):
    """A failure of the machine, such as a full disk. The command line exits with 1; rerunning the command resumes."""


STORAGE_ERRNOS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""The ``errno`` values of a failure of the machine, not of the input."""


def storage_error_of(error: BaseException) -> StorageError | None:
    """Return the StorageError for an OSError that the machine caused; None for any other exception."""
    if isinstance(error, StorageError):
        return error
    if not isinstance(error, OSError) or error.errno not in STORAGE_ERRNOS:
        return None
    where = f" ({error.filename})" if error.filename else ""
    return StorageError(f"the machine is at a limit: {error.strerror}{where}; fix that and rerun the command")


def system_error_line(error: OSError) -> str:
    """Return what the operating system refused as one sentence, with what to do."""
    if "AF_UNIX" in str(error):
        return "the path of the folder for temporary files is too long for a sweep: set TMPDIR to a shorter one, such as /tmp"
    where = f"cannot use {shorten_repr(str(error.filename))}: " if error.filename is not None else ""
    return f"{where}{error.strerror or error}; fix that, or give another path"


def class_location(cls: type) -> str:
    """Return the file and the name of a class, for the start of a message: ``leaky.py, class Leaky``."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return f"{Path(file).name}, class {cls.__name__}" if file else f"class {cls.__name__}"


def plugin_error_line(error: BaseException) -> str | None:
    """Return ``leaky.py, line 12: NameError: ...`` if an exception was raised in a task's or a cell's file, else None.

    The line is the last one of such a file in the traceback. A Ctrl-C can interrupt any line, so a KeyboardInterrupt only counts
    if the file raises it. Running out of memory does not count either.
    """
    if isinstance(error, UserError | StorageError) or out_of_memory(error) or storage_error_of(error):
        return None
    if isinstance(error, SyntaxError) and error.filename in PLUGIN_FILES:
        return one_line(error)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in PLUGIN_FILES]
    if not frames or (isinstance(error, KeyboardInterrupt) and not raised_explicitly(error)):
        return None
    message = " ".join(str(error).split())[:300]
    location = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}"
    return f"{location}: {type(error).__name__}{f': {message}' if message else ''}"


def plugin_error_message(error: BaseException) -> str | None:
    """Return the message of an exception that the file of a task or a cell caused; None for any other."""
    return str(error) if isinstance(error, PluginError) else plugin_error_line(error)


def raised_explicitly(error: BaseException) -> bool:
    """Return True if a ``raise`` statement in a plug-in's or rnnbench's file raised this, rather than a call to a library."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames or "raise" not in (frames[-1].line or "").split():
        return False
    return frames[-1].filename in PLUGIN_FILES or Path(__file__).parent in Path(frames[-1].filename).parents


def out_of_memory(error: BaseException) -> bool:
    """Return True if Python, PyTorch's CPU allocator or a GPU ran out of memory."""
    text = str(error)
    return isinstance(error, MemoryError) or "can't allocate memory" in text or "CUDA out of memory" in text


def one_line(error: BaseException) -> str:
    """Return an exception as one line: its type, its message, and its file and line."""
    message = " ".join(str(error).split())[:300]
    if isinstance(error, UserError | StorageError):
        return message
    if out_of_memory(error):
        return f"out of memory: {message or type(error).__name__}"
    if isinstance(error, SyntaxError):
        return f"{Path(str(error.filename)).name}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    if message_of_plugin := plugin_error_line(error):
        return message_of_plugin
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {message}{where}" if message else f"{type(error).__name__}{where}"


def did_you_mean(name: str, known: Iterable[str], others: str = "there are") -> str:
    """Return the end of an error message: the most similar known name, else all of them after ``others``."""
    known = list(known)
    folded = {each.casefold(): each for each in known} | {each: each for each in known}
    close = difflib.get_close_matches(name[:200].casefold(), folded, n=1)
    return f": did you mean {folded[close[0]]!r}?" if close else f": {others} {', '.join(sorted(known))}"


def printable(text: str) -> str:
    """Return text with an escape such as ``\\x00`` for every character that a table or a terminal cannot show."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def visible(text: str) -> str:
    r"""Return text with its control characters as escapes such as ``\x1b``; line ends and tabs stay.

    A terminal, a browser or an SVG viewer would obey them: colours, a cleared screen, text that runs backwards.
    """
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def shorten_repr(value: object) -> str:
    """Return a wrong value as text for a message: one line of at most 60 characters."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a plug-in's repr, or a number with more digits than Python writes
        text = f"a {type(value).__name__} that cannot be shown"
    return text if len(text) <= 60 else f"{text[:57]}..."


def validation_message(error: ValidationError, name_of: Callable[[str], str], known: Iterable[str] = ()) -> str:
    """Return the first error that pydantic found, as a sentence: ``--gap must be a whole number, not 'ten'``.

    ``name_of`` returns the user's name of a field, such as ``--gap``; ``known`` are the names of all fields.
    """
    first = error.errors(include_url=False)[0]
    field, *inside = first["loc"] or ("the whole",)
    if not first["loc"] and "error" in first.get("ctx", {}):
        return FieldError(str(first["ctx"]["error"])).message(name_of)
    if first["type"] == "extra_forbidden":
        return f"unknown key {str(field)[:60]!r}{did_you_mean(str(field).replace('-', '_'), known)}"
    if first["type"] == "missing":
        return f"{name_of(str(field))} is missing"
    if first["type"] == "too_short":
        return f"{name_of(str(field))} needs at least one value"
    if first["type"] == "string_too_short":
        return f"{name_of(str(field))} must not be empty"
    entry = ""  # the position in a list or a table; pydantic may append the name of the type that it tried
    if inside and isinstance(inside[0], int) and inside[0] > 0:
        entry = f" (value {inside[0] + 1})"
    elif inside and isinstance(inside[0], str) and inside[0].isidentifier():
        entry = f" ({inside[0]})"
    return f"{name_of(str(field))}{entry} must be {expected_text(first)}, not {shorten_repr(first['input'])}"


def expected_text(error: ErrorDetails) -> str:
    """Return the values that one of ``ValidationError.errors()`` expected, as text."""
    error_type, limits = str(error["type"]), error.get("ctx", {})
    if len(error["loc"]) > 2:  # the value of an option: the first of several types that pydantic tried
        return "a number, a text, true or false"
    for start, text in EXPECTED_TEXTS.items():
        if error_type.startswith(start):
            return text.format_map({name: _limit_text(limit) for name, limit in limits.items()})
    return str(error["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")


EXPECTED_TEXTS = {
    "greater_than_equal": "at least {ge}", "greater_than": "above {gt}",
    "less_than_equal": "at most {le}", "less_than": "below {lt}",
    "int": "a whole number", "float": "a number", "finite": "a finite number", "bool": "true or false", "string": "a text",
    "is_instance_of": "of type {class}", "dict": "a table of key = value", "list": "a list", "literal": "{expected}",
}  # fmt: skip
"""The expected values as text, by the start of pydantic's name for the error."""


def _limit_text(limit: object) -> object:
    return f"{limit:,}" if isinstance(limit, int) else f"{limit:g}" if isinstance(limit, float) else limit
