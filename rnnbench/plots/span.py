"""How far back each cell remembers: a panel a task, a bar a cell, up to its span."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots import CURVE, curve_styles, gap_axis, legend, panels
from rnnbench.stats import SPAN_RULE
from rnnbench.summary import RATE_RULE, summarise


def span(runs: pd.DataFrame) -> Figure:
    """Draw the span of every curve on every task, the rule printed.

    Args:
        runs: rows of :func:`rnnbench.records.load_runs`.

    Returns:
        The figure. An arrow: the span is the largest gap tried, and may be larger. "none": not even the smallest gap is solved.
    """
    summary = summarise(runs)
    table = summary.drop_duplicates(["task", *CURVE])
    styles = curve_styles(table[CURVE].itertuples(index=False, name=None))
    groups = list(table.groupby("task"))
    tallest = max(len(frame) for _, frame in groups)
    figure, axes = panels(len(groups), width=4.8, height=1.2 + 0.3 * tallest)
    for ax, (task, frame) in zip(axes, groups, strict=False):
        gaps = sorted(summary[summary["task"] == task]["gap"].unique())
        gap_axis(ax, gaps, zero=True)
        ax.grid(axis="x", color="0.9", linewidth=0.8)
        ax.set_axisbelow(True)
        labels = []
        for y, (cell, init, reach, largest) in enumerate(frame[[*CURVE, "span", "largest_gap"]].itertuples(index=False, name=None)):
            style = styles[str(cell), str(init)]
            labels.append(style["label"])
            if pd.isna(reach):
                ax.annotate("none", (0, y), (4, 0), textcoords="offset points", va="center", color=style["color"])
                continue
            ax.plot([0, reach], [y, y], color=style["color"], linewidth=2, linestyle=style["linestyle"], solid_capstyle="butt")
            ax.plot(reach, y, ">" if reach == largest else style["marker"], color=style["color"], markersize=7)
        ax.set_yticks(range(len(labels)), labels)
        ax.set(title=stem(str(task)), ylim=(len(labels) - 0.4, -0.6), xlim=(0, 1.25 * gaps[-1] + 1))
    several = bool(table["rates"].gt(1).any())
    legend(figure, [], f"{SPAN_RULE}; an arrow: or more" + (f". Learning rate: {RATE_RULE}" if several else ""))
    return figure
