"""Tables of texts that fit any terminal: a number is printed whole, in a further table if the line is full."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from rnnbench._cli.terminal.console import PlainConsole
from rnnbench._errors import visible

NARROWEST = 16
"""The fewest columns of the terminal that a column of words gets."""
BETWEEN = 2
"""The columns of the terminal between two columns of a table."""


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        heading: its heading.
        values: its texts, one per row.
        words: True for text, which is at the left and may be wrapped; False for numbers, which are never broken.
    """

    heading: str
    values: Sequence[str | Text]
    words: bool = False

    @property
    def width(self) -> int:
        """The columns of the terminal that its longest line takes."""
        texts = [self.heading, *(value.plain if isinstance(value, Text) else visible(value) for value in self.values)]
        return max(cell_len(line) for text in texts for line in text.split("\n"))

    @property
    def smallest(self) -> int:
        """The columns that it takes at least."""
        return min(self.width, NARROWEST) if self.words else self.width


def print_columns(console: PlainConsole, columns: Sequence[Column]) -> None:
    """Print a table; columns that do not fit follow in further tables, which repeat the first column."""
    for block in split_columns(columns, console.width):
        table = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
        for column in block:
            table.add_column(column.heading, justify="left" if column.words else "right", no_wrap=not column.words, overflow="fold")
        for values in zip(*(column.values for column in block), strict=True):
            table.add_row(*values)
        console.print(table)


def split_columns(columns: Sequence[Column], width: int) -> Iterator[list[Column]]:
    """Yield groups of columns that fit the width, each with the first column at its left."""
    first, *rest = columns
    block, used = [first], first.smallest
    for column in rest:
        if len(block) > 1 and used + BETWEEN + column.smallest > width:
            yield block
            block, used = [first], first.smallest
        block.append(column)
        used += BETWEEN + column.smallest
    yield block
