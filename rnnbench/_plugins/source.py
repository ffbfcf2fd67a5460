"""The source of a plug-in: its digest, by which it is known, and how it reaches other processes."""

from __future__ import annotations

import ast
import hashlib
from dataclasses import dataclass

from rnnbench._plugins.reached import described, installed, reached


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
    """What a class is made of, as text: :func:`rnnbench._plugins.reached.reached`, the same in every process.

    A notebook's class is more than its own lines: a constant or a helper function beside it decides its numbers as well. Functions
    are described by what Python made of them, which differs from one version of Python to the next.
    """
    return "\n".join(f"{place}: {described(read())}" for place, read in sorted(reached(kind).items())).encode()


def source_of_file(content: bytes, kind: type) -> bytes:
    """What the class of a file is made of: the file, and what it reaches if the file imports modules that nobody installed."""
    imports = [node for node in ast.walk(ast.parse(content)) if isinstance(node, (ast.Import, ast.ImportFrom))]
    modules = {getattr(node, "module", None) or alias.name for node in imports for alias in node.names}
    own = all(installed(module.partition(".")[0]) for module in modules)
    return content if own else content + source_of(kind)
