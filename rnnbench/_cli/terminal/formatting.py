"""How the commands put numbers and lines for people. Never imports torch."""

from __future__ import annotations

import math
import shutil
import sys
import textwrap

import typer


def percent(share: float) -> str:
    """99.2 %"""
    return f"{100 * share:.1f} %"


def duration(seconds: float) -> str:
    """1 h 02 min, 3 min 20 s, 12 s"""
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 60} min {whole % 60:02d} s" if whole >= 60 else f"{whole} s"


def measured_line(gap: int, accuracy: float, chance: float) -> str:
    """at gap 50: 93.2 %, chance 12.5 %"""
    return f"at gap {gap:,}: {percent(accuracy)}, chance {percent(chance)}"


def number(value: float, form: str) -> str:
    """A number of a fixed width, or a dash in its place."""
    width = int(form.split(".")[0])
    return format(value, form) if math.isfinite(value) else "-".rjust(width)


def block(share: float) -> str:
    """A share from 0 to 1 as a block of that height."""
    return "▁▂▃▄▅▆▇█"[min(7, int(8 * share))]


def line_width(err: bool = False) -> int | None:
    """Columns of the terminal, at least 40; None where stdout, or stderr, goes elsewhere."""
    return max(40, shutil.get_terminal_size().columns) if (sys.stderr if err else sys.stdout).isatty() else None


def say(text: str, indent: int = 0, hanging: int = 4, err: bool = False) -> None:
    """Print a line; a terminal gets it broken between words, later lines ``hanging`` columns to the right."""
    first, rest = " " * indent, " " * (indent + hanging)
    if width := line_width(err):
        text = "\n".join(textwrap.wrap(text, width, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False))
        typer.echo(text, err=err)
    else:
        typer.echo(first + text, err=err)
