"""What a run leaves behind: rows in CSV files, a checkpoint, the final weights; and how they are read again.

A study is a folder::

    runs.csv                 one row a finished run: the whole configuration, the outcome, the versions
    logs/<run_id>.csv        one row an evaluation
    checkpoints/<run_id>.pt  where an unfinished run goes on; gone once it is finished
    weights/<run_id>.pt      the final weights

Two processes may write to one study at once. A line counts once it ends in a newline: a torn last line is cut off by the next
writer and skipped by every reader.
"""

from __future__ import annotations

import csv
import dataclasses
import errno
import glob
import io
import json
import os
import platform
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout

from rnnbench import __version__
from rnnbench.config import RunConfig
from rnnbench.errors import BusyError, StorageError, UserError

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
"""Version of both CSV layouts; raised whenever a column changes its name or meaning."""


@dataclass(frozen=True)
class Row:
    """One evaluation of one run; units and meanings in :data:`COLUMNS`."""

    schema: int
    run_id: str
    task: str
    cell: str
    init: str
    gap: int
    seed: int
    step: int
    sequences: int
    train_loss: float
    eval_loss: float
    accuracy: float
    chance_accuracy: float
    skill: float
    grad_norm: float
    wall_s: float
    status: str


ROW_COLUMNS = tuple(field.name for field in dataclasses.fields(Row))
OUTCOME_COLUMNS = (
    *("status", "steps_to_solve", "step", "sequences", "train_loss", "eval_loss", "accuracy", "answers"),
    *("chance_accuracy", "chance_loss", "skill", "grad_norm", "parameters", "wall_s"),
)
MACHINE_COLUMNS = ("rnnbench_version", "torch_version", "python_version", "machine")
RUN_COLUMNS = ("schema", "run_id", *RunConfig.model_fields, *OUTCOME_COLUMNS, *MACHINE_COLUMNS)
EXTRAPOLATION_COLUMNS = (
    *("schema", "run_id", "task", "cell", "init", "gap", "seed", "status"),
    *("eval_gap", "accuracy", "eval_loss", "answers", "chance_accuracy"),
)
TIME_COLUMNS = ("wall_s",)
"""The only columns in which the same run, made twice on one machine, may differ."""

COLUMNS: dict[str, str] = {
    "schema": "version of the file layout",
    "run_id": "name of the run: its task, cell, initialisation, gap, seed and a digest of its configuration",
    **{name: str(field.description) for name, field in RunConfig.model_fields.items()},
    "step": "optimiser steps taken",
    "sequences": "training sequences seen",
    "train_loss": "mean training loss per scored answer since the row before (nats; adding: squared error)",
    "eval_loss": "loss per scored answer on held-out sequences (nats; adding: squared error)",
    "accuracy": "share of the scored answers of held-out sequences that are right (adding: off by less than 0.04)",
    "answers": "scored answers that accuracy is counted over",
    "chance_accuracy": "accuracy of the best memoryless predictor, in closed form",
    "chance_loss": "loss of the best memoryless predictor, in closed form",
    "skill": "(accuracy - chance) / (1 - chance)",
    "grad_norm": "mean norm of the whole gradient before clipping, since the row before; overflowed ones left out",
    "wall_s": "seconds of training and evaluation so far, interruptions left out",
    "status": "running, solved (accuracy >= 0.99 twice in a row), unsolved (budget used up), "
    "diverged (loss NaN or inf, or 100 gradients in a row), gave-up (never above chance by step give_up), interrupted",
    "steps_to_solve": "optimiser steps at the first of the two evaluations that solved it; empty if unsolved",
    "parameters": "trainable numbers of cell and readout",
    "rnnbench_version": "version of rnnbench",
    "torch_version": "version of PyTorch",
    "python_version": "version of Python",
    "machine": "processor architecture and operating system",
    "eval_gap": "gap of the sequences that a finished run was measured on (`run --eval-gaps`); `gap` is the one it was trained at",
}


class Study:
    """A study folder.

    Args:
        folder: created if it is not there.

    Raises:
        UserError: the folder cannot be written to, or its ``runs.csv`` has another schema.
    """

    def __init__(self, folder: Path | str) -> None:
        self.folder = Path(folder)
        try:
            for name in ("logs", "checkpoints", "weights", ".locks"):
                (self.folder / name).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _storage_error(self.folder, error) from error
        if not os.access(self.folder, os.W_OK):
            raise UserError(f"cannot write to {self.folder}: choose another folder with --out")
        self.runs_file = self.folder / "runs.csv"
        self.extrapolation_file = self.folder / "extrapolation.csv"
        if self.runs_file.exists():
            read_csv(self.runs_file, RUN_COLUMNS)

    def log_file(self, run_id: str) -> Path:
        return self.folder / "logs" / f"{run_id}.csv"

    def checkpoint_file(self, run_id: str) -> Path:
        return self.folder / "checkpoints" / f"{run_id}.pt"

    def weights_file(self, run_id: str) -> Path:
        return self.folder / "weights" / f"{run_id}.pt"

    @contextmanager
    def claim(self, run_id: str) -> Iterator[None]:
        """Hold a run against other processes; raises BusyError if one of them is at it."""
        lock = FileLock(self.folder / ".locks" / f"{run_id}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise BusyError(f"another process is at this run in {self.folder}: wait for it, or choose another --out") from None
        try:
            for half in self.folder.glob(f"*/{glob.escape(run_id)}.*.tmp"):  # a killed process left it; nobody else is at it now
                half.unlink(missing_ok=True)
            yield
        finally:
            lock.release()

    def claimed(self, run_id: str) -> bool:
        """Whether some process is at this run now."""
        lock = self.folder / ".locks" / f"{run_id}.lock"
        if not lock.exists():
            return False
        try:
            with FileLock(lock, timeout=0):
                return False
        except Timeout:
            return True

    def finished(self, run_id: str) -> dict[str, Any] | None:
        """The ``runs.csv`` row of a finished run, the last if it was made again; None if there is none."""
        if not self.runs_file.exists():
            return None
        rows = [row for row in read_csv(self.runs_file, RUN_COLUMNS) if row["run_id"] == run_id]
        return rows[-1] if rows else None

    def record_run(self, row: dict[str, Any]) -> None:
        """Put a finished run into ``runs.csv``, in place of an earlier row of the same run."""
        with self._lock():
            rows = read_csv(self.runs_file, RUN_COLUMNS) if self.runs_file.exists() else []
            kept = [old for old in rows if old["run_id"] != row["run_id"]]
            if len(kept) < len(rows):
                write_csv(self.runs_file, RUN_COLUMNS, [*kept, row])
            else:
                append_csv(self.runs_file, RUN_COLUMNS, row)

    def record_row(self, row: Row) -> None:
        """Append one evaluation to the run's log."""
        append_csv(self.log_file(row.run_id), ROW_COLUMNS, dataclasses.asdict(row))

    def rewind_log(self, run_id: str, step: int) -> None:
        """Drop what the log says beyond ``step``, and notes of interruption: the run goes on from there."""
        path = self.log_file(run_id)
        if path.exists():
            rows = read_csv(path, ROW_COLUMNS)
            write_csv(path, ROW_COLUMNS, [r for r in rows if int(r["step"]) <= step and r["status"] != "interrupted"])

    def record_extrapolation(self, row: dict[str, Any]) -> None:
        """Put one measurement at another gap into ``extrapolation.csv``, in place of an earlier one of the same run and gap."""
        with self._lock():
            known = read_csv(self.extrapolation_file, EXTRAPOLATION_COLUMNS) if self.extrapolation_file.exists() else []
            same = (row["run_id"], str(row["eval_gap"]))
            kept = [old for old in known if (old["run_id"], old["eval_gap"]) != same]
            write_csv(self.extrapolation_file, EXTRAPOLATION_COLUMNS, [*kept, row])

    def extrapolation(self, run_id: str) -> dict[int, dict[str, Any]]:
        """The rows of ``extrapolation.csv`` of one run, by eval_gap."""
        rows = read_csv(self.extrapolation_file, EXTRAPOLATION_COLUMNS) if self.extrapolation_file.exists() else []
        return {int(row["eval_gap"]): row for row in rows if row["run_id"] == run_id}

    def forget(self, run_id: str) -> None:
        """Remove a run's checkpoint and log, so that it starts anew; its row in ``runs.csv`` stays until it is replaced."""
        self.checkpoint_file(run_id).unlink(missing_ok=True)
        self.log_file(run_id).unlink(missing_ok=True)

    def _lock(self) -> FileLock:
        return FileLock(self.folder / ".locks" / "runs.lock")


def run_row(config: RunConfig, outcome: dict[str, Any]) -> dict[str, Any]:
    """The ``runs.csv`` row of a finished run: whole configuration, outcome, versions."""
    import torch

    values = config.model_dump()
    for name in ("option", "cell_option"):
        values[name] = json.dumps(values[name], sort_keys=True)
    return {
        "schema": SCHEMA,
        "run_id": config.run_id,
        **values,
        **outcome,
        "rnnbench_version": __version__,
        "torch_version": torch.__version__,
        "python_version": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}",
    }


def load_runs(folder: Path | str) -> pd.DataFrame:
    """The finished runs of a study, a row each, typed; raises UserError if there are none."""
    return _frame(Path(folder) / "runs.csv", RUN_COLUMNS)


def load_extrapolation(folder: Path | str) -> pd.DataFrame:
    """The measurements of finished runs at other gaps, a row each, typed; raises UserError if there are none."""
    return _frame(Path(folder) / "extrapolation.csv", EXTRAPOLATION_COLUMNS)


def load_log(path: Path) -> pd.DataFrame:
    """The evaluations of one run, a row each, typed."""
    return _frame(path, ROW_COLUMNS)


def load_logs(folder: Path | str) -> pd.DataFrame:
    """The evaluations of every run of a study, finished or not; raises UserError if there are none."""
    import pandas as pd

    frames = [load_log(path) for path in sorted((Path(folder) / "logs").glob("*.csv"))]
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        raise UserError(f"no runs in {folder}: make some with `rnnbench run --out {folder}`")
    return pd.concat(frames, ignore_index=True)


def _frame(path: Path, columns: Sequence[str]) -> pd.DataFrame:
    import pandas as pd

    if not path.exists():
        raise UserError(f"no runs in {path.parent}: make some with `rnnbench run --out {path.parent}`")
    rows = read_csv(path, columns)
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns)
    writer.writeheader()
    writer.writerows(rows)
    buffer.seek(0)
    return pd.read_csv(buffer)


def read_csv(path: Path, columns: Sequence[str]) -> list[dict[str, Any]]:
    """All whole lines of a file of ours; raises UserError if its columns are not ours."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {error}") from error
    lines = text[: text.rfind("\n") + 1]  # a torn last line has no end
    reader = csv.DictReader(io.StringIO(lines))
    if reader.fieldnames is None:
        return []
    rows = list(reader)
    schemas = {row.get("schema") for row in rows} - {str(SCHEMA)}
    if tuple(reader.fieldnames) != tuple(columns) or schemas:
        raise UserError(
            f"{path} was written with another schema than {SCHEMA}, the one of rnnbench {__version__}: "
            "choose another --out, or the rnnbench that wrote it"
        )
    return rows


def append_csv(path: Path, columns: Sequence[str], row: dict[str, Any]) -> None:
    """Add one line, header first in a new file; one write, on the disk before it returns."""
    try:
        with path.open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            if end:
                whole = _whole_length(file, end)
                if whole < end:
                    file.truncate(whole)
                end = whole
            file.write(_lines(columns, [row], header=end == 0))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise _storage_error(path, error) from error


def write_csv(path: Path, columns: Sequence[str], rows: list[dict[str, Any]]) -> None:
    """Replace a file by these rows, all or nothing."""
    replace_file(path, _lines(columns, rows, header=True))


def replace_file(path: Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never half of either."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _storage_error(path, error) from error


def save_tensors(path: Path, content: dict[str, Any]) -> None:
    """``torch.save`` of plain tensors and scalars, all or nothing."""
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    replace_file(path, buffer.getvalue())


def load_tensors(path: Path) -> dict[str, Any]:
    """Read what :func:`save_tensors` wrote; runs no code that a file may hide."""
    import torch

    try:
        content: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises many kinds for a damaged file
        raise UserError(f"cannot read {path}: {type(error).__name__}; delete it or start anew with --force") from error
    return content


def _lines(columns: Sequence[str], rows: list[dict[str, Any]], header: bool) -> bytes:
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(rows)
    return buffer.getvalue().encode()


def _whole_length(file: Any, end: int) -> int:
    """Bytes up to and with the last newline."""
    position = end
    while position > 0:
        step = min(4096, position)
        file.seek(position - step)
        found = file.read(step).rfind(b"\n")
        if found >= 0:
            return int(position - step + found + 1)
        position -= step
    return 0


def _storage_error(path: Path, error: OSError) -> Exception:
    if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        return StorageError(f"cannot write {path}: {error.strerror}; free some space and give the same command again")
    return UserError(f"cannot write {path}: {error.strerror}; choose another folder with --out")
