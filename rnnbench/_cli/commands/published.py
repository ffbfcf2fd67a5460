"""``rnnbench published``: what others reported, with our runs beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Format, FormatOption


@app.command(epilog="Example: rnnbench published results/reference --task adding")
def published(
    study: Annotated[Path | None, typer.Argument(help="Study whose runs are shown beside it.", show_default=False)] = None,
    task: Annotated[str | None, typer.Option(help="Only papers' tasks whose name begins so: adding, copy, latch, ...")] = None,
    cell: Annotated[str | None, typer.Option(help="Only papers' cells whose name has this in it: LSTM, GRU, RNN, ...")] = None,
    unverified: Annotated[bool, typer.Option("--all", help="Also rows that were not read at their source.")] = False,
    reproduces: Annotated[
        bool, typer.Option("--reproduces", help="Each cell's published number on its own protocol, and whether the study agrees.")
    ] = False,
    format: FormatOption = Format.rich,
) -> None:
    """List published results; where the study has the same task, cell and gap, what rnnbench measured and at which cost.

    T is the papers' own: the blanks of copy, the length of adding, which is twice rnnbench's gap. Loss/chance is the loss over
    that of the best network without memory; ours on copy is counted on the recalled symbols, theirs over all steps.
    """
    from rnnbench._analysis import published as record
    from rnnbench._analysis.reproductions import reproduced
    from rnnbench._cli.terminal.study_tables import pasted, say_published, say_reproductions
    from rnnbench._study import Study

    if reproduces:
        table = reproduced(Study.open(study) if study else None, task, cell)
        if format is Format.rich:
            say_reproductions(table)
        else:
            typer.echo(pasted(table, format), nl=False)
        return
    rows = record.chosen(task, cell, unverified)
    ours = record.beside(rows, Study.open(study).runs() if study else None)
    if format is Format.rich:
        say_published(rows, ours)
    else:
        typer.echo(pasted(record.merged(rows, ours), format), nl=False)
