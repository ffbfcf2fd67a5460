"""Progress bars of the analysis commands."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TypeVar

from rich import progress as bars
from rich.console import Console

if TYPE_CHECKING:
    from rnnbench.insight._progress import Counting

Item = TypeVar("Item")


def counting(label: str, quiet: bool) -> Counting:
    """Return a function that iterates over a sequence like :func:`counted`."""

    def iterate(items: Sequence[Item], /) -> Iterator[Item]:
        return counted(items, label, quiet)

    return iterate


def counted(items: Sequence[Item], label: str, quiet: bool) -> Iterator[Item]:
    """Yield the items, with a progress bar in a terminal, or a line every ten seconds elsewhere, on stderr."""
    console = Console(stderr=True)
    last_line = time.perf_counter()
    progress = bars.Progress(
        *("[progress.description]{task.description}", bars.BarColumn(), bars.MofNCompleteColumn(), bars.TimeRemainingColumn()),
        console=console,
        transient=True,
        disable=quiet or not console.is_terminal,
    )
    with progress:
        bar = progress.add_task(label, total=len(items))
        for done, item in enumerate(items):
            if not (quiet or console.is_terminal) and time.perf_counter() - last_line > 10:
                last_line = time.perf_counter()
                console.print(f"{label}: {done} of {len(items)}", highlight=False)
            yield item
            progress.advance(bar)
