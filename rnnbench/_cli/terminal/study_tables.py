"""Tables for the screen, and for pasting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import typer

from rnnbench._cli.terminal.flags import Format
from rnnbench._cli.terminal.formatting import duration, say

if TYPE_CHECKING:
    import pandas as pd

    from rnnbench._analysis.summary import FrameRow


def show(rows: pd.DataFrame, texts: pd.DataFrame, group: list[str], notes: list[str], format: Format, joint: str = "; ") -> None:
    """Print a table: the numbers as CSV, or their texts with the notes on how to read them.

    On a screen every ``group`` has its own part, headed by the task and, between them ``joint``, its other names.
    """
    from rnnbench._analysis import tables

    if format is Format.csv:
        typer.echo(rows.to_csv(index=False), nl=False)
    elif format is Format.rich:
        on_screen(texts, group, notes, joint)
    elif format is Format.markdown:
        typer.echo(tables.markdown(texts) + "\n\n" + "; ".join(notes) + ".")
    else:
        columns = "l" * len(group) + "r" * (len(texts.columns) - len(group))
        typer.echo(tables.latex(texts, columns) + "\n" + "\n".join(f"% {note}" for note in notes))


def pasted(rows: pd.DataFrame, format: Format) -> str:
    """A plain table in another format than the screen's."""
    from rnnbench._analysis import tables

    if format is Format.csv:
        csv: str = rows.to_csv(index=False)
        return csv
    texts = rows.astype("string").fillna("")
    return (tables.markdown(texts) if format is Format.markdown else tables.latex(texts, "l" * len(texts.columns))) + "\n"


def on_screen(texts: pd.DataFrame, group: list[str], notes: list[str], joint: str) -> None:
    """One narrow table per task and curve, its names above it, so that 80 columns are enough."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for names, part in texts.groupby(group, sort=False):
        heading = ": ".join(filter(None, (str(names[0]), joint.join(map(str, names[1:])))))
        console.print(Text(heading, style="bold"), highlight=False)
        shown = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
        for heading in texts.columns[len(group) :]:
            words = heading == "curve"  # a long label takes more lines, a number never
            shown.add_column(heading, justify="left" if words else "right", no_wrap=not words)
        for values in part.itertuples(index=False):
            shown.add_row(*values[len(group) :])
        console.print(shown)
        console.print()
    for note in notes:
        console.print(note, highlight=False)


def say_published(rows: pd.DataFrame, ours: pd.DataFrame) -> None:
    """Published results, each with our runs of the same task, cell and gap below it."""
    for row in rows.to_dict("records"):
        say(_theirs(row))
        same = ours[(ours["task"] == row["our_task"]) & (ours["cell"] == row["our_cell"]) & (ours["gap"] == row["our_gap"])]
        for mine in same.to_dict("records"):
            say(_ours(mine), 4)


def say_reproductions(table: pd.DataFrame) -> None:
    """Each number, whether it is reproduced, what was found and how it is run."""
    for row in table.to_dict("records"):
        source = f" ({row['source']})" if row["source"] else ""
        say(f"{row['cell']}: {row['says']}{source}: {row['reproduces']}")
        for name in ("found", "deviation", "command"):
            if row[name]:
                say(f"{name}: {row[name]}", 4)


def _theirs(row: FrameRow) -> str:
    ratio = "" if math.isnan(row["over_chance"]) else f" = loss/chance {row['over_chance']:.3g}"
    cost = f"; iterations: {row['iterations']}" if row["iterations"] else ""
    doubt = "" if row["verified"] else f" [{row['confidence']}]"
    return f"{row['paper']}: {row['task']}, T={row['gap_or_T']}, {row['cell']}: {row['metric']} {row['value']}{ratio}{cost}{doubt}"


def _ours(mine: FrameRow) -> str:
    who = f"rnnbench, gap {mine['gap']}, {mine['label']}, lr {mine['lr']:g}"
    reached = f"loss/chance {mine['over_chance']:.3g} ({mine['low']:.3g} to {mine['high']:.3g})"
    cost = f"{mine['step']:,.0f} steps, {mine['sequences']:,.0f} sequences, {duration(mine['wall_s'])} (medians)"
    return f"{who}: {reached}, solved {mine['solved']} of {mine['seeds']}; {cost}"
