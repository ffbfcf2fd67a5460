"""Runs that failed, and why: rows of ``failed.csv``, which stay there until the runs succeed.

A run that diverged is a result, not a failure: its network was trained, and the recipe did not hold. Nor is a full disk a failure
of the run: it stays to do.
"""

from __future__ import annotations

import signal
from datetime import UTC, datetime

from rnnbench._config import Run
from rnnbench._study import Failure


def failure(run: Run, reason: str, exit_code: int | None) -> Failure:
    """The row of ``failed.csv`` of a run that failed now."""
    values = {name: getattr(run, name) for name in Failure.model_fields if hasattr(run, name)}
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Failure.model_validate(values | {"reason": reason, "exit_code": exit_code, "last_tried": when})


def reason_of_exit(exit_code: int | None) -> str:
    """The end of a process that could not say why itself."""
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code} before it had a result"
    number = -exit_code
    if number == signal.SIGSEGV:
        return "segmentation fault (signal 11)"
    if number == getattr(signal, "SIGKILL", 9):
        return "killed (signal 9): by hand, or by the system for lack of memory"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    return f"ended by signal {number} ({name})"
