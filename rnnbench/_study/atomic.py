"""Writes that a crash cannot split: a file holds its old or its new content, never a part of either."""

from __future__ import annotations

import contextlib
import io
import os
import stat
import tempfile
import time
import warnings
import weakref
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from rnnbench._errors import StorageError, UserError

WINDOWS = os.name == "nt"
REPLACE_S = 2.0
"""Seconds to wait on Windows for other processes to close a file that is replaced."""


class OpenedFile:
    """The identity of a file that was read, which shows whether a path still leads to it.

    A file system may give the inode of a deleted file to the next one, so the file is held open. Windows numbers a file once, and
    does not let other processes replace one that is open.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._status = os.fstat(file.fileno())
        if not WINDOWS:
            weakref.finalize(self, os.close, os.dup(file.fileno()))

    def is_same(self, file: IO[bytes]) -> bool:
        """Return True if ``file`` is the same file, perhaps with more content."""
        return os.path.samestat(self._status, os.fstat(file.fileno()))


def append(path: Path, text: str) -> None:
    """Append complete lines to a file in one write, flushed to the disk; cut off a torn last line of an earlier crash.

    If the disk is full or broken, raise StorageError; the file is as before. Raise UserError for a link, which may lead anywhere.
    """
    if path.is_symlink():
        raise UserError(f"{path} is a link to another file: put the file itself in its place")
    try:
        with path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            whole = _whole_length(file, end)
            if whole < end:
                file.truncate(whole)
            try:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
            except OSError:
                os.ftruncate(file.fileno(), whole)  # a full disk may take half of a line
                raise
    except OSError as error:
        raise storage_error(path, error) from error


def replace(path: Path, content: bytes) -> None:
    """Write a file, all or nothing; raises StorageError as :func:`append` does."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        temporary.unlink(missing_ok=True)
        with temporary.open("xb") as file:  # a new file: a link of that name, in somebody else's study, is not followed
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        put_in_place(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise storage_error(path, error) from error


def put_in_place(temporary: Path, path: Path) -> None:
    """Rename a file. Windows refuses that while another process reads the old one, so try for :data:`REPLACE_S` there."""
    deadline = time.monotonic() + REPLACE_S
    while True:
        try:
            temporary.replace(path)
            return
        except PermissionError:
            if not WINDOWS or time.monotonic() > deadline:
                raise
            time.sleep(0.01)


def save_tensors(path: Path, content: Mapping[str, object]) -> None:
    """Write plain tensors and scalars with ``torch.save``, all or nothing; raises StorageError as :func:`append` does."""
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    replace(path, buffer.getvalue())


def load_tensors(path: Path) -> dict[str, Any]:
    """Read a file of :func:`save_tensors` without running code that it may contain; raises UserError for any other file."""
    import torch

    check_regular(path)
    try:
        with warnings.catch_warnings(action="ignore"):  # torch also warns about damaged files
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many classes of exceptions for a damaged file
        raise unreadable(path) from error
    if not isinstance(content, dict):
        raise unreadable(path)
    return content


def check_regular(path: Path) -> None:
    """Raise UserError for a pipe, a device or a socket, which can be read without end; a path that does not exist passes."""
    with contextlib.suppress(OSError):  # reported when it is opened
        mode = path.stat().st_mode
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise UserError(f"cannot read {path}: it is not a regular file")


def unreadable(path: Path) -> UserError:
    """Return the error for a checkpoint or weights that cannot be used; of a finished run only --force makes new ones."""
    remedy = "repeat the run with `rnnbench run --force`" if path.parent.name == "weights" else "delete it, and the run starts over"
    return UserError(f"{path} is damaged, or of another run: {remedy}")


def storage_error(path: Path, error: OSError) -> StorageError:
    """Return the StorageError for an OSError in writing."""
    return StorageError(f"cannot write {path}: {error.strerror}; fix that and rerun the command")


def _whole_length(file: io.BufferedRandom, end: int) -> int:
    """Return the number of bytes up to and including the last newline."""
    position = end
    while position > 0:
        step = min(4096, position)
        file.seek(position - step)
        found = file.read(step).rfind(b"\n")
        if found >= 0:
            return position - step + found + 1
        position -= step
    return 0


def locked(path: Path) -> bool:
    """Return True if a process holds the lock of this file."""
    try:
        import fcntl
    except ImportError:  # Windows: a lock can only be tried by taking it
        if not path.exists():
            return False
        with contextlib.suppress(Timeout), FileLock(path, timeout=0):
            return False
        return True
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no file, or a file system without locks, where no run starts
        pass
    return False


def check_locks(folder: Path) -> None:
    """Raise UserError if the file system of a folder has no locks, as some network drives."""
    try:
        import fcntl
    except ImportError:  # Windows, whose file systems all have them
        return
    with tempfile.TemporaryFile(dir=folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            problem = f"the file system of {folder} has no locks ({error.strerror}), so two processes could train one run"
            raise UserError(f"{problem}: choose a folder on a local disk with --out") from error
