"""A CSV file of records: read typed and only as far as it is new, written so that a crash loses no line.

A line counts once it ends in a newline: a torn last line is skipped by every reader and cut off by the next writer. Tables of two
branches may be merged line by line: of rows with the same key the last one counts, and headers in the middle do not.
"""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Generic, TypeVar

from rnnbench._errors import UserError
from rnnbench._study.atomic import append, replace
from rnnbench._study.migrations import migrate
from rnnbench._study.schema import SCHEMA, Record
from rnnbench._version import __version__

R = TypeVar("R", bound=Record)


class Table(Generic[R]):
    """The file ``path`` with rows of one kind.

    Args:
        path: of the file, which need not exist.
        kind: what its rows are.
    """

    def __init__(self, path: Path, kind: type[R]) -> None:
        self.path = path
        self.kind = kind
        self._known: dict[tuple[object, ...], R] = {}
        self._header: list[str] = []
        self._read = (0, 0)  # the file and how far it has been read: inode, bytes
        self._lines = 0
        self.older = False  # whether the file has rows of an earlier schema
        self.renamed: dict[str, str] = {}  # run_ids that an earlier schema gave, with today's

    def rows(self) -> list[R]:
        """All rows, of those with the same key the last; reads what the file has gained since the last call.

        Raises:
            UserError: one line that names file, line and column.
        """
        self._catch_up()
        return list(self._known.values())

    def get(self, *key: object) -> R | None:
        """The row with this key."""
        self._catch_up()
        return self._known.get(key)

    def add(self, row: R) -> None:
        """Append a row, header first in a new file."""
        self._catch_up()
        if self._header and (self.older or not set(row.cells()) <= set(self._header)):
            self.write([*self.rows(), row])  # the file has an older layout
            return
        header = self._header or list(self.kind.columns())
        append(self.path, _lines([header] if not self._header else [], header, [row]))

    def put(self, row: R) -> None:
        """Write a row in the place of the one with the same key, or append it."""
        self._catch_up()
        if row.key in self._known:
            self.write([*(old for old in self._known.values() if old.key != row.key), row])
        else:
            self.add(row)

    def write(self, rows: Iterable[R]) -> None:
        """Replace the file by these rows, all or nothing."""
        rows = list(rows)
        header = list(self.kind.columns())
        header += sorted({name for row in rows for name in row.cells()} - set(header))
        replace(self.path, _lines([header], header, rows).encode())

    def _catch_up(self) -> None:
        try:
            with self.path.open("rb") as file:
                about = os.fstat(file.fileno())
                inode, size = about.st_ino, about.st_size
                if inode != self._read[0] or size < self._read[1]:
                    self._known, self._header, self._read, self._lines, self.older = {}, [], (inode, 0), 0, False
                file.seek(self._read[1])
                content = file.read()
        except FileNotFoundError:
            self._known, self._header, self._read, self._lines = {}, [], (0, 0), 0
            return
        except OSError as error:
            raise UserError(f"cannot read {self.path}: {error.strerror}") from error
        whole = content[: content.rfind(b"\n") + 1]  # a torn last line has no end
        try:
            for row in self._parsed(whole):
                self._known.pop(row.key, None)  # the last one counts, and stands last
                self._known[row.key] = row
        except Exception:  # whatever it is goes on to the caller: only the place to read from is put right
            self._read = (0, -1)  # the start
            raise
        self._read = (inode, self._read[1] + len(whole))

    def _parsed(self, content: bytes) -> Iterator[R]:
        try:
            text = content.decode("utf-8-sig" if not self._lines else "utf-8")
        except UnicodeDecodeError as error:
            line = self._lines + content.count(b"\n", 0, error.start) + 1
            raise UserError(f"{self.path}, line {line}: not UTF-8 text") from error
        if "\0" in text:
            line = self._lines + text.count("\n", 0, text.index("\0")) + 1
            raise UserError(f"{self.path}, line {line}: it holds a NUL character, which no table has: the file is damaged")
        first = self._lines
        reader = csv.reader(io.StringIO(text), strict=True)
        try:
            for cells in reader:
                line = self._lines = first + reader.line_num
                if not cells or (self._header and cells == self._header):
                    continue
                if "run_id" in cells and "schema" in cells:  # the header, or that of a merged file
                    self._header = cells
                    continue
                if not self._header:
                    raise UserError(f"{self.path}, line {line}: the first line must name the columns, schema and run_id among them")
                if len(cells) != len(self._header):
                    raise UserError(f"{self.path}, line {line}: {len(cells)} cells, but {len(self._header)} columns")
                yield self._record(dict(zip(self._header, cells, strict=True)), line)
        except csv.Error as error:
            raise UserError(f"{self.path}, line {first + reader.line_num}: {error}") from error

    def _record(self, cells: dict[str, str], line: int) -> R:
        schema = cells["schema"]
        if not schema.isdecimal() or not 1 <= int(schema[:9]) <= SCHEMA:
            what = f"schema {schema[:20]!r}, which rnnbench {__version__} does not know"
            raise UserError(f"{self.path}, line {line}: column schema holds {what}: use the rnnbench that wrote it")
        try:
            if int(schema) < SCHEMA:
                old, cells = cells["run_id"], migrate(self.kind.__name__, cells)
                self.renamed[old] = cells["run_id"]
                self.older = True
            return self.kind.parse(cells)
        except ValueError as error:
            raise UserError(f"{self.path}, line {line}: {error}") from error


def _lines(headers: list[list[str]], columns: list[str], rows: Iterable[Record]) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerows(headers)
    for row in rows:
        cells = row.cells()
        writer.writerow([cells.get(name, "") for name in columns])
    return buffer.getvalue()
