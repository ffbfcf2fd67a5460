"""Training steps until a gap is solved: a panel per task, a curve per cell, a dot per seed that solved it."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from rnnbench._analysis.summary import best_runs, summarise
from rnnbench.plots._panels import AxesLike, add_legend, best_rate_note, draw_intervals, set_gap_axis, split_curves, task_panels
from rnnbench.plots._style import SEED_DOTS, HasRuns, curve_styles, runs_frame, styled


@styled
def plot_steps(runs: pd.DataFrame | HasRuns, ax: AxesLike | None = None) -> Figure:
    """Plot the training steps of every seed that solved its gap, on a logarithmic axis.

    Lines join the medians at gaps that at least half of the seeds solved. Only the best learning rate at each gap is shown.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`, at least one of them solved.
        ax: axes to draw in, one per task.

    Returns:
        The figure.
    """
    runs = runs_frame(runs)
    table, dots = summarise(runs), best_runs(runs)
    dots = dots[dots["status"] == "solved"]
    styles = curve_styles(table)
    figure, panels = task_panels(table[table["task"].isin(dots["task"])], ax)
    for task, rows, panel in panels:
        here = dots[dots["task"] == rows["task"].iloc[0]]
        panel.set_yscale("log")
        low, high = here["steps_to_solve"].min() / 1.15, here["steps_to_solve"].max() * 1.15
        panel.set_ylim(low, high)  # all seeds may take the same number
        for curve in split_curves(rows[rows["label"].isin(here["label"])], styles):
            seeds = here[here["label"] == curve.label]
            panel.plot(curve.shift(seeds["gap"]), seeds["steps_to_solve"], color=curve.line["color"], alpha=0.4, **SEED_DOTS)
            solved = curve.rows[2 * curve.rows["solved"] >= curve.rows["seeds"]]
            draw_intervals(panel, curve._replace(rows=solved), solved["steps_to_solve"], solved["steps_low"], solved["steps_high"])
        set_gap_axis(panel, rows["gap"])
        narrow = high < 5 * low  # 1, 2, 5 would leave at most one tick
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if narrow else (1, 2, 5)))
        panel.minorticks_off()
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.set(title=task, ylabel="training steps to solve")
    note = "lines: medians of the seeds that solved it, where at least half did; bars: 95 % bootstrap intervals; dots: seeds"
    add_legend(figure, [panel for _, _, panel in panels], note + best_rate_note(table), ax is None)
    return figure
