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
DetailsFlag = Annotated[
    bool, typer.Option("--details", help="One row per curve and gap, with intervals, rates, steps and the tuning of each curve.")
]


@app.command(epilog="Example: rnnbench table results --compare lstm,gru")
def table(
    study: flags.StudiesArgument = None,
    only: flags.OnlyFlag = None,
    cell: flags.CellFilterFlag = None,
    sweep: flags.SweepFilterFlag = None,
    every: flags.AllFlag = False,
    details: DetailsFlag = False,
    spans: SpansFlag = False,
    compare: CompareFlag = None,
    compare_studies: CompareStudiesFlag = False,
    axis: flags.AxisFlag = None,
    format: flags.FormatFlag = flags.Format.rich,
) -> None:
    """Print the results of studies as a table.

    The first table has a row per curve and a column per gap: the seeds that solved it, and the median accuracy. With --details
    their 95 % intervals, steps and tuning follow; --format csv always has all numbers. With --spans one row per curve: its span and
    its cost. With --compare the difference of two cells, with its interval and a p-value. The p-value is corrected for the
    number of rows: choose tasks with --only before you look, and it is corrected less. With --compare-studies the same runs in two
    studies, such as those of two versions of PyTorch, or of two recipes.
    """
    from rnnbench._analysis import summary, tables
    from rnnbench._analysis.axes import with_axis, with_declared_axes
    from rnnbench._cli.terminal.studies import Selection, read_runs
    from rnnbench._cli.terminal.study_tables import print_pairs, print_results, print_table

    if spans + details + (compare is not None) + compare_studies > 1:
        raise UserError("--spans, --details, --compare and --compare-studies are different tables: give one of them")
    studies = study or [Path("results")]
    if compare_studies:
        print_pairs(studies, Selection(only, cell, sweep, every=True), axis, format)
        return
    runs = read_runs(studies, Selection(only, cell, sweep, every))
    runs = with_declared_axes(runs) if axis is None else with_axis(runs, axis)
    if compare is not None:
        rows = tables.compare_named(runs, compare)
        notes = [*tables.difference_notes(rows), *tables.uncompared_notes(runs, compare)]
        column = {"gap": axis or "gap"}
        texts = tables.readable_difference(rows).rename(columns=column)
        print_table(rows.rename(columns=column), texts, ["task", "first", "second"], notes, format, " against ")
    elif spans:
        rows = summary.spans(runs)
        print_table(rows, tables.readable_spans(rows), ["task"], tables.span_notes(rows), format)
    else:
        print_results(runs, studies, details, format, axis or "gap")
