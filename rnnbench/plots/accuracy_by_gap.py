"""Accuracy against dependency distance: a panel a task, a curve a cell, a dot a seed, chance drawn."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots import CURVE, curve_styles, draw_chance, gap_axis, legend, open_marker, panels
from rnnbench.summary import RATE_RULE, mark_best


def accuracy_by_gap(runs: pd.DataFrame) -> Figure:
    """Draw the last accuracy of every finished run; curves join the medians over seeds.

    Args:
        runs: rows of :func:`rnnbench.records.load_runs`.

    Returns:
        The figure. With several learning rates the curve takes, gap by gap, the one with the best median, which the figure says;
        the seeds of the other rates are fainter dots.
    """
    runs = mark_best(runs)
    styles = curve_styles(runs[CURVE].itertuples(index=False, name=None))
    groups = list(runs.groupby("task"))
    figure, axes = panels(len(groups))
    for ax, (task, frame) in zip(axes, groups, strict=False):
        curves = list(frame.groupby(CURVE))
        for k, ((cell, init), curve) in enumerate(curves):
            style = styles[str(cell), str(init)]
            for best, dots in curve.groupby("best"):
                alpha = 0.45 if best else 0.15
                ax.plot(dots["gap"], dots["accuracy"], style["marker"], color=style["color"], markersize=4, alpha=alpha, mew=0.5)
            median = curve[curve["best"]].groupby("gap")["accuracy"].median()
            ax.plot(median.index, median.to_numpy(), **(open_marker(k, len(curves)) | style))
        draw_chance(ax, frame, "gap")
        gap_axis(ax, frame["gap"])
        ax.set(title=stem(str(task)), ylabel="accuracy", ylim=(-0.02, 1.04))
    note = "lines: medians over seeds; dots: seeds"
    if not runs["best"].all():
        note = f"lines: {RATE_RULE}; all rates as dots, the others' fainter"
    legend(figure, axes, note)
    return figure
