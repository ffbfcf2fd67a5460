"""Tables whose rows take long: each row is written down as it comes, and those that are there are not measured again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

import pandas as pd

from rnnbench.errors import UserError
from rnnbench.study.files import replace, storage_error

T = TypeVar("T")


class Counting(Protocol):
    """Hands out pieces of work one by one, and may show how many are left: ``tqdm.tqdm``, ``rich.progress.track``, or ``iter``."""

    def __call__(self, work: Sequence[T], /) -> Iterable[T]: ...


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
            try:
                self.frame = pd.read_csv(self.file)[list(columns)]
            except (OSError, ValueError, KeyError) as error:
                raise UserError(
                    f"{self.file} is not a table of this kind: {error}; move it away or choose another folder"
                ) from error

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
