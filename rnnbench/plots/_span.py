"""How far back each cell remembers: a panel per task, a bar per curve, up to its span."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench._analysis.statistics import SPAN_RULE
from rnnbench._analysis.summary import BEST_RULE, CURVE, summarise
from rnnbench.plots._panels import Places, by_task, finish, gap_axis, type_size
from rnnbench.plots._style import Runs, curve_looks, runs_of, styled


@styled
def plot_span(runs: pd.DataFrame | Runs, ax: Places | None = None) -> Figure:
    """Draw the span of every curve on every task, the rule printed.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure. An arrow: the span is the largest gap tried, and may be larger. "below 10": not even the smallest gap is solved.
    """
    runs = runs_of(runs)
    summary = summarise(runs)
    table = summary.drop_duplicates(CURVE)
    looks = curve_looks(table)
    tallest = max(len(rows) for _, rows in table.groupby("task"))
    figure, places = by_task(table, ax, width=4.8, height=1.2 + 0.3 * tallest)
    for task, rows, panel in places:
        gaps = sorted(summary[summary["task"] == rows["task"].iloc[0]]["gap"].unique())
        gap_axis(panel, gaps, zero=True)
        panel.grid(axis="x", color="0.9", linewidth=0.8)
        panel.set_axisbelow(True)
        columns = ["label", "span", "smallest_gap", "largest_gap"]
        for y, (label, reach, smallest, largest) in enumerate(rows[columns].itertuples(index=False, name=None)):
            look = looks[label]
            if pd.isna(reach):
                panel.annotate(
                    f"below {smallest}",
                    (0, y),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    color=str(look["color"]),
                    fontsize=type_size(0.9),
                )
                continue
            panel.plot([0, reach], [y, y], color=look["color"], linestyle=look["linestyle"], solid_capstyle="butt")
            panel.plot(reach, y, ">" if reach == largest else look["marker"], color=look["color"])
        panel.set_yticks(range(len(rows)), list(rows["label"]))
        panel.set(title=task, ylim=(len(rows) - 0.4, -0.6), xlim=(0, 1.25 * gaps[-1] + 1))
    note = f"{SPAN_RULE}; an arrow: or more" + (f". Curves are at the {BEST_RULE}" if summary["rates"].gt(1).any() else "")
    finish(figure, [panel for _, _, panel in places], note, ax is None)
    return figure
