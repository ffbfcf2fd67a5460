"""``rnnbench table``: the numbers of studies, and the comparison of two cells."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._errors import UserError

CompareFlag = Annotated[
    str | None, typer.Option("--compare", metavar="A,B", help="Difference of two cells, or of two curves by label, at every gap.")
]

SpansFlag = Annotated[bool, typer.Option("--spans", help="One row per curve: span, parameters, state size, steps and seconds.")]


CompareStudiesFlag = Annotated[
    bool, typer.Option("--compare-studies", help="The same runs in two studies, before and after, and which verdicts changed.")
]


@app.command(epilog="Example: rnnbench table results --compare lstm,gru")
def table(
    study: flags.StudiesArgument = None,
    only: flags.OnlyFlag = None,
    cell: flags.CellFilterFlag = None,
    sweep: flags.SweepFilterFlag = None,
    spans: SpansFlag = False,
    compare: CompareFlag = None,
    compare_studies: CompareStudiesFlag = False,
    axis: flags.AxisFlag = None,
    format: flags.FormatFlag = flags.Format.rich,
) -> None:
    """Print the results of studies as a table.

    One row per task, curve and gap: the share of seeds that solved it, median accuracy, steps and span with 95 % intervals, and the
    tuning. With --spans one row per curve: the span and its cost. With --compare the difference of two cells, with its interval and
    a p-value. The p-value is corrected for the number of rows: choose tasks with --only before you look, and it is corrected less.
    With --compare-studies the same runs in two studies, such as those of two versions of PyTorch, or of two recipes.
    """
    from rnnbench._analysis import summary, tables
    from rnnbench._analysis.axes import with_axis, with_declared_axes
    from rnnbench._cli.terminal.studies import Selection, read_runs
    from rnnbench._cli.terminal.study_tables import print_pairs, print_table
    from rnnbench._sweep.recipes import tuning_text

    if spans + (compare is not None) + compare_studies > 1:
        raise UserError("--spans, --compare and --compare-studies are different tables: give one of them")
    studies = study or [Path("results")]
    if compare_studies:
        print_pairs(studies, Selection(only, cell, sweep), axis, format)
        return
    runs = read_runs(studies, Selection(only, cell, sweep))
    runs = with_declared_axes(runs) if axis is None else with_axis(runs, axis)
    column = {"gap": axis or "gap"}
    if compare is not None:
        rows = tables.compare_named(runs, compare)
        notes = [*tables.difference_notes(rows), *tables.uncompared_notes(runs, compare)]
        texts = tables.readable_difference(rows).rename(columns=column)
        print_table(rows.rename(columns=column), texts, ["task", "first", "second"], notes, format, " against ")
    elif spans:
        rows = summary.spans(runs)
        print_table(rows, tables.readable_spans(rows), ["task"], tables.span_notes(rows), format)
    else:
        rows = summary.summarise(runs)
        rows["tuning"] = tuning_text(rows, studies)
        texts, notes = tables.readable(rows).rename(columns=column), tables.summary_notes(rows, column["gap"])
        print_table(rows.rename(columns=column), texts, ["task", "curve", "tuning"], notes, format)
