"""One command after the other, each killed at one point where it touches the disk; forked from a process that has torch loaded.

    python -m tests.hardening.killed FIRST KILLED AGAIN

runs, for n = 1, 2, ... and each in a folder of its own: the commands FIRST undisturbed, KILLED until the n-th touch of the disk,
and AGAIN undisturbed; commands are JSON lists of words, FIRST a list of such lists. The folder is called after n, and holds ``touch``:
what the killed command was about to do. It ends at the first n that KILLED does not reach.
"""

import io
import json
import os
import sys
from pathlib import Path

import rnnbench.cli
import rnnbench.execute
import rnnbench.sweep.warm


class Dying:
    """Ends the process, as SIGKILL does, at the n-th touch; half of a write is on the disk by then."""

    def __init__(self, n: int) -> None:
        self.left = n
        self.folder = str(Path.cwd())

    def touch(self, what: str, name: object, before: bool = True) -> None:
        self.left -= 1
        if self.left == 0:
            Path(self.folder, "touch").write_text(f"{what} {name}")
            os._exit(137)

    def install(self) -> None:
        for name in ("fsync", "replace", "unlink", "mkdir", "ftruncate"):
            setattr(os, name, self.around(name, getattr(os, name)))
        opened = io.open

        def watched(file, mode="r", *args, **kwargs):
            if set("wa+x") & set(mode) and str(file).startswith("study"):
                self.touch("open", file)
                return Watched(opened(file, mode, *args, **kwargs), self)
            return opened(file, mode, *args, **kwargs)

        io.open = watched

    def around(self, name: str, real):
        def touching(*args, **kwargs):
            self.touch(name, args[0])
            result = real(*args, **kwargs)
            self.touch(f"after {name}", args[0])
            return result

        return touching


class Watched:
    """A file whose writes are touches."""

    def __init__(self, file, dying: Dying) -> None:
        self.file, self.dying = file, dying

    def write(self, content: bytes) -> int:
        half = len(content) // 2
        self.file.write(content[:half])
        self.file.flush()
        self.dying.touch("write", self.file.name)
        self.file.write(content[half:])
        self.file.flush()
        self.dying.touch("after write", self.file.name)
        return len(content)

    def __enter__(self):
        return self

    def __exit__(self, *args: object) -> None:
        self.file.close()

    def __getattr__(self, name: str):
        return getattr(self.file, name)


def command(words: list[str], n: int = 0) -> int:
    """Give a command in a process of its own; its exit code."""
    child = os.fork()
    if not child:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        if n:
            Dying(n).install()
        try:
            rnnbench.cli.main(words)
        except SystemExit as stop:
            os._exit(stop.code if isinstance(stop.code, int) else 1)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    first, killed, again = (json.loads(text) for text in sys.argv[1:])
    base = Path.cwd()
    for n in range(1, 500):
        folder = base / str(n)
        folder.mkdir()
        os.chdir(folder)
        for words in first:
            assert command(words) == 0, words
        code = command(killed, n)
        if code == 0:
            return
        assert code == 137, (n, code)
        code = command(again)
        assert code == 0, (n, (folder / "touch").read_text(), code)


if __name__ == "__main__":
    main()
