"""One run after the other, each killed at one point where it touches the disk; forked from a process that has torch loaded.

    python -m tests.hardening.killed KILLED AGAIN...

calls :func:`rnnbench.run` for n = 1, 2, ..., each in a copy of the folder ``first``: with the keywords KILLED (a JSON object) until
its n-th touch of the disk. Copies of what it leaves, called n-0, n-1, ..., are resumed with each AGAIN, undisturbed.
Their file ``touch`` says what the killed run was about to do. It ends at the first n that KILLED does not reach.
"""

import io
import json
import os
import shutil
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

import rnnbench._api
import rnnbench._sweep.preload


class Dying:
    """Ends the process, as SIGKILL does, at the n-th touch; half of a write is on the disk by then."""

    def __init__(self, n: int) -> None:
        self.left = n
        self.folder = Path.cwd()

    def touch(self, what: str, name: object) -> None:
        self.left -= 1
        if self.left == 0:
            (self.folder / "touch").write_text(f"{what} {name}")
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


def run(keywords: dict[str, Any], n: int = 0) -> int:
    """Run in a separate process that is killed at its n-th touch; return its exit code."""
    child = os.fork()
    if not child:
        try:
            if n:
                Dying(n).install()
            rnnbench._api.run(**keywords)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def main() -> None:
    killed, *agains = (json.loads(text) | {"progress": False} for text in sys.argv[1:])
    base = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:  # load here what every run would load itself
        rnnbench._api.run(**killed | {"out": folder})
    for n in range(1, 500):
        folder = base / str(n)
        shutil.copytree(base / "first", folder)
        os.chdir(folder)
        code = run(killed, n)
        if code == 0:
            return
        assert code == 137, (n, code)
        for k, again in enumerate(agains):
            shutil.copytree(folder, base / f"{n}-{k}")
            os.chdir(base / f"{n}-{k}")
            code = run(again)
            assert code == 0, (n, (folder / "touch").read_text(), code)


if __name__ == "__main__":
    main()
