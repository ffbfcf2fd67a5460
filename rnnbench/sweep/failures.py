"""Runs that failed: why, kept in ``failed.csv`` of the study until they succeed.

A run that diverged is a result, not a failure: its network was trained, and the recipe did not hold.
"""

from __future__ import annotations

import signal
import traceback
from datetime import UTC, datetime
from typing import Any

from filelock import FileLock

from rnnbench.config import RunConfig
from rnnbench.errors import UserError, blame, out_of_memory
from rnnbench.records import SCHEMA, Study, read_csv, write_csv

COLUMNS = ("schema", "run_id", "task", "cell", "init", "gap", "seed", "lr", "hidden_size", "reason", "exit_code", "last_tried")


class Failures:
    """The failed runs of a study.

    Raises:
        UserError: ``failed.csv`` has another schema.
    """

    def __init__(self, study: Study) -> None:
        self.file = study.folder / "failed.csv"
        self.lock = FileLock(study.folder / ".locks" / "failed.lock")

    def load(self) -> dict[str, dict[str, Any]]:
        """Rows by run_id."""
        return {row["run_id"]: row for row in read_csv(self.file, COLUMNS)} if self.file.exists() else {}

    def add(self, config: RunConfig, reason: str, exit_code: int | None) -> None:
        """Note a failure, in place of an earlier one of the same run."""
        values = config.model_dump()
        row = {name: values[name] for name in COLUMNS if name in values}
        row |= {"schema": SCHEMA, "run_id": config.run_id, "reason": reason, "exit_code": exit_code}
        self._change(config.run_id, row | {"last_tried": datetime.now(UTC).isoformat(timespec="seconds")})

    def clear(self, run_id: str) -> None:
        """Forget a failure: the run has succeeded."""
        if run_id in self.load():
            self._change(run_id, None)

    def _change(self, run_id: str, row: dict[str, Any] | None) -> None:
        with self.lock:
            rows = self.load()
            rows.pop(run_id, None)
            if row:
                rows[run_id] = row
            write_csv(self.file, COLUMNS, list(rows.values()))


def reason_of_error(error: BaseException) -> str:
    """An exception as one line: what it was, and where in which file."""
    message = " ".join(str(error).split())[:300]
    if isinstance(error, UserError):
        return message
    if out_of_memory(error):
        return f"out of memory: {message or type(error).__name__}"
    if told := blame(error):
        return told
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {message}{where}"


def reason_of_exit(exit_code: int | None) -> str:
    """The end of a process that could not say why itself."""
    if exit_code is None or exit_code >= 0:
        return f"ended with exit code {exit_code} before it had a result"
    number = -exit_code
    if number == signal.SIGSEGV:
        return "segmentation fault (signal 11)"
    if number == getattr(signal, "SIGKILL", 9):
        return "killed (signal 9): by hand, or by the system for want of memory"
    try:
        name = signal.Signals(number).name
    except ValueError:
        name = "unknown"
    return f"ended by signal {number} ({name})"
