"""The displays of running commands on stderr, so that stdout only contains the result."""

from __future__ import annotations

import os
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from rich import progress as bars
from rich.console import Console, RenderableType
from rich.live import Live
from rich.markup import escape

if TYPE_CHECKING:
    from rnnbench.insight._progress import Counting

Item = TypeVar("Item")

LOG_VARIABLES = {"CI", "JPY_PARENT_PID"}
"""Variables that services of continuous integration and the kernels of notebooks set."""


def stderr_console() -> Console:
    """Return a console on stderr. It is a terminal only if its lines can be drawn again.

    Logs of continuous integration and the output of a notebook's cell may look like a terminal but keep every redrawn line.
    """
    redraws = sys.stderr.isatty() and not LOG_VARIABLES & os.environ.keys()
    return Console(stderr=True, force_terminal=None if redraws else False)


class Screen(ABC):
    """A display of a run or a sweep: live in a terminal, lines elsewhere."""

    def __init__(self, quiet: bool) -> None:
        self.quiet = quiet
        self.console = stderr_console()
        live = self.console.is_terminal and not quiet
        self.live = Live(self, console=self.console, refresh_per_second=4) if live else None

    def __enter__(self) -> Self:
        if self.live:
            self.live.start()
        else:
            self.print(self.title())
        return self

    def __exit__(self, *_: object) -> None:
        if self.live:
            self.live.stop()

    def print(self, text: str) -> None:
        """Print a line unless the display is quiet."""
        if not self.quiet:
            self.console.print(escape(text), highlight=False, soft_wrap=True)

    @abstractmethod
    def title(self) -> str:
        """Return the first line."""

    @abstractmethod
    def __rich__(self) -> RenderableType:
        """Return the live display."""


def counting(label: str, quiet: bool) -> Counting:
    """Return a function that yields the items of a sequence; on stderr a bar in a terminal, else a line every ten seconds."""

    def counted(items: Sequence[Item], /) -> Iterator[Item]:
        console = stderr_console()
        last_line = time.perf_counter()
        columns = (bars.TextColumn("{task.description}"), bars.BarColumn(), bars.MofNCompleteColumn(), bars.TimeRemainingColumn())
        hidden = quiet or not console.is_terminal
        with bars.Progress(*columns, console=console, transient=True, disable=hidden) as progress:
            bar = progress.add_task(label, total=len(items))
            for done, item in enumerate(items):
                if hidden and not quiet and time.perf_counter() - last_line > 10:
                    last_line = time.perf_counter()
                    console.print(f"{label}: {done} of {len(items)}", highlight=False)
                yield item
                progress.advance(bar)

    return counted
