"""Files that a crash leaves whole: the old content or the new one, never half of either."""

from __future__ import annotations

import contextlib
import io
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from rnnbench._errors import StorageError, UserError


def append(path: Path, text: str) -> None:
    """Add whole lines to a file: one write, on the disk before it returns; a torn last line of an earlier crash is cut off.

    Raises:
        StorageError: the disk is full or broken, or does not take it; the file is as before.
    """
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
    """Write a file, all or nothing; raises as :func:`append`."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise storage_error(path, error) from error


def save_tensors(path: Path, content: Mapping[str, object]) -> None:
    """``torch.save`` of plain tensors and scalars, all or nothing; raises as :func:`append`."""
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    replace(path, buffer.getvalue())


def load_tensors(path: Path) -> dict[str, Any]:  # what torch finds there
    """Read what :func:`save_tensors` wrote; runs no code that a file may hide. Raises UserError for anything else."""
    import torch

    try:
        with warnings.catch_warnings(action="ignore"):  # of damaged files torch warns as well
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise unreadable(path) from error
    if not isinstance(content, dict):
        raise unreadable(path)
    return content


def unreadable(path: Path) -> UserError:
    """What is said of a checkpoint or of weights that are not ours."""
    return UserError(f"{path} is damaged, or of another run: delete it, and the run starts over")


def storage_error(path: Path, error: OSError) -> StorageError:
    """What an OSError in writing means."""
    return StorageError(f"cannot write {path}: {error.strerror}; mend that and give the same command again")


def _whole_length(file: io.BufferedRandom, end: int) -> int:
    """Bytes up to and with the last newline."""
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
    """Whether a process holds the lock of this file."""
    try:
        import fcntl
    except ImportError:  # Windows: a lock can only be tried by taking it
        with contextlib.suppress(Timeout), FileLock(path, timeout=0):
            return False
        return True
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return False
    except FileNotFoundError:
        return False
    except OSError:
        return True
