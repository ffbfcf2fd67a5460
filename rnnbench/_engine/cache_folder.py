"""The folder for compiled code. It holds code that is run, so it must be the user's own, and nobody else may write to it."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import os
import stat
import tempfile
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).parent
LOG = logging.getLogger(__name__)
BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


@cache
def cache_folder() -> Path | None:
    """Return the folder for generated code; None if there is none that can be used. Log which folder is used instead of which."""
    refused = []
    for place in _places():
        try:
            _make(place / "__pycache__")  # numba's part of the cache
            if problem := insecure(place / "__pycache__"):
                refused.append(problem)
                continue
            with tempfile.TemporaryFile(dir=place):
                _log(refused, f"compiled cells are kept in {place}")
                return place
        except OSError:
            continue
    problems = refused or ["no cache folder is writable"]
    _log(problems, "compiled cells are not kept: set XDG_CACHE_HOME to a folder that only you can write to")
    return None


def _places() -> list[Path]:
    places = [Path(os.environ["XDG_CACHE_HOME"]) / "rnnbench"] if os.environ.get("XDG_CACHE_HOME") else []
    with contextlib.suppress(RuntimeError):  # no home folder
        places.append(Path.home() / ".cache" / "rnnbench")
    return [*places, PACKAGE / "__pycache__"]


def _make(folder: Path) -> None:
    """Create a folder and the missing ones above it, for this user only."""
    for each in reversed([folder, *folder.absolute().parents]):
        each.mkdir(mode=0o700, exist_ok=True)


def insecure(folder: Path) -> str:
    """Return why somebody else could put files into a folder or replace it; empty if nobody but this user and root can.

    The folder and the one above it must be this user's. Folders further up may be root's, and others may write to them if they are
    sticky, like /tmp.
    """
    if not hasattr(os, "geteuid"):  # Windows: the cache is below the user's profile
        return ""
    user, inner = os.geteuid(), (folder, folder.parent)
    for each in (*inner, *folder.absolute().parents[1:], *folder.resolve().parents):
        about = each.stat()
        if about.st_uid != user and (each in inner or about.st_uid != 0):
            return f"{each} belongs to another user"
        if about.st_mode & BY_OTHERS and (each in inner or not about.st_mode & stat.S_ISVTX):
            return f"others can write to {each} (chmod go-w would change that)"
    return ""


def _log(problems: list[str], result: str) -> None:
    if problems and multiprocessing.parent_process() is None:  # workers leave it to the process that started them
        LOG.warning("%s; %s", "; ".join(problems), result)
