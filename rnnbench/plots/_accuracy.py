"""Accuracy against dependency distance: a panel per task, a curve per cell, a dot per seed, chance drawn."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench._analysis.summary import BEST_RULE, mark_best, summarise
from rnnbench.plots._panels import Places, accuracy_axis, beside, by_task, draw_chance, finish, gap_axis, label_ends
from rnnbench.plots._style import BARS, SEEDS, Runs, curve_looks, runs_of, styled


@styled
def plot_accuracy(runs: pd.DataFrame | Runs, ax: Places | None = None) -> Figure:
    """Draw the last accuracy of every finished run; curves join the medians over seeds, with their intervals.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure. With several learning rates the curve takes, gap by gap, the best (``summary.BEST_RULE``), which
        the figure says; the seeds of the other rates are fainter dots. Curves stand a little apart sideways.
    """
    runs = runs_of(runs)
    marked, table = mark_best(runs), summarise(runs)
    looks = curve_looks(marked)
    figure, places = by_task(marked, ax)
    direct: set[str] = set()
    for task, dots, panel in places:
        rows = table[table["task"] == dots["task"].iloc[0]]
        labels = [label for label in looks if label in set(rows["label"])]
        ends = {}
        for k, label in enumerate(labels):
            look, curve = looks[label], rows[rows["label"] == label]
            for best, alpha in ((False, 0.2), (True, 0.45)):
                seeds = dots[(dots["label"] == label) & (dots["best"] == best)]
                x = beside(seeds["gap"], k, len(labels))
                panel.plot(x, seeds["accuracy"], color=look["color"], alpha=alpha, **SEEDS)
            x = beside(curve["gap"], k, len(labels))
            reach = np.maximum(0, [curve["accuracy"] - curve["accuracy_low"], curve["accuracy_high"] - curve["accuracy"]])
            panel.errorbar(x, curve["accuracy"], reach, **BARS, **look)
            ends[label] = (float(curve["gap"].iloc[-1]), float(curve["accuracy"].iloc[-1]), look)
        draw_chance(panel, dots, "gap")
        gap_axis(panel, dots["gap"])
        accuracy_axis(panel)
        panel.set_title(task)
        direct |= label_ends(panel, ends)
    several = not marked["best"].all()
    note = "lines: medians over seeds; bars: 95 % bootstrap intervals; dots: seeds"
    note += f", those of other rates fainter. Lines are at the {BEST_RULE}" if several else ""
    finish(figure, [panel for _, _, panel in places], note, ax is None, direct)
    return figure
