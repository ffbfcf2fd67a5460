"""Compiled functions from emitted text: one file per cell in the user's cache folder, with numba's cache next to it.

The file's name is a digest of its text, of the code that it calls and of the versions that compile it. So an upgrade or an edit
never loads stale code. Files are written to a temporary name and renamed, so that two processes can write at once.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import linecache
import logging
import os
import platform
import sys
import tempfile
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite
import numba
from numba import cfunc

from rnnbench._engine import blas, functions, intrinsics, tile

PACKAGE = Path(__file__).parent
LOG = logging.getLogger(__name__)


@cache
def folder() -> Path | None:
    """Return the folder for generated code; None if no such folder can be written to."""
    places = [Path(os.environ["XDG_CACHE_HOME"]) / "rnnbench"] if os.environ.get("XDG_CACHE_HOME") else []
    with contextlib.suppress(RuntimeError):  # no home folder
        places.append(Path.home() / ".cache" / "rnnbench")
    for place in [*places, PACKAGE / "__pycache__"]:
        try:
            place.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place):
                return place
        except OSError:
            continue
    LOG.warning("no cache folder is writable, so compiled cells are not kept: set XDG_CACHE_HOME to a writable folder")
    return None


@cache
def base() -> str:
    """Return what compiled code depends on in addition to its text: versions, and the code that it calls."""
    versions = (platform.python_version(), numba.__version__, llvmlite.__version__)
    return "\n".join(
        [*versions, *(Path(str(module.__file__)).read_text("utf-8") for module in (blas, intrinsics, functions, tile))]
    )


@cache
def load(text: str) -> ModuleType:
    """Return the module of that text, its functions compiled at their first call or loaded from the cache."""
    name = f"rnnbench_{hashlib.sha256((base() + text).encode()).hexdigest()[:20]}"
    place = folder()
    if place is not None:
        try:
            return _module(name, place / f"{name}.py", text)
        except (OSError, RuntimeError) as error:  # numba's cache folder is not writable, or the disk is full
            LOG.warning("compiled cells are not kept: %s", error)
    module = ModuleType(name)
    lines = text.replace("@cached", "@uncached")
    linecache.cache[f"<{name}>"] = (len(lines), None, lines.splitlines(keepends=True), f"<{name}>")
    exec(compile(lines, f"<{name}>", "exec"), module.__dict__)
    return module


def c_function(function: Any, signature: Any) -> Any:
    """Return a function of :func:`load`'s module as a C function, compiled now or loaded from the cache."""
    options: dict[str, Any] = {"error_model": "numpy", "fastmath": {"contract"}}
    if Path(function.__code__.co_filename).exists():
        with contextlib.suppress(OSError, RuntimeError):  # numba's cache folder is not writable: load has logged it
            return cfunc(signature, cache=True, **options)(function)
    return cfunc(signature, **options)(function)


def _module(name: str, path: Path, text: str) -> ModuleType:
    if not path.exists():
        with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, suffix=".tmp", delete=False) as file:
            file.write(text)
        Path(file.name).replace(path)
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module
