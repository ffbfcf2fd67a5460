"""Tables whose rows take long: each row is written down as it comes, and those that are there are not measured again."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import pandas as pd

from rnnbench._errors import UserError, shown
from rnnbench._study.atomic import replace, storage_error

T = TypeVar("T")


class Counting(Protocol):
    """Hands out pieces of work one by one, and may show how many are left: ``tqdm.tqdm``, ``rich.progress.track``, or ``iter``."""

    def __call__(self, work: Sequence[T], /) -> Iterable[T]: ...


WORDS = {"name", "cell", "init", "task", "when", "quantity", "word", "answer", "option", "status"}
"""Columns of words in the tables of the explaining commands; all others hold numbers."""
MAY_LACK = ("grad_state", "bound")
"""Those that do not exist for every cell."""


def read_table(file: Path, columns: Sequence[str]) -> pd.DataFrame:
    """A table that an explaining command saved.

    Args:
        file: a CSV file.
        columns: those that are needed.

    Raises:
        UserError: it is damaged, or another kind of table; one line that names file, line and column.
    """
    try:
        frame = pd.read_csv(file)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{file} is no table of an explaining command: {reason}; move it away and make it anew") from error
    if frame.empty:
        raise UserError(f"{file} has no rows: move it away and make it anew")
    for column in columns:
        if column not in frame:
            raise UserError(f"{file} is no table of this kind, as it has no column {column}: move it away and make it anew")
        found = frame[column]
        if column in WORDS:
            wrong = found.isna()
        else:
            numbers = pd.to_numeric(found.replace({"True": 1, "False": 0}), errors="coerce")
            wrong = ~(numbers.abs() < math.inf) & ~(found.isna() & (column in MAY_LACK))
            if not pd.api.types.is_numeric_dtype(found):  # one of them was too large for pandas
                frame[column] = numbers
        if wrong.any():
            line = int(wrong.to_numpy().argmax())
            what = shown(str(found[line])) if pd.notna(found[line]) else "nothing"
            raise UserError(f"{file}, line {line + 2}: column {column} holds {what}: move the table away and make it anew")
    return frame


class Kept:
    """A table in a file, or in memory alone.

    Args:
        file: a CSV file, which need not exist; None keeps nothing.
        columns: its columns.
        key: those that tell rows apart.

    Raises:
        UserError: the file holds something else.
    """

    def __init__(self, file: Path | str | None, columns: Sequence[str], key: Sequence[str]) -> None:
        self.file = None if file is None else Path(file)
        self.key = list(key)
        self.frame = pd.DataFrame(columns=list(columns))
        if self.file is not None and self.file.exists():
            self.frame = read_table(self.file, columns)[list(columns)]

    def has(self, key: Sequence[object]) -> bool:
        """Whether there is a row of this key."""
        return tuple(key) in self._keys()

    def add(self, row: Sequence[object]) -> None:
        """Append a row and write the table down."""
        last = pd.DataFrame([row], columns=self.frame.columns)
        self.frame = pd.concat([self.frame, last], ignore_index=True) if len(self.frame) else last
        if self.file is not None:
            try:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise storage_error(self.file.parent, error) from error
            replace(self.file, self.frame.to_csv(index=False).encode())

    def rows(self, keys: Iterable[Sequence[object]]) -> pd.DataFrame:
        """The rows of these keys."""
        wanted = {tuple(key) for key in keys}
        return self.frame[[key in wanted for key in self._keys()]].reset_index(drop=True)

    def _keys(self) -> list[tuple[object, ...]]:
        return list(self.frame[self.key].itertuples(index=False, name=None))
