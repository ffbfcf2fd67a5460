"""``rnnbench published``: published results next to our runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import echo


@app.command(epilog="Example: rnnbench published results/reference --task adding")
def published(
    study: Annotated[
        Path | None,
        typer.Argument(metavar="STUDY", help="Study whose runs are shown next to the published results.", show_default=False),
    ] = None,
    task: Annotated[
        str | None, typer.Option(help="Only tasks whose name in the paper begins with this: adding, copy, latch, ...")
    ] = None,
    cell: Annotated[str | None, typer.Option(help="Only cells whose name in the paper contains this: LSTM, GRU, RNN, ...")] = None,
    unverified: Annotated[bool, typer.Option("--all", help="Also results that were not verified at their source.")] = False,
    reproduces: Annotated[
        bool, typer.Option("--reproduces", help="Each cell's published number under its paper's protocol, and our result.")
    ] = False,
    format: flags.FormatFlag = flags.Format.rich,
) -> None:
    """List published results next to our runs of the same task, cell and gap.

    T is as in the papers: the number of blanks of copy, and the length of adding, which is twice our gap. Loss/chance is the loss
    divided by that of the best network without memory. On copy our loss is the mean over the recalled symbols; the papers take the
    mean over all steps.
    """
    from rnnbench._analysis import published as record
    from rnnbench._analysis.reproductions import study_reproductions
    from rnnbench._cli.terminal.study_tables import format_table, print_published, print_reproductions
    from rnnbench._study import StudyFolder

    if reproduces:
        table = study_reproductions(StudyFolder.open(study) if study else None, task, cell)
        if format is flags.Format.rich:
            print_reproductions(table)
        else:
            echo(format_table(table, format), nl=False)
        return
    rows = record.select_published(task, cell, unverified)
    ours = record.matching_results(rows, StudyFolder.open(study).runs() if study else None)
    if format is flags.Format.rich:
        print_published(rows, ours)
    else:
        echo(format_table(record.merge_results(rows, ours), format), nl=False)
