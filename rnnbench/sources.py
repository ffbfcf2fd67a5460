"""What a plug-in is known by: the digest of the source that it was made from."""

from __future__ import annotations

import hashlib
import inspect


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
