"""Span of every curve: a panel per task, a bar per curve."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench._analysis.statistics import SPAN_RULE
from rnnbench._analysis.summary import CURVE, summarise
from rnnbench.plots._panels import AxesLike, add_legend, best_rate_note, font_size, set_gap_axis, task_panels
from rnnbench.plots._style import HasRuns, curve_styles, runs_frame, styled


@styled
def plot_span(runs: pd.DataFrame | HasRuns, ax: AxesLike | None = None) -> Figure:
    """Plot the span of every curve on every task as a bar.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure. An arrow marks a span that equals the largest gap tried, and may be larger. "below 10": the smallest gap tried,
        10, is not solved.
    """
    runs = runs_frame(runs)
    summary = summarise(runs)
    table = summary.drop_duplicates(CURVE)
    styles = curve_styles(table)
    tallest = max(len(rows) for _, rows in table.groupby("task"))
    figure, panels = task_panels(table, ax, width=4.8, height=1.2 + 0.3 * tallest)
    for task, rows, panel in panels:
        gaps = sorted(summary[summary["task"] == rows["task"].iloc[0]]["gap"].unique())
        set_gap_axis(panel, gaps, zero=True)
        panel.grid(axis="x", color="0.9", linewidth=0.8)
        panel.set_axisbelow(True)
        columns = ["label", "span", "smallest_gap", "largest_gap"]
        for y, (label, reach, smallest, largest) in enumerate(rows[columns].itertuples(index=False, name=None)):
            line = styles[label]
            if pd.isna(reach):
                panel.annotate(
                    f"below {smallest}",
                    (0, y),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    color=str(line["color"]),
                    fontsize=font_size(0.9),
                )
                continue
            panel.plot([0, reach], [y, y], color=line["color"], linestyle=line["linestyle"], solid_capstyle="butt")
            panel.plot(reach, y, ">" if reach == largest else line["marker"], color=line["color"])
        panel.set_yticks(range(len(rows)), list(rows["label"]))
        panel.set(title=task, ylim=(len(rows) - 0.4, -0.6), xlim=(0, 1.25 * gaps[-1] + 1))
    note = f"{SPAN_RULE}; an arrow: or more{best_rate_note(summary)}"
    add_legend(figure, [panel for _, _, panel in panels], note, ax is None)
    return figure
