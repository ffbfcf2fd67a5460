"""A study: a folder of runs.

    runs.csv                 one row per finished run: the whole run, its outcome, the versions, the machine
    failed.csv               one row per run that failed before it had a result
    extrapolation.csv        one row per finished run and other gap that it was measured at
    logs/<run_id>.csv        one row per evaluation
    checkpoints/<run_id>.pt  where an unfinished run resumes; gone once it is finished
    weights/<run_id>.pt      the final weights
    redo/                    a finished run that is being run again; it replaces the old one when it is complete

Several processes may write to one study at once.
"""

from __future__ import annotations

import contextlib
import glob
import json
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from filelock import FileLock, Timeout

from rnnbench._config import RUN_ID
from rnnbench._errors import BusyError, IncompleteWarning, UserError, shorten_repr, storage_error_of
from rnnbench._spec.arguments import path_of, warn
from rnnbench._study import atomic
from rnnbench._study.record import Record, frame
from rnnbench._study.schema import Extrapolation, Failure, Row, RunRecord
from rnnbench._study.table import R, Table

if TYPE_CHECKING:
    import pandas as pd

HALF = re.compile(r"(\.(checkpoint|weights))?\.\w+\.\d+\.tmp$")
"""The part of the name of a half-written file after the run_id."""

FOLDERS = ("logs", "checkpoints", "weights", "redo", ".locks")


class StudyFolder:
    """A study folder. :meth:`open` reads one and writes nothing; :meth:`create` makes one, or opens it for writing.

    A process that works on ``one_run`` does not parse the rows of the others.

    Example:
        >>> import tempfile
        >>> len(StudyFolder.create(tempfile.mkdtemp()).records())
        0
    """

    def __init__(self, folder: Path | str, one_run: bool = False) -> None:
        try:
            self.folder = path_of(folder)
        except ValueError as error:
            raise UserError(f"folder must be {error}, not {shorten_repr(folder)}") from error
        if not isinstance(one_run, bool):
            raise UserError(f"one_run must be true or false, not {shorten_repr(one_run)}")
        self.finished_table = Table(self.folder / "runs.csv", RunRecord, searches=one_run)
        self.extrapolations = Table(self.folder / "extrapolation.csv", Extrapolation)
        self.failures = Table(self.folder / "failed.csv", Failure, appends=True)
        self._obsolete_failures = 0  # rows of failed.csv whose run has succeeded
        self._was_read = False

    @classmethod
    def open(cls, folder: Path | str) -> Self:
        """Return the study in a folder; writes nothing. Raises UserError if there is none, or its ``runs.csv`` cannot be read."""
        study = cls(folder)
        study.check_exists()
        study.records()
        return study

    @classmethod
    def at(cls, folder: Path | str) -> Self:
        """Return the study in a folder, ready for writing; a folder that does not exist is left to the first run."""
        study = cls(folder)
        with contextlib.suppress(OSError):  # a name that cannot be is reported by create
            if not study.folder.exists():
                return study
        return cls.create(folder)

    @classmethod
    def create(cls, folder: Path | str) -> Self:
        """Return the study in a folder; makes it if it does not exist, and converts it to the current schema.

        Raises:
            UserError: the folder cannot be written to, or holds something else than a study.
            StorageError: the disk is full.
        """
        study = cls(folder)
        try:
            for name in FOLDERS:
                (study.folder / name).mkdir(parents=True, exist_ok=True)
            if os.access(study.folder, os.W_OK):
                atomic.check_locks(study.folder)
        except OSError as error:
            message = f"cannot write to {study.folder}: {error.strerror}; choose another folder with --out"
            raise storage_error_of(error) or UserError(message) from error
        if not os.access(study.folder, os.W_OK):
            raise UserError(f"cannot write to {study.folder}: choose another folder with --out")
        study.records()
        if study.finished_table.older:
            study._renew()
        return study

    def check_exists(self) -> None:
        """Raise UserError if there is no folder."""
        if self.folder.is_dir():
            return
        if self.folder.exists():
            raise UserError(f"{self.folder} is a file, not a study: give the folder that contains runs.csv")
        raise UserError(f"no study in {self.folder}: make one with `rnnbench run --out {self.folder}`")

    @property
    def runs_file(self) -> Path:
        return self.finished_table.path

    def file_of(self, run_id: str, folder: str, ending: str) -> Path:
        """Return the path of a run's file in a folder of the study; raise UserError for a name that could leave it."""
        if not RUN_ID.fullmatch(run_id):
            raise UserError(f"{shorten_repr(run_id)} is not a run_id: give one from {self.runs_file}")
        return self.folder / folder / f"{run_id}{ending}"

    def log_file(self, run_id: str) -> Path:
        return self.file_of(run_id, "logs", ".csv")

    def checkpoint_file(self, run_id: str) -> Path:
        return self.file_of(run_id, "checkpoints", ".pt")

    def weights_file(self, run_id: str) -> Path:
        return self.file_of(run_id, "weights", ".pt")

    def run_ids_of(self, folder: str, pattern: str) -> set[str]:
        """Return the run_ids that the names of files in a folder of the study begin with; other files are not the study's."""
        return {path.stem for path in (self.folder / folder).glob(pattern) if RUN_ID.fullmatch(path.stem)}

    def records(self) -> list[RunRecord]:
        """Return the finished runs; warns of an incomplete last row, and raises UserError for any other damage."""
        rows = self.finished_table.rows()
        if not self._was_read:
            self._warn_of_torn(self.finished_table, "the command that wrote it trains that run again")
        self._was_read = True
        return rows

    def finished(self, run_id: str) -> RunRecord | None:
        """Return the row of a finished run; None if there is none."""
        return self.finished_table.get(run_id)

    def failed_runs(self) -> list[Failure]:
        """Return the failed runs that have not succeeded since."""
        finished = {record.run_id for record in self.records()}
        return [row for row in self.failures.rows() if row.run_id not in finished]

    def settled(self, run_id: str) -> RunRecord | None:
        """Return the row as :meth:`finished` does, after cleaning up what a killed process left of the run."""
        if run_id in self._unsettled():
            self._settle(run_id)
        return self.finished(run_id)

    def tidy(self) -> None:
        """Clean up what killed processes left of runs that no process holds now."""
        for run_id in self._unsettled():
            if not self.claimed(run_id):
                self._settle(run_id)
        if len(self.failed_runs()) < len(self.failures.rows()):
            self._drop_obsolete_failures()

    def _unsettled(self) -> set[str]:
        """Return runs that a killed process left unfinished: a half-written file, a redo not in place, a spare checkpoint."""
        halves = {HALF.sub("", path.name) for name in FOLDERS for path in (self.folder / name).glob("*.tmp")}
        halves = {name for name in halves if RUN_ID.fullmatch(name)}
        redone = self.run_ids_of("redo", "*.json")
        return halves | redone | {name for name in self.run_ids_of("checkpoints", "*.pt") if self.finished(name)}

    def _settle(self, run_id: str) -> None:
        with contextlib.suppress(BusyError), self.claim(run_id):
            self._remove_halves(run_id, FOLDERS)

    def log(self, run_id: str) -> list[Row]:
        """Return the evaluations of a run, finished or not."""
        return Table(self.log_file(run_id), Row).rows()

    def all_logs(self) -> list[Row]:
        """Return the evaluations of every run, finished or not; warns of an incomplete last row of a finished one."""
        self.records()
        rows = list[Row]()
        for path in sorted((self.folder / "logs").glob("*.csv")):
            log = Table(path, Row)
            rows += log.rows()
            if self.finished(path.stem):
                self._warn_of_torn(log, "`rnnbench run --force` repeats that run")
        named = self.finished_table.renamed
        return [row.model_copy(update={"run_id": named[row.run_id]}) if row.run_id in named else row for row in rows]

    def runs(self) -> pd.DataFrame:
        """Return the finished runs, one typed row each; raises UserError if there are none."""
        return self._frame(self.records(), RunRecord)

    def logs(self) -> pd.DataFrame:
        """Return the evaluations of every run, finished or not, one row each; raises UserError if there are none."""
        return self._frame(self.all_logs(), Row)

    def extrapolation(self) -> pd.DataFrame:
        """Return the measurements of finished runs at other gaps, one row each; raises UserError if there are none."""
        rows = self.extrapolations.rows()
        self._warn_of_torn(self.extrapolations, "`rnnbench run --eval-gaps` measures that gap again")
        return self._frame(rows, Extrapolation)

    def _warn_of_torn(self, table: Table[Any], remedy: str) -> None:
        """Warn of a last line without an end, which the table has left out, unless a process is writing it."""
        if table.torn_line and not self.claimed(table.path.stem):
            warn(f"{table.path}, line {table.torn_line} is incomplete and is left out: {remedy}", IncompleteWarning)

    def _frame(self, rows: Sequence[Record], cls: type[Record]) -> pd.DataFrame:
        if not rows:
            raise UserError(f"no runs in {self.folder}: make some with `rnnbench run --out {self.folder}`")
        return frame(rows, cls)

    @contextlib.contextmanager
    def claim(self, run_id: str) -> Iterator[None]:
        """Hold the lock of a run inside the block; raises BusyError if another process holds it, UserError for a folder as a file.

        First clean up what a killed process left of it: a complete redone run that is not in place, the checkpoint of a finished
        run. :meth:`tidy` also removes its half-written files, which takes a look at every file of the study.
        """
        with self._locked(run_id, PATIENCE):
            for path in (self.log_file(run_id), self.weights_file(run_id)):
                if path.is_dir():
                    raise UserError(f"cannot write {path}: it is a folder; move it away and rerun the command")
            Redo(self, run_id).recover()
            if self.finished(run_id):
                self.checkpoint_file(run_id).unlink(missing_ok=True)
            yield

    def claimed(self, run_id: str) -> bool:
        """Return True if a process holds the run now; writes nothing."""
        return atomic.locked(self.file_of(run_id, ".locks", ".lock"))

    def record(self, row: RunRecord | Extrapolation | Failure) -> None:
        """Write a row into the table of its class, in the place of an earlier one with the same key."""
        tables: tuple[Table[Any], ...] = (self.finished_table, self.extrapolations, self.failures)
        table = next(table for table in tables if table.cls is type(row))
        with self._writing(table):
            table.put(row)

    def clear_failure(self, run_id: str) -> None:
        """Remove a failure, because the run has succeeded.

        The file is rewritten once half of its rows are obsolete, and by :meth:`tidy`, so that many runs do not rewrite it each.
        """
        if self.failures.get(run_id):
            self._obsolete_failures += 1
            if 2 * self._obsolete_failures >= len(self.failures.rows()):
                self._drop_obsolete_failures()

    def _drop_obsolete_failures(self) -> None:
        with self._writing(self.failures):
            self.failures.write(self.failed_runs())
        self._obsolete_failures = 0

    def keep(self, name: str, content: bytes) -> None:
        """Write another file of the study, such as ``sweep.json``, all or nothing."""
        with self._locked(Path(name).stem):
            self._remove_halves(name)
            atomic.replace(self.folder / name, content)

    @contextlib.contextmanager
    def _writing(self, table: Table[R]) -> Iterator[None]:
        with self._locked(table.path.stem):
            self._remove_halves(table.path.name)
            yield

    def _remove_halves(self, name: str, folders: Sequence[str] = ("",)) -> None:
        """Remove half-written files, whose lock this process holds, that killed processes left."""
        for folder in folders:
            for half in (self.folder / folder).glob(f"{glob.escape(name)}.*.tmp"):
                half.unlink(missing_ok=True)

    @contextlib.contextmanager
    def _locked(self, name: str, timeout: float = -1) -> Iterator[None]:
        """Hold a lock inside the block; raises BusyError if another process holds it for ``timeout`` seconds."""
        path = self.file_of(name, ".locks", ".lock")
        if path.is_symlink():
            raise UserError(f"{path} is a link, and taking this lock would empty the other file: delete the link")
        lock = FileLock(path)
        try:
            lock.acquire(timeout=timeout, poll_interval=0.02)  # `status` holds a lock for a moment
        except Timeout:
            raise BusyError(f"another process is running this in {self.folder}: wait for it, or choose another --out") from None
        except OSError as error:
            raise atomic.storage_error(Path(lock.lock_file), error) from error
        try:
            yield
        finally:
            lock.release()

    def _renew(self) -> None:
        """Rewrite a study of an earlier schema; if it is killed, the study stays readable and the next start finishes the work."""
        with self._writing(self.finished_table):
            records, renamed = self.records(), self.finished_table.renamed
            for old, new in renamed.items():
                rows = [row.model_copy(update={"run_id": new}) for row in self.log(old)]
                if rows:
                    Table(self.log_file(new), Row).write(rows)
                if self.weights_file(old).exists():
                    atomic.put_in_place(self.weights_file(old), self.weights_file(new))
            others = [row.model_copy(update={"run_id": renamed.get(row.run_id, row.run_id)}) for row in self.extrapolations.rows()]
            if others:
                self.extrapolations.write(others)
            self.finished_table.write(records)
            for old in renamed.keys() - set(renamed.values()):
                self.log_file(old).unlink(missing_ok=True)


class Redo:
    """The files of a finished run that is run again: they replace the old ones once all of them are complete."""

    def __init__(self, study: StudyFolder, run_id: str) -> None:
        self.study = study
        self.run_id = run_id
        self.log_file = study.file_of(run_id, "redo", ".csv")
        self.checkpoint_file = study.file_of(run_id, "redo", ".checkpoint.pt")
        self.weights_file = study.file_of(run_id, "redo", ".weights.pt")
        self.done_file = study.file_of(run_id, "redo", ".json")

    def finish(self, record: RunRecord) -> None:
        """Replace the old run. Once its row is written, a kill loses nothing."""
        atomic.replace(self.done_file, json.dumps(record.cells()).encode())
        self.recover()

    def recover(self) -> None:
        """Finish a replacement that a kill interrupted, if there is one."""
        if not self.done_file.exists():
            return
        try:
            record = RunRecord.parse(json.loads(self.done_file.read_bytes()))
        except (ValueError, AttributeError) as error:
            raise atomic.unreadable(self.done_file) from error
        if record.run_id != self.run_id:
            raise atomic.unreadable(self.done_file)
        places = {self.log_file: self.study.log_file(self.run_id), self.weights_file: self.study.weights_file(self.run_id)}
        for mine, place in places.items():
            try:
                if mine.exists():
                    atomic.put_in_place(mine, place)
            except OSError as error:  # the row is not written, so the next start tries again
                raise atomic.storage_error(place, error) from error
        self.study.record(record)
        self.checkpoint_file.unlink(missing_ok=True)
        self.done_file.unlink()


PATIENCE = 0.5  # seconds
