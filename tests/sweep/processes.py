"""Sweeps as a person starts them, seen from outside: their processes and what they leave behind."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from rnnbench.records import RUN_COLUMNS, TIME_COLUMNS, read_csv

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


def runs(folder: Path) -> list[dict]:
    """``runs.csv`` sorted by run, the time columns aside."""
    rows = read_csv(folder / "runs.csv", RUN_COLUMNS) if (folder / "runs.csv").exists() else []
    return sorted(({k: v for k, v in row.items() if k not in TIME_COLUMNS} for row in rows), key=lambda row: row["run_id"])
