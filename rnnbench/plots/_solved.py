"""Share of the seeds that solved a gap, with its interval: a panel per task, a curve per cell."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench._analysis.summary import BEST_RULE, summarise
from rnnbench.plots._panels import Places, beside, by_task, finish, gap_axis, label_ends
from rnnbench.plots._style import BARS, Runs, curve_looks, runs_of, styled


@styled
def plot_solved(runs: pd.DataFrame | Runs, ax: Places | None = None) -> Figure:
    """Draw k of n seeds solved against the gap, with 95 % Wilson intervals.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure. Curves are set a little apart sideways, so that intervals do not hide each other.
    """
    runs = runs_of(runs)
    table = summarise(runs)
    looks = curve_looks(table)
    figure, places = by_task(table, ax)
    direct: set[str] = set()
    for task, rows, panel in places:
        labels = [label for label in looks if label in set(rows["label"])]
        ends = {}
        for k, label in enumerate(labels):
            curve = rows[rows["label"] == label]
            share = curve["solved"] / curve["seeds"]
            reach = np.maximum(0, [share - curve["solved_low"], curve["solved_high"] - share])
            x = beside(curve["gap"], k, len(labels))
            panel.errorbar(x, share, reach, **BARS, **looks[label])
            ends[label] = (float(curve["gap"].iloc[-1]), float(share.iloc[-1]), looks[label])
        gap_axis(panel, rows["gap"])
        panel.set(title=task, ylabel="seeds that solved it", ylim=(-0.04, 1.05))
        direct |= label_ends(panel, ends)
    note = "bars: 95 % Wilson intervals" + (f". Curves are at the {BEST_RULE}" if table["rates"].gt(1).any() else "")
    finish(figure, [panel for _, _, panel in places], note, ax is None, direct)
    return figure
