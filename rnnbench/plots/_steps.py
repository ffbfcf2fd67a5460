"""Training steps that a gap takes: a panel per task, a curve per cell, a dot per seed that solved it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from rnnbench._analysis.summary import BEST_RULE, best_runs, summarise
from rnnbench.plots._panels import Places, beside, by_task, finish, gap_axis
from rnnbench.plots._style import BARS, SEEDS, Runs, curve_looks, runs_of, styled


@styled
def plot_steps(runs: pd.DataFrame | Runs, ax: Places | None = None) -> Figure:
    """Draw the steps to solve of every seed that solved its gap; lines join the medians where at least half of the seeds did.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`, at least one of them solved.
        ax: axes to draw in, one per task.

    Returns:
        The figure, the steps on a logarithmic axis. Only the learning rate that the other figures show is drawn.
    """
    runs = runs_of(runs)
    table, dots = summarise(runs), best_runs(runs)
    dots = dots[dots["status"] == "solved"]
    looks = curve_looks(table)
    figure, places = by_task(table[table["task"].isin(dots["task"])], ax)
    for task, rows, panel in places:
        panel.set_yscale("log")
        taken = dots.loc[dots["task"] == rows["task"].iloc[0], "steps_to_solve"]
        low, high = taken.min() / 1.15, taken.max() * 1.15
        panel.set_ylim(low, high)  # all seeds may take the same number
        there = set(dots.loc[dots["task"] == rows["task"].iloc[0], "label"])
        labels = [label for label in looks if label in there]
        for k, label in enumerate(labels):
            look, curve = looks[label], rows[rows["label"] == label]
            seeds = dots[(dots["task"] == curve["task"].iloc[0]) & (dots["label"] == label)]
            x = beside(seeds["gap"], k, len(labels))
            panel.plot(x, seeds["steps_to_solve"], color=look["color"], alpha=0.4, **SEEDS)
            most = curve[2 * curve["solved"] >= curve["seeds"]]
            middle = most["steps_to_solve"]
            reach = np.maximum(0, [middle - most["steps_low"], most["steps_high"] - middle])
            x = beside(most["gap"], k, len(labels))
            panel.errorbar(x, middle, reach, **BARS, **look)
        gap_axis(panel, rows["gap"])
        narrow = high < 5 * low  # 1, 2, 5 would leave a tick or none
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if narrow else (1, 2, 5)))
        panel.minorticks_off()
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.set(title=task, ylabel="training steps to solve")
    note = "lines: medians of the seeds that solved it, where at least half did; bars: 95 % bootstrap intervals; dots: seeds"
    note += f". Curves are at the {BEST_RULE}" if table["rates"].gt(1).any() else ""
    finish(figure, [panel for _, _, panel in places], note, ax is None)
    return figure
