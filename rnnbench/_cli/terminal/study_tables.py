"""Tables of studies, for the terminal or as CSV, Markdown and LaTeX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rnnbench._analysis import summary, tables
from rnnbench._analysis.axes import with_axis
from rnnbench._analysis.studies import pair_notes, pair_runs, readable_pairs
from rnnbench._analysis.summary import FrameRow
from rnnbench._cli.terminal.columns import Column, print_columns, split_columns
from rnnbench._cli.terminal.console import PlainConsole
from rnnbench._cli.terminal.flags import Format
from rnnbench._cli.terminal.formatting import duration, echo, print_wrapped
from rnnbench._cli.terminal.studies import Selection, read_runs
from rnnbench._errors import UserError
from rnnbench._sweep.recipes import tuning_text


def print_table(
    rows: pd.DataFrame, texts: pd.DataFrame, group: list[str], notes: list[str], format: Format, joint: str = "; "
) -> None:
    """Print a table: its numbers as CSV, or its texts with notes on how to read them.

    The terminal shows one table per ``group``, headed by the task and the other names of the group with ``joint`` between them.
    """
    if format is Format.csv:
        echo(tables.csv_text(rows), nl=False)
    elif format is Format.rich:
        _print_groups(texts, group, notes, joint)
    elif format is Format.markdown:
        echo(tables.markdown(texts) + "\n\n" + "; ".join(notes) + ".")
    else:
        columns = "l" * len(group) + "r" * (len(texts.columns) - len(group))
        echo(tables.latex(texts, columns) + "\n" + "\n".join(f"% {note}" for note in notes))


def print_pairs(studies: list[Path], selection: Selection, axis: str | None, format: Format) -> None:
    """Print what changed from one study to another; raise UserError unless there are two, with a run in common."""
    if len(studies) != 2:
        raise UserError("--compare-studies takes two studies, as in rnnbench table BEFORE AFTER --compare-studies")
    before, after = (read_runs([one], selection) for one in studies)
    if axis is not None:
        before, after = with_axis(before, axis), with_axis(after, axis)
    rows = pair_runs(before, after)
    if rows.empty:
        raise UserError(f"--compare-studies: {studies[0]} and {studies[1]} have no run in common")
    column = {"gap": axis or "gap"}
    texts = readable_pairs(rows).rename(columns=column)
    print_table(rows.rename(columns=column), texts, ["task", "curve"], pair_notes(rows, before, after), format)


def format_table(rows: pd.DataFrame, format: Format) -> str:
    """Return a plain table as CSV, Markdown or LaTeX."""
    if format is Format.csv:
        return tables.csv_text(rows)
    texts = rows.astype("string").fillna("")
    return (tables.markdown(texts) if format is Format.markdown else tables.latex(texts, "l" * len(texts.columns))) + "\n"


def _print_groups(texts: pd.DataFrame, group: list[str], notes: list[str], joint: str) -> None:
    """Print one narrow table per group, its names above it."""
    console = PlainConsole()
    for names, part in texts.groupby(group, sort=False):
        heading = ": ".join(filter(None, (str(names[0]), joint.join(map(str, names[1:])))))
        console.print(heading, style="bold")
        shown = part.columns[len(group) :]
        print_columns(console, [Column(name.strip(), part[name].tolist(), words=name == "curve") for name in shown])
        console.print()
    _print_notes(console, notes)


def print_by_gap(rows: pd.DataFrame, notes: list[str], format: Format = Format.rich, axis: str = "gap") -> None:
    """Print a summary with a column per gap: in a terminal one table per task, with entries on two lines if need be.

    ``axis`` is the name of the gaps. CSV has one row per curve and gap, with all numbers.
    """
    texts = tables.by_gap(rows)
    if format is not Format.rich:
        print_table(rows.rename(columns={"gap": axis}), texts, ["task", "curve"], notes, format)
        return
    console = PlainConsole()
    for task, part in texts.groupby("task", sort=False):
        console.print(str(task), style="bold")
        gaps = [name for name in part.columns[2:] if part[name].ne("").any()]
        columns = [Column(axis, part["curve"].tolist(), words=True), *(Column(name, part[name].tolist()) for name in gaps)]
        if len([*split_columns(columns, console.width)]) > 1:
            columns[1:] = [Column(name, part[name].str.replace(" ", "\n").tolist()) for name in gaps]
        print_columns(console, columns)
        console.print()
    _print_notes(console, notes)


def print_results(runs: pd.DataFrame, studies: Sequence[Path], details: bool, format: Format, axis: str) -> None:
    """Print the results of runs by gap, with ``details`` their rows after it; ``axis`` is the name of the gaps.

    Markdown and LaTeX have one of the two tables, CSV all numbers.
    """
    rows = summary.summarise(runs)
    rows["tuning"] = tuning_text(rows, runs, studies)
    conditions = summary.condition_notes(runs)
    if not details or format in (Format.rich, Format.csv):
        notes = [*tables.by_gap_notes(rows), *conditions, *tables.tuning_notes(rows)]
        print_by_gap(rows, [] if details else notes, format, axis)
    if details and format is not Format.csv:
        texts = tables.readable(rows).rename(columns={"gap": axis})
        print_table(rows, texts, ["task", "curve", "tuning"], [*tables.summary_notes(rows), *conditions], format)


def _print_notes(console: PlainConsole, notes: list[str]) -> None:
    for note in notes:
        console.print(note)


def print_published(rows: pd.DataFrame, ours: pd.DataFrame) -> None:
    """Print published results, each with our runs of the same task, cell and gap below it."""
    for row in rows.to_dict("records"):
        print_wrapped(_published_line(row))
        same = ours[(ours["task"] == row["our_task"]) & (ours["cell"] == row["our_cell"]) & (ours["gap"] == row["our_gap"])]
        for measured in same.to_dict("records"):
            print_wrapped(_extrapolation_line(measured), 4)


def print_reproductions(table: pd.DataFrame) -> None:
    """Print each published number, our result, and the command that reproduces it."""
    for row in table.to_dict("records"):
        source = f" ({row['source']})" if row["source"] else ""
        print_wrapped(f"{row['cell']}: {row['says']}{source}: {row['reproduces']}")
        for name in ("found", "deviation", "command"):
            if row[name]:
                print_wrapped(f"{name}: {row[name]}", 4)


def _published_line(row: FrameRow) -> str:
    ratio = "" if math.isnan(row["over_chance"]) else f" = loss/chance {row['over_chance']:.3g}"
    cost = f"; iterations: {row['iterations']}" if row["iterations"] else ""
    doubt = "" if row["verified"] else f" [{row['confidence']}]"
    return f"{row['paper']}: {row['task']}, T={row['gap_or_T']}, {row['cell']}: {row['metric']} {row['value']}{ratio}{cost}{doubt}"


def _extrapolation_line(row: FrameRow) -> str:
    label = f"rnnbench, gap {row['gap']}, {row['label']}, lr {row['lr']:g}"
    reached = f"loss/chance {row['over_chance']:.3g} ({row['low']:.3g} to {row['high']:.3g})"
    cost = f"{row['step']:,.0f} steps, {row['sequences']:,.0f} sequences, {duration(row['wall_s'])} (medians)"
    return f"{label}: {reached}, solved {row['solved']} of {row['seeds']}; {cost}"
