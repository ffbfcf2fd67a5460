"""Sweeps as a person starts them, seen from outside: their processes and what they leave behind."""

import os
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rnnbench._study import Study
from rnnbench._study.schema import Record

ROOT = Path(__file__).parents[2]
SMALL = ["--hidden-size", "8", "--batch-size", "8", "--engine", "torch", "--eval-sequences", "1000"]

Start = Callable[..., subprocess.Popen]
"""Starts ``rnnbench`` with these words."""


def group_alive(process: subprocess.Popen) -> bool:
    """Whether the process or any of its children is still there."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: Callable[[], object], seconds: float = 30) -> None:
    """Look until it holds; fails the test after so many seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def plain(rows: Iterable[Record]) -> list[dict]:
    """Rows without the columns of time; NaN equals NaN."""
    return [{name: repr(value) for name, value in row.values().items() if name not in ("wall_s", "train_s")} for row in rows]


def runs(folder: Path) -> list[dict]:
    """``runs.csv`` sorted by run, the time columns aside."""
    return plain(sorted(Study(folder).records(), key=lambda record: record.run_id))
