"""Numbers and lines as commands print them. Never imports torch."""

from __future__ import annotations

import math
import shutil
import sys
import textwrap

import typer

from rnnbench._errors import visible


def echo(text: str = "", err: bool = False, nl: bool = True) -> None:
    """Print text to stdout or stderr. Control characters, which a study or a plug-in may contain, are shown as escapes."""
    typer.echo(visible(text), err=err, nl=nl)


def percent(share: float) -> str:
    """Return a share as a percentage: ``99.2 %``."""
    return f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """Return a time in words: ``1 h 02 min``, ``3 min 20 s`` or ``12 s``."""
    total = round(seconds)
    if total >= 3600:
        return f"{total // 3600} h {total % 3600 // 60:02d} min"
    return f"{total // 60} min {total % 60:02d} s" if total >= 60 else f"{total} s"


def measured_line(gap: int, accuracy: float, chance: float) -> str:
    """Return the accuracy at another gap: ``at gap 50: 93.2 %, chance 12.5 %``."""
    return f"at gap {gap:,}: {percent(accuracy)}, chance {percent(chance)}"


def number(value: float, spec: str) -> str:
    """Return a number in a format with a fixed width; a dash if it is not finite."""
    width = int(spec.split(".")[0])
    return format(value, spec) if math.isfinite(value) else "-".rjust(width)


def block_character(share: float) -> str:
    """Return a block whose height is a share from 0 to 1."""
    return "▁▂▃▄▅▆▇█"[min(7, int(8 * share))]


def line_width(err: bool = False) -> int | None:
    """Return the columns of the terminal, at least 40; None if stdout (or stderr) is not a terminal."""
    return max(40, shutil.get_terminal_size().columns) if (sys.stderr if err else sys.stdout).isatty() else None


def print_lines(text: str) -> None:
    """Print lines of words, each wrapped in a terminal."""
    for line in text.splitlines():
        print_wrapped(line)


def print_wrapped(text: str, indent: int = 0, hanging: int = 4, err: bool = False) -> None:
    """Print a line; wrap it in a terminal, later lines ``hanging`` columns to the right."""
    first, rest = " " * indent, " " * (indent + hanging)
    if width := line_width(err):
        text = "\n".join(textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False))
        echo(text, err=err)
    else:
        echo(first + text, err=err)
