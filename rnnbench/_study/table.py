"""CSV files of typed rows: each line is parsed once, and a crash while writing loses no line.

A line counts once it ends in a newline: every reader skips a torn last line, and the next writer cuts it off. Tables of two
branches may be merged line by line: of rows with the same key the last one counts, and headers in the middle are skipped.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from rnnbench._errors import UserError, shorten_repr, storage_error_of
from rnnbench._study.atomic import OpenedFile, append, check_regular, replace, storage_error
from rnnbench._study.migrations import migrate
from rnnbench._study.record import Record, frame
from rnnbench._study.schema import SCHEMA, checked_run_id
from rnnbench._version import __version__

if TYPE_CHECKING:
    import pandas as pd

R = TypeVar("R", bound=Record)

LARGEST_FILE = 1 << 30
"""Bytes of a table that are read at most: about two million runs."""


class Table(Generic[R]):
    """The file ``path``, which need not exist, with rows of the class ``cls``.

    With ``appends`` a row in the place of another one is appended, and the file is rewritten once half of its rows are stale. With
    ``searches`` the file is searched for the key of a row, and parsed only if that is found: for a process that needs one row.
    """

    def __init__(self, path: Path, cls: type[R], appends: bool = False, searches: bool = False) -> None:
        self.path = path
        self.cls = cls
        self.appends = appends
        self.searches = searches
        self._known: dict[tuple[object, ...], R] = {}
        self._header: list[str] = []
        self._file: OpenedFile | None = None  # the file that was read, which another process may replace
        self._read = 0  # bytes of it
        self._lines = 0
        self._versioned = "schema" in cls.columns()
        self._required = {"schema", "run_id"} if self._versioned else cls.required()
        self.torn_line: int | None = None  # the number of the last line, if it has no end
        self.older = False  # True if the file has rows of an earlier schema
        self.replaced: list[R] = []  # rows of the file that a later row with the same key replaces
        self.renamed: dict[str, str] = {}  # run_ids of an earlier schema -> run_ids of this one

    def rows(self) -> list[R]:
        """Return all rows, of those with the same key the last; raises UserError that names file, line and column."""
        self._catch_up()
        return list(self._known.values())

    def frame(self) -> pd.DataFrame:
        """Return all rows as a DataFrame; raises UserError if there are none."""
        rows = self.rows()
        if not rows:
            raise UserError(f"{self.path} has no rows: delete it and rerun the command that wrote it")
        return frame(rows, self.cls)

    def get(self, *key: object) -> R | None:
        """Return the row with this key; None if there is none."""
        if self._header_without(key):
            return None
        self._catch_up()
        return self._known.get(key)

    def add(self, row: R) -> None:
        """Append a row, header first in a new file; raises UserError for a row that could not be read back."""
        header = self._header_without(row.key)
        if not header:
            self._catch_up()
            header = self._header
        if header and (self.older or not set(row.cells()) <= set(header)):
            self.write([*self.rows(), row])  # the file has an older layout
            return
        columns = header or self._columns([row])
        self._check_readable(columns, [row])
        self._make_folder()
        append(self.path, _lines([] if header else [columns], columns, [row]))

    def put(self, row: R) -> None:
        """Write a row in the place of the one with the same key, or append it."""
        if self.get(*row.key) and not (self.appends and len(self.replaced) < len(self._known)):
            self.write([*(old for old in self._known.values() if old.key != row.key), row])
        else:
            self.add(row)

    def check_writable(self) -> None:
        """Raise UserError or StorageError if the file cannot be read, or its folder not be written to; creates the folder."""
        self._catch_up()
        parent, advice = self.path.parent, f"choose another folder for {self.path.name}"
        try:
            parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error_of(error) or UserError(f"cannot write to {parent}: {error.strerror}; {advice}") from error
        if not os.access(parent, os.W_OK):
            raise UserError(f"cannot write to {parent}: {advice}")

    def update(self, rows: Iterable[R]) -> None:
        """Write rows, each in the place of the one with the same key, or at the end; all or nothing."""
        self.write({row.key: row for row in (*self.rows(), *rows)}.values())

    def write(self, rows: Iterable[R]) -> None:
        """Replace the file by these rows, all or nothing; raises UserError for a row that could not be read back."""
        rows = list(rows)
        header = self._columns(rows)
        self._check_readable(header, [row for row in rows if self._known.get(row.key) is not row])
        self._make_folder()
        replace(self.path, _lines([header], header, rows).encode())

    def write_frame(self, frame: pd.DataFrame) -> None:
        """Replace the file by the rows of a DataFrame with the columns of :attr:`cls`; missing numbers are left empty."""
        rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
        self.write(self.cls.model_construct(None, **{str(name): value for name, value in row.items()}) for row in rows)

    def _columns(self, rows: Iterable[R]) -> list[str]:
        known = self.cls.columns()
        return [*known, *sorted({name for row in rows for name in row.cells()} - set(known))]

    def _make_folder(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise storage_error(self.path.parent, error) from error

    def _check_readable(self, header: list[str], rows: list[R]) -> None:
        """Raise UserError for a row that a reader of the file would refuse or skip."""
        reader = type(self)(self.path, self.cls)
        try:
            if len(list(reader._parsed(_lines([header], header, rows).encode()))) == len(rows):
                return
            problem = "a row looks like a header"
        except UnicodeEncodeError:
            problem = "a text holds a character that UTF-8 cannot write"
        except UserError as error:
            problem = str(error).removeprefix(f"{self.path}, ")
        raise UserError(f"cannot write {self.path}, which could not be read afterwards: {problem}; change that value")

    def _header_without(self, key: tuple[object, ...]) -> list[str]:
        """Return the header of a table that is only searched, if it is the only one and no row has this key; else an empty list."""
        if not self.searches or self._file is not None:
            return []
        try:
            check_regular(self.path)
            if self.path.stat().st_size > LARGEST_FILE:
                return []
            first, end, rows = self.path.read_bytes().partition(b"\n")
            header = next(csv.reader([first.decode("utf-8-sig")], strict=True), [])
        except (OSError, ValueError, csv.Error):  # no file, or one that _catch_up reports
            return []
        return [] if not end or str(key[0]).encode() in rows or b"run_id" in rows or not self._required <= set(header) else header

    def _catch_up(self) -> None:
        check_regular(self.path)
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > LARGEST_FILE:
                    raise UserError(f"cannot read {self.path}: it is larger than {LARGEST_FILE >> 30} GiB")
                if self._file is None or not self._file.is_same(file) or size < self._read:
                    self._forget()
                    self._file = OpenedFile(file)
                file.seek(self._read)
                content = file.read()
        except FileNotFoundError:
            self._forget()
            return
        except OSError as error:
            raise storage_error_of(error) or UserError(f"cannot read {self.path}: {error.strerror}") from error
        whole = content[: content.rfind(b"\n") + 1]  # a torn last line has no end
        try:
            for row in self._parsed(whole):
                key = row.key or (len(self._known),)  # without key columns no two rows are alike
                if earlier := self._known.pop(key, None):  # the last one counts, and comes last
                    self.replaced.append(earlier)
                self._known[key] = row
        except Exception:  # whatever it is, nothing half read stays
            self._forget()  # the next call reads the file from its start
            raise
        self._read += len(whole)
        self.torn_line = self._lines + 1 if len(whole) < len(content) else None

    def _forget(self) -> None:
        self._known, self._header, self._file, self._read, self._lines, self.older = {}, [], None, 0, 0, False
        self.replaced, self.torn_line = [], None

    def _parsed(self, content: bytes) -> Iterator[R]:
        try:
            text = content.decode("utf-8-sig" if not self._lines else "utf-8")
        except UnicodeDecodeError as error:
            line = self._lines + content.count(b"\n", 0, error.start) + 1
            raise UserError(f"{self.path}, line {line}: not UTF-8 text; save the file as CSV in UTF-8") from error
        if "\0" in text:
            line = self._lines + text.count("\n", 0, text.index("\0")) + 1
            raise UserError(f"{self.path}, line {line}: the file is damaged: it holds a NUL character")
        first = self._lines
        reader = csv.reader(io.StringIO(text), strict=True)
        try:
            for cells in reader:
                line = self._lines = first + reader.line_num
                if not cells or (self._header and cells == self._header):
                    continue
                if self._required <= set(cells) and not self._is_row(cells):  # at the start, or of a merged file
                    self._header = cells
                    continue
                if not self._header:
                    raise UserError(f"{self.path}, line {line}: {self._header_problem(cells)}")
                if len(cells) != len(self._header):
                    raise UserError(f"{self.path}, line {line}: {len(cells)} cells, but {len(self._header)} columns")
                yield self._record(dict(zip(self._header, cells, strict=True)), line)
        except csv.Error as error:
            raise UserError(f"{self.path}, line {first + reader.line_num}: {error}") from error

    def _is_row(self, cells: list[str]) -> bool:
        """Return True for a row with the words of a header, such as one of a cell named run_id: its schema is a number."""
        column = self._header.index("schema") if self._versioned and self._header else len(cells)
        return column < len(cells) and cells[column].isdecimal()

    def _header_problem(self, cells: list[str]) -> str:
        """Return what is wrong with a first line that is not a header."""
        for separator, name in ((";", "semicolons"), ("\t", "tabs")):
            if self._required <= set(separator.join(cells).split(separator)):
                return f"the columns are separated by {name}, as some spreadsheets save them: save the file with commas"
        missing = ", ".join(name for name in self.cls.columns() if name in self._required - set(cells))
        return f"the first line must name the columns, and lacks {missing}"

    def _record(self, cells: dict[str, str], line: int) -> R:
        try:
            if self._versioned:
                cells = self._migrated(cells, line)
            return self.cls.parse(cells)
        except ValueError as error:
            raise UserError(f"{self.path}, line {line}: {error}") from error

    def _migrated(self, cells: dict[str, str], line: int) -> dict[str, str]:
        schema = cells["schema"]
        if not schema.isdecimal() or not 1 <= int(schema[:9]) <= SCHEMA:
            unknown = f"schema {schema[:20]!r}, which rnnbench {__version__} cannot read"
            raise UserError(f"{self.path}, line {line}: column schema holds {unknown}: use the version that wrote it")
        if int(schema) < SCHEMA:
            old, cells = _old_run_id(cells), migrate(self.cls.__name__, cells)
            self.renamed[old] = cells["run_id"]
            self.older = True
        return cells


def _old_run_id(cells: dict[str, str]) -> str:
    """Return the run_id of a row of an earlier schema, which names the files to convert; raise ValueError if it cannot."""
    try:
        return checked_run_id(cells["run_id"])
    except ValueError as error:
        raise ValueError(f"column run_id holds {shorten_repr(cells['run_id'])}, which is not {error}") from error


def _lines(headers: list[list[str]], columns: list[str], rows: Iterable[Record]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows(headers)
    for row in rows:
        cells = row.cells()
        writer.writerow([cells.get(name, "") for name in columns])
    return buffer.getvalue()
