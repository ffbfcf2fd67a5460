"""Share of seeds that solved each gap, with Wilson intervals: a panel per task, a curve per cell."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench._analysis.summary import summarise
from rnnbench.plots._panels import (
    AxesLike,
    add_legend,
    best_rate_note,
    draw_intervals,
    label_ends,
    set_gap_axis,
    split_curves,
    task_panels,
)
from rnnbench.plots._style import HasRuns, curve_styles, runs_frame, styled


@styled
def plot_solved(runs: pd.DataFrame | HasRuns, ax: AxesLike | None = None) -> Figure:
    """Plot the share of seeds that solved each gap, with 95 % Wilson intervals.

    Curves are shifted a little sideways so that their intervals do not overlap.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure.
    """
    table = summarise(runs_frame(runs))
    table = table.assign(share=table["solved"] / table["seeds"])
    styles = curve_styles(table)
    figure, panels = task_panels(table, ax)
    labelled: set[str] = set()
    for task, rows, panel in panels:
        curves = split_curves(rows, styles)
        for curve in curves:
            draw_intervals(panel, curve, curve.rows["share"], curve.rows["solved_low"], curve.rows["solved_high"])
        set_gap_axis(panel, rows["gap"])
        panel.set(title=task, ylabel="seeds that solved it", ylim=(-0.04, 1.05))
        labelled |= label_ends(panel, curves, "share")
    note = f"bars: 95 % Wilson intervals{best_rate_note(table)}"
    add_legend(figure, [panel for _, _, panel in panels], note, ax is None, labelled)
    return figure
