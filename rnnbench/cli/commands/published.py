"""``rnnbench published``: what others reported, with our runs beside it."""

from __future__ import annotations

import math
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rnnbench.cli import app
from rnnbench.cli.commands.table import Format, latex, markdown
from rnnbench.cli.terminal.words import duration, say
from rnnbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


@app.command(epilog="Example: rnnbench published results/reference --task adding")
def published(
    study: Annotated[Path | None, typer.Argument(help="Study whose runs are shown beside it.", show_default=False)] = None,
    task: Annotated[str | None, typer.Option(help="Only papers' tasks whose name begins so: adding, copy, latch, ...")] = None,
    cell: Annotated[str | None, typer.Option(help="Only papers' cells whose name has this in it: LSTM, GRU, RNN, ...")] = None,
    unverified: Annotated[bool, typer.Option("--all", help="Also rows that were not read at their source.")] = False,
    reproduces: Annotated[
        bool, typer.Option("--reproduces", help="Each cell's published number on its own protocol, and whether the study agrees.")
    ] = False,
    format: Annotated[Format, typer.Option(help="rich for the screen, or markdown, csv, latex.")] = Format.rich,
) -> None:
    """List published results; where the study has the same task, cell and gap, what rnnbench measured and at which cost.

    T is the papers' own: the blanks of copy, the length of adding, which is twice rnnbench's gap. Loss/chance is the loss over
    that of the best network without memory; ours on copy is counted on the recalled symbols, theirs over all steps.
    """
    if reproduces:
        _reproduces(study, task, cell, format)
        return
    import pandas as pd

    from rnnbench import published as record
    from rnnbench.records import load_runs

    rows = record.published()
    rows = rows[rows["verified"] | unverified]
    if task:
        rows = rows[rows["task"].str.lower().str.startswith(task.lower())]
    if cell:
        rows = rows[rows["cell"].str.lower().str.contains(cell.lower(), regex=False)]
    if rows.empty:
        raise UserError(f"no published row of task {task or 'any'!r} and cell {cell or 'any'!r}: leave out a filter, or add --all")
    ours = record.beside(rows, load_runs(study) if study else pd.DataFrame())
    if format is Format.csv:
        typer.echo(_merged(rows, ours).to_csv(index=False), nl=False)
    elif format is not Format.rich:
        texts = _merged(rows, ours).astype("string").fillna("")
        typer.echo(markdown(texts) if format is Format.markdown else latex(texts, "l" * len(texts.columns)))
    else:
        for row in rows.to_dict("records"):
            say(_theirs(row))
            same = ours[(ours["task"] == row["our_task"]) & (ours["cell"] == row["our_cell"]) & (ours["gap"] == row["our_gap"])]
            for mine in same.to_dict("records"):
                say(_ours(mine), 4)


def _reproduces(study: Path | None, task: str | None, cell: str | None, format: Format) -> None:
    import pandas as pd

    from rnnbench.reproductions import reproductions
    from rnnbench.study import Study

    opened = Study.open(study) if study else None
    table = reproductions(opened.runs(), opened.extrapolation()) if opened else reproductions(pd.DataFrame(), pd.DataFrame())
    if task:
        table = table[table["command"].str.contains(f"--task {task.lower()}", regex=False)]
    if cell:
        table = table[table["cell"].str.contains(cell.lower(), regex=False)]
    if table.empty:
        raise UserError(
            f"no number of task {task or 'any'!r} and cell {cell or 'any'!r} is held to its protocol: leave out a filter"
        )
    if format is Format.csv:
        typer.echo(table.to_csv(index=False), nl=False)
    elif format is not Format.rich:
        texts = table.astype("string")
        typer.echo(markdown(texts) if format is Format.markdown else latex(texts, "l" * len(texts.columns)))
    else:
        for row in table.to_dict("records"):
            source = f" ({row['source']})" if row["source"] else ""
            say(f"{row['cell']}: {row['says']}{source}: {row['reproduces']}")
            for name in ("found", "deviation", "command"):
                if row[name]:
                    say(f"{name}: {row[name]}", 4)


def _theirs(row: dict[Hashable, Any]) -> str:
    ratio = "" if math.isnan(row["over_chance"]) else f" = loss/chance {row['over_chance']:.3g}"
    cost = f"; iterations: {row['iterations']}" if row["iterations"] else ""
    doubt = "" if row["verified"] else f" [{row['confidence']}]"
    return f"{row['paper']}: {row['task']}, T={row['gap_or_T']}, {row['cell']}: {row['metric']} {row['value']}{ratio}{cost}{doubt}"


def _ours(mine: dict[Hashable, Any]) -> str:
    who = f"rnnbench, gap {mine['gap']}, {mine['label']}, lr {mine['lr']:g}"
    reached = f"loss/chance {mine['over_chance']:.3g} ({mine['low']:.3g} to {mine['high']:.3g})"
    cost = f"{mine['step']:,.0f} steps, {mine['sequences']:,.0f} sequences, {duration(mine['wall_s'])} (medians)"
    return f"{who}: {reached}, solved {mine['solved']} of {mine['seeds']}; {cost}"


def _merged(rows: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Published rows, and to the right our runs of the same task, cell and gap, under names that begin with ``our_``."""
    renamed = ours.rename(columns={name: f"our_{name}" for name in ours.columns})
    kept = rows.drop(columns="verified")
    return kept.merge(renamed.astype({"our_gap": "Int64"}), on=["our_task", "our_cell", "our_gap"], how="left")
