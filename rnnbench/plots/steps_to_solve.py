"""Training steps that a gap takes: a panel a task, a curve a cell, a dot a seed that solved it."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from rnnbench.config import stem
from rnnbench.plots import CURVE, curve_styles, gap_axis, legend, open_marker, panels
from rnnbench.summary import RATE_RULE, name_variants, summarise


def steps_to_solve(runs: pd.DataFrame) -> Figure:
    """Draw the steps to solve of every seed that solved its gap; lines join the medians where at least half of the seeds did.

    Args:
        runs: rows of :func:`rnnbench.records.load_runs`, at least one of them solved.

    Returns:
        The figure, the steps on a logarithmic axis. Only the learning rate that the other figures show is drawn.
    """
    table = summarise(runs)
    dots = name_variants(runs).merge(table[["task", *CURVE, "gap", "lr"]], on=["task", *CURVE, "gap", "lr"])
    dots = dots[dots["status"] == "solved"]
    styles = curve_styles(table[CURVE].itertuples(index=False, name=None))
    groups = list(table.groupby("task"))
    figure, axes = panels(len(groups))
    for ax, (task, frame) in zip(axes, groups, strict=False):
        ax.set_yscale("log")
        curves = list(frame.groupby(CURVE))
        for k, ((cell, init), curve) in enumerate(curves):
            style = styles[str(cell), str(init)]
            seeds = dots[(dots["task"] == task) & (dots["cell"] == cell) & (dots["init"] == init)]
            ax.plot(seeds["gap"], seeds["steps_to_solve"], style["marker"], color=style["color"], markersize=4, alpha=0.45, mew=0.5)
            most = curve[2 * curve["solved"] >= curve["seeds"]]
            ax.plot(most["gap"], most["steps_to_solve"], **(open_marker(k, len(curves)) | style))
        gap_axis(ax, frame["gap"])
        low, high = ax.get_ylim()
        narrow = high < 5 * low  # 1, 2, 5 would leave a tick or none
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if narrow else (1, 2, 5)))
        ax.minorticks_off()
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        ax.set(title=stem(str(task)), ylabel="training steps to solve")
    several = bool(table["rates"].gt(1).any())
    note = "lines: medians of the seeds that solved it, where at least half did; dots: seeds"
    legend(figure, axes, note + (f"; learning rate: {RATE_RULE}" if several else ""))
    return figure
