"""Accuracy against dependency distance: a panel a task, a curve a cell, a dot a seed, chance drawn."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.plots import CURVE, curve_styles, draw_chance, legend, panels


def accuracy_by_gap(runs: pd.DataFrame) -> Figure:
    """Draw the last accuracy of every finished run; curves join the medians over seeds.

    Args:
        runs: rows of :func:`rnnbench.records.load_runs`.

    Returns:
        The figure; the gap axis is logarithmic beyond 10.
    """
    styles = curve_styles(runs[CURVE].itertuples(index=False, name=None))
    groups = list(runs.groupby("task"))
    figure, axes = panels(len(groups))
    for ax, (task, frame) in zip(axes, groups, strict=False):
        for (cell, init), curve in frame.groupby(CURVE):
            style = styles[str(cell), str(init)]
            median = curve.groupby("gap")["accuracy"].median()
            ax.plot(curve["gap"], curve["accuracy"], style["marker"], color=style["color"], markersize=4, alpha=0.45)
            ax.plot(median.index, median.to_numpy(), linewidth=1.6, markersize=5, **style)  # type: ignore[arg-type]
        draw_chance(ax, frame, "gap")
        gaps = sorted(frame["gap"].unique())
        ax.set_xscale("symlog", linthresh=10)
        ax.set_xticks(gaps, [str(gap) for gap in gaps])
        ax.minorticks_off()
        ax.set(title=str(task), xlabel="gap (time steps)", ylabel="accuracy", ylim=(-0.02, 1.04))
    for ax in axes[len(groups) :]:
        ax.set_axis_off()
    legend(figure, axes)
    return figure
