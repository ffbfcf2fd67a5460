"""Compiled functions from emitted text: one file per cell in the user's cache folder, with numba's cache next to it.

The file's name is a digest of its text, of the code that it calls and of the versions that compile it. So an upgrade or an edit
never loads stale code. Files are written to a temporary name and renamed, so that two processes can write at once. Compiled code is
stored with its digest, and a damaged file is written again.
"""

from __future__ import annotations

import contextlib
import hashlib
import linecache
import logging
import os
import pickle
import platform
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import llvmlite
import numba
from numba.core.caching import FunctionCache, IndexDataCacheFile
from numba.core.ccallback import CFunc
from numba.core.dispatcher import Dispatcher
from numba.core.sigutils import normalize_signature

from rnnbench._engine import blas, functions, intrinsics, tile
from rnnbench._engine.cache_folder import cache_folder

LOG = logging.getLogger(__name__)
DIGEST = hashlib.sha256().digest_size


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
    place = cache_folder()
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
        for _ in range(2):
            try:
                with _only_our_folder():
                    return _c_function(function, signature, options, cached=True)
            except Exception:  # a damaged file, read in many ways; or a full disk, which load has logged
                _discard(function)
    return _c_function(function, signature, options, cached=False)


def _c_function(function: Any, signature: Any, options: dict[str, Any], cached: bool) -> Any:
    """Return what ``numba.cfunc`` does; its cache has to be changed before it compiles."""
    compiled: Any = CFunc(function, normalize_signature(signature), {}, options)
    if cached:
        compiled.enable_caching()
        _store_digests(compiled._cache)
    compiled.compile()
    return compiled


def _module(name: str, path: Path, text: str) -> ModuleType:
    """Return the module of a text, which numba's cache finds by its file; what the file held before is never run."""
    content = text.encode()
    if not path.is_file() or path.read_bytes() != content:
        with tempfile.NamedTemporaryFile("wb", dir=path.parent, suffix=".tmp", delete=False) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(file.name).replace(path)
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module
    with _only_our_folder():
        exec(compile(text, str(path), "exec"), module.__dict__)
    for function in vars(module).values():
        if isinstance(function, Dispatcher) and function.__module__ == name:
            _tolerate_damage(function)
    return module


@contextlib.contextmanager
def _only_our_folder() -> Iterator[None]:
    """Keep numba's cache next to the generated code inside the block: NUMBA_CACHE_DIR may be a folder that others write to."""
    config: Any = numba.config
    given, config.CACHE_DIR = config.CACHE_DIR, ""
    try:
        yield
    finally:
        config.CACHE_DIR = given


def _tolerate_damage(function: Any) -> None:
    """Let a function be compiled if its file in the cache is damaged, and be used if it cannot be written."""
    stored = function._cache
    _store_digests(stored)
    load_overload, save_overload = stored.load_overload, stored.save_overload

    def load_or_discard(*arguments: Any) -> Any:
        try:
            return load_overload(*arguments)
        except Exception:  # unpickling raises many types
            _discard(function.py_func)
            return None

    def save_if_possible(*arguments: Any) -> None:
        try:
            save_overload(*arguments)
        except OSError as error:
            LOG.warning("compiled cells are not kept: %s", error)

    stored.load_overload, stored.save_overload = load_or_discard, save_if_possible


class _FilesWithDigest(IndexDataCacheFile):
    """Files of numba's cache that begin with a digest of the rest: machine code that was damaged on the disk never runs."""

    def _save_data(self, name: str, data: Any) -> None:
        content = self._dump(data)
        with self._open_for_write(self._data_path(name)) as file:
            file.write(hashlib.sha256(content).digest() + content)

    def _load_data(self, name: str) -> Any:
        stored = Path(self._data_path(name)).read_bytes()
        digest, content = stored[:DIGEST], stored[DIGEST:]
        if hashlib.sha256(content).digest() != digest:
            raise ValueError(f"{name} is damaged")
        return pickle.loads(content)


def _store_digests(stored: FunctionCache) -> None:
    stored._cache_file.__class__ = _FilesWithDigest


def _discard(function: Any) -> None:
    """Delete the cached code of a function."""
    file = Path(function.__code__.co_filename)
    for cached in (file.parent / "__pycache__").glob(f"{file.stem}.{function.__qualname__}-*"):
        with contextlib.suppress(OSError):
            cached.unlink()
