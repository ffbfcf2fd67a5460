"""Accuracy against the gap: a panel per task, a curve per cell, a dot per seed, chance as a dashed line."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench._analysis.summary import BEST_RULE, mark_best, summarise
from rnnbench.plots._panels import (
    AxesLike,
    add_legend,
    draw_chance_line,
    draw_intervals,
    label_ends,
    set_accuracy_axis,
    set_gap_axis,
    split_curves,
    task_panels,
)
from rnnbench.plots._style import SEED_DOTS, HasRuns, curve_styles, runs_frame, styled


@styled
def plot_accuracy(runs: pd.DataFrame | HasRuns, ax: AxesLike | None = None) -> Figure:
    """Plot the final accuracy of every finished run against the gap.

    Curves join the medians over seeds, with 95 % bootstrap intervals. Curves are shifted a little sideways so that they do not
    overlap. With several learning rates each curve takes the best one at each gap (the note names the rule), and seeds of other
    rates are fainter dots.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure.

    Example:
        >>> import rnnbench
        >>> study = rnnbench.Study.open("results/reference")
        >>> plot_accuracy(study.runs().query("task == 'copy'")).axes[0].get_title()
        'copy'
    """
    runs = runs_frame(runs)
    marked, table = mark_best(runs), summarise(runs)
    styles = curve_styles(marked)
    figure, panels = task_panels(marked, ax)
    labelled: set[str] = set()
    for task, dots, panel in panels:
        curves = split_curves(table[table["task"] == dots["task"].iloc[0]], styles)
        for curve in curves:
            rows = curve.rows
            for best, alpha in ((False, 0.2), (True, 0.45)):
                seeds = dots[(dots["label"] == curve.label) & (dots["best"] == best)]
                panel.plot(curve.shift(seeds["gap"]), seeds["accuracy"], color=curve.line["color"], alpha=alpha, **SEED_DOTS)
            draw_intervals(panel, curve, rows["accuracy"], rows["accuracy_low"], rows["accuracy_high"])
        draw_chance_line(panel, dots, "gap")
        set_gap_axis(panel, dots["gap"])
        set_accuracy_axis(panel)
        panel.set_title(task)
        labelled |= label_ends(panel, curves, "accuracy")
    note = "lines: medians over seeds; bars: 95 % bootstrap intervals; dots: seeds"
    if not marked["best"].all():
        note += f", those of other rates fainter. Lines are at the {BEST_RULE}"
    add_legend(figure, [panel for _, _, panel in panels], note, ax is None, labelled)
    return figure
