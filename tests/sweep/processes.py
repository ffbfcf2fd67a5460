"""Helpers of the tests that start sweeps as processes."""

import os
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from rnnbench._study import StudyFolder
from rnnbench._study.schema import Record

ROOT = Path(__file__).parents[2]
SMALL = ["--hidden-size", "8", "--batch-size", "8", "--engine", "torch", "--eval-sequences", "1000"]

DEADLINE = 120.0
"""Seconds after which a test counts as hanging. A busy machine takes a minute for a sweep of seconds."""

Start = Callable[..., subprocess.Popen]
"""Starts ``rnnbench`` with these arguments."""


def group_alive(process: subprocess.Popen) -> bool:
    """Return True if the process or any of its children is running."""
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_for(condition: Callable[[], object]) -> None:
    """Wait until the condition is true; fail the test after ``DEADLINE`` seconds."""
    deadline = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        time.sleep(0.01)


def plain(rows: Iterable[Record]) -> list[dict]:
    """Return rows without the time columns; NaN equals NaN."""
    return [{name: repr(value) for name, value in row.values().items() if name not in ("wall_s", "train_s")} for row in rows]


def runs(folder: Path) -> list[dict]:
    """Return ``runs.csv`` sorted by run, without the time columns."""
    return plain(sorted(StudyFolder(folder).records(), key=lambda record: record.run_id))
