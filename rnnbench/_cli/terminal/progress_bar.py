"""The displays of running commands on stderr, so that stdout only contains the result."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

from rich import progress as bars
from rich.console import RenderableType
from rich.live import Live

from rnnbench._cli.terminal.console import stderr_console

if TYPE_CHECKING:
    from rnnbench.insight._arguments import Counting

Item = TypeVar("Item")


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
            self.console.print(text, soft_wrap=True)

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
        hidden = quiet or not items or not console.is_terminal
        with bars.Progress(*columns, console=console, transient=True, disable=hidden) as progress:
            bar = progress.add_task(label, total=len(items))
            for done, item in enumerate(items):
                if hidden and not quiet and time.perf_counter() - last_line > 10:
                    last_line = time.perf_counter()
                    console.print(f"{label}: {done} of {len(items)}")
                yield item
                progress.advance(bar)

    return counted
