"""A record of what a command executes, writes, connects to and starts, from Python's audit events."""

import contextlib
import errno
import os
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import CodeType

import matplotlib.font_manager  # noqa: F401  # it makes a folder for its settings when it is first imported

from rnnbench._engine.cache_folder import cache_folder

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
CONNECTS = ("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")


class Watch:
    """A hook that cannot be removed; it records inside :meth:`over` only."""

    def __init__(self) -> None:
        self.seen: list[str] | None = None
        self.read_only = ""
        sys.addaudithook(self._hook)

    @contextlib.contextmanager
    def refusing_writes(self, folder: Path) -> Iterator[None]:
        """Refuse every write in a folder inside the block, as a file system that is mounted read-only; root is refused too."""
        access = os.access
        self.read_only = str(folder.resolve())
        os.access = lambda path, mode, **how: (
            not (mode & os.W_OK and self._inside(path, self.read_only)) and access(path, mode, **how)
        )
        try:
            yield
        finally:
            self.read_only, os.access = "", access

    @contextlib.contextmanager
    def over(self, study: Path, writable: Path) -> Iterator[list[str]]:
        """Record code that comes from ``study``, connections, processes, and writes outside of ``writable``."""
        self.study, self.writable, self.seen = str(study.resolve()), str(writable.resolve()), []
        try:
            yield self.seen
        finally:
            self.seen = None

    def _hook(self, event: str, arguments: tuple) -> None:
        for path in self._written(event, arguments) if self.read_only else []:
            if self._inside(path, self.read_only):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        seen = self.seen
        if seen is None:
            return
        self.seen = None  # what the hook does itself is not recorded
        try:
            if found := self._found(event, arguments):
                seen.append(found)
        finally:
            self.seen = seen

    def _found(self, event: str, arguments: tuple) -> str:
        if event == "exec" and isinstance(arguments[0], CodeType):
            return f"exec {arguments[0].co_filename}" if self._inside(arguments[0].co_filename, self.study) else ""
        if event in CONNECTS:
            return f"{event} {arguments}"
        outside = [str(path) for path in self._written(event, arguments) if not self._allowed(path)]
        return f"{event} {outside}" if outside else ""

    def _written(self, event: str, arguments: tuple) -> list[str | os.PathLike]:
        """Return the paths that an event writes to."""
        paths = ()
        if event == "open" and arguments[2] & WRITES:
            paths = arguments[:1]
        elif event in ("os.rename", "os.link", "os.symlink"):
            paths = arguments[:2]
        elif event in ("os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod"):
            paths = arguments[:1]
        return [path for path in paths if isinstance(path, str | os.PathLike)]

    def _allowed(self, path: str | os.PathLike) -> bool:
        spare = (self.writable, os.devnull, str(cache_folder()))  # the last one is the folder for compiled cells
        return "__pycache__" in Path(path).parts or any(self._inside(path, place) for place in spare) or self._is_temporary(path)

    def _is_temporary(self, path: str | os.PathLike) -> bool:
        return Path(path).parent == Path(tempfile.gettempdir())  # a file of tempfile, not of the test's folder

    def _inside(self, path: str | os.PathLike, place: str) -> bool:
        whole = os.path.realpath(path)
        return whole == place or whole.startswith(place + os.sep)


@cache
def watch() -> Watch:
    """Return the hook of this process."""
    return Watch()
