"""``rnnbench table``: studies in numbers, to read or to paste; and two cells compared."""

from __future__ import annotations

from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Cell, Format, FormatOption, Only, Studies, Sweeps
from rnnbench._errors import UserError

Compare = Annotated[
    str | None, typer.Option("--compare", metavar="A,B", help="Two cells, or labels of curves: their difference at every gap.")
]

Spans = Annotated[bool, typer.Option("--spans", help="One row per curve: span, parameters, state size, steps and seconds.")]


@app.command(epilog="Example: rnnbench table results --compare lstm,gru")
def table(
    study: Studies = None,
    only: Only = None,
    cell: Cell = None,
    sweep: Sweeps = None,
    spans: Spans = False,
    compare: Compare = None,
    format: FormatOption = Format.rich,
) -> None:
    """Tabulate studies: per task, curve and gap how many seeds solved it, median accuracy, steps and span, with 95 % intervals,
    and what tuning the curve received.

    With --spans instead how far back each curve remembers, and what that takes. With --compare the difference of two cells, with
    its interval and a p-value corrected for the number of rows: choose tasks with --only before looking, and less is corrected for.
    """
    from rnnbench._analysis import summary, tables
    from rnnbench._cli.terminal.studies import Part, named, runs_of
    from rnnbench._cli.terminal.study_tables import show
    from rnnbench._sweep.recipes import tuning_text

    if spans and compare is not None:
        raise UserError("--spans and --compare are two tables: give one of them")
    studies = named(study)
    runs = runs_of(studies, Part(only, cell, sweep))
    if compare is not None:
        rows = tables.difference(runs, compare)
        show(
            rows, tables.readable_difference(rows), ["task", "first", "second"], tables.difference_notes(rows), format, " against "
        )
    elif spans:
        rows = summary.spans(runs)
        show(rows, tables.readable_spans(rows), ["task"], tables.span_notes(rows), format)
    else:
        rows = summary.summarise(runs)
        rows["tuning"] = tuning_text(rows, studies)
        show(rows, tables.readable(rows), ["task", "curve", "tuning"], tables.summary_notes(rows), format)
