"""Rows of ``failed.csv``: the runs that failed, and why. A row stays until its run succeeds.

A run that diverged has a result and did not fail. A full disk stops the sweep, and the run remains to do.
"""

from __future__ import annotations

import signal
from datetime import UTC, datetime

from rnnbench._config import Run
from rnnbench._study import Failure


def failure(run: Run, reason: str, exit_code: int | None) -> Failure:
    """Return the row of ``failed.csv`` for a run that failed now."""
    when = datetime.now(UTC).isoformat(timespec="seconds")
    return Failure.of(run, reason=reason, exit_code=exit_code, last_tried=when)


def reason_of_exit(exit_code: int | None) -> str:
    """Return why a process ended, from its exit code."""
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
