"""The source of a plug-in: its digest, by which it is known, and how it reaches other processes."""

from __future__ import annotations

import hashlib
import inspect
from dataclasses import dataclass


@dataclass(frozen=True)
class Plugin:
    """What another process needs to have a class that is not installed there.

    Attributes:
        word: ``task`` or ``cell``.
        where: the path of its file, or the module of its class, for messages.
        content: the source of the file as it was read, or the class as cloudpickle wrote it.
        pickled: the digest of the class's source if it was pickled; else empty.
    """

    word: str
    where: str
    content: bytes
    pickled: str = ""


def is_path(spec: str) -> bool:
    """Whether a task or a cell is given by the path of its file."""
    return spec.endswith(".py") or "/" in spec or "\\" in spec


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()[:12]


def source_of(kind: type) -> bytes:
    """The text that a class was made from; where there is none, its attributes and what its functions compile to."""
    try:
        return inspect.getsource(kind).encode()
    except (OSError, TypeError):
        pass
    parts = []
    for name, value in sorted(vars(kind).items()):
        code = getattr(value, "__code__", None)
        if code is None:
            if not name.startswith("_"):
                parts.append(f"{name}={value!r}")
            continue
        try:
            parts.append(inspect.getsource(value))
        except (OSError, TypeError):
            parts.append(f"{name}:{code.co_code.hex()}:{code.co_consts!r}:{code.co_names!r}")
    return "\n".join(parts).encode()
