"""The files that a plug-in declares, such as a data set or weights: their content is part of its identity."""

from __future__ import annotations

import hashlib
import sys
from functools import lru_cache
from pathlib import Path

from rnnbench._errors import PluginError, UserError


def declared_files(cls: type, folder: Path | None = None) -> list[Path]:
    """Return the paths that a class declares in ``files``.

    They are relative to ``folder``. Default: the folder of the file that declares them, or the current one for a notebook.
    """
    owner = next((base for base in cls.__mro__ if "files" in vars(base)), cls)
    names = getattr(owner, "files", ())
    if not isinstance(names, (tuple, list)) or not all(isinstance(name, (str, Path)) for name in names):
        raise PluginError(f"{cls.__name__}.files must be a tuple of paths, as in files = ('data.csv',)")
    module_file = getattr(sys.modules.get(owner.__module__), "__file__", None)
    base = folder if folder is not None else Path(module_file).parent if module_file else Path()
    return [base / name for name in names]


def files_digest(cls: type, folder: Path | None = None) -> bytes:
    """Return what identifies the declared files of a class: their names and digests; empty without any.

    Raises:
        UserError: a file cannot be read.
    """
    lines = []
    for path in declared_files(cls, folder):
        try:
            stat = path.stat()
            lines.append(f"\nfile {path.name} {_digest(path.resolve(), stat.st_mtime_ns, stat.st_ctime_ns, stat.st_size)}")
        except OSError as error:
            why = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror
            advice = "put it there, or correct `files`"
            raise UserError(f"{cls.__name__} declares {path}, which cannot be read: {why}; {advice}") from error
    return "".join(lines).encode()


@lru_cache(maxsize=256)
def _digest(path: Path, modified: int, changed: int, size: int) -> str:
    """Return the digest of a file, which is read again once its times or its size change."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
