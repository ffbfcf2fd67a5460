"""Share of the seeds that solved a gap, with its interval: a panel a task, a curve a cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots import CURVE, curve_styles, gap_axis, legend, panels
from rnnbench.summary import RATE_RULE, summarise


def solved_rate(runs: pd.DataFrame) -> Figure:
    """Draw k of n seeds solved against the gap, with 95 % Wilson intervals.

    Args:
        runs: rows of :func:`rnnbench.records.load_runs`.

    Returns:
        The figure. Curves are set a little apart sideways, so that intervals do not hide each other.
    """
    table = summarise(runs)
    styles = curve_styles(table[CURVE].itertuples(index=False, name=None))
    groups = list(table.groupby("task"))
    figure, axes = panels(len(groups))
    for ax, (task, frame) in zip(axes, groups, strict=False):
        curves = list(frame.groupby(CURVE))
        for (cell, init), curve, shift in zip(*zip(*curves, strict=True), np.linspace(-1, 1, len(curves)), strict=True):
            style = styles[str(cell), str(init)]
            share = curve["solved"] / curve["seeds"]
            reach = np.maximum(0, [share - curve["solved_low"], curve["solved_high"] - share])
            x = curve["gap"] + shift * np.maximum(0.35, 0.05 * curve["gap"])
            ax.errorbar(x, share, reach, linewidth=1.4, elinewidth=0.8, capsize=2, markersize=5, **style)  # type: ignore[arg-type]
        gap_axis(ax, frame["gap"])
        ax.set(title=stem(str(task)), ylabel="seeds that solved it", ylim=(-0.04, 1.04))
    several = bool(table["rates"].gt(1).any())
    legend(figure, axes, "bars: 95 % Wilson intervals" + (f"; {RATE_RULE}" if several else ""))
    return figure
