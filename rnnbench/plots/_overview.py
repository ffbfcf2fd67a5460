"""Overview of all spans: a row per curve, a column per task."""

from __future__ import annotations

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench._analysis.statistics import SPAN_RULE
from rnnbench._analysis.summary import format_span, spans
from rnnbench._analysis.tables import format_state_size
from rnnbench.plots._panels import add_legend, best_rate_note, font_size, make_panels
from rnnbench.plots._style import SMALL_TYPE, HasRuns, cell_or_label, runs_frame, seed_count_text, styled

SHADES = matplotlib.colormaps["YlGnBu"]


@styled
def plot_overview(runs: pd.DataFrame | HasRuns, ax: Axes | None = None) -> Figure:
    """Plot the span of every curve on every task as a number on a shade, best curve at the top, easiest task at the left.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in.

    Returns:
        The figure. Below each span is its 95 % interval, if it has a width. The row labels give the state size, the number of
        values carried from step to step. Blank: no run.
    """
    table = spans(runs_frame(runs))
    table["row"] = cell_or_label(table)
    table["reached"] = np.log10(1 + table["span"].astype(float).fillna(0.0))
    rows = list(table.groupby("row")["reached"].mean().sort_values(ascending=False, kind="stable").index)
    tasks = list(table.groupby("task")["reached"].mean().sort_values(ascending=False, kind="stable").index)
    height = 0.9 + 0.34 * len(rows)
    figure, (panel,) = make_panels(["the overview"], ax, width=max(5.0, 1.9 + 1.15 * len(tasks)), height=height)
    shades = table["reached"] / max(float(np.log10(1 + table["largest_gap"].max())), 1e-9)
    for row, shade in zip(table.to_dict("records"), shades, strict=True):
        x, y = tasks.index(row["task"]), rows.index(row["row"])
        color = SHADES(0.05 + 0.8 * shade)
        panel.add_patch(matplotlib.patches.Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=color, linewidth=0))
        bounds = [format_span(row, of) for of in ("span_low", "span_high")]
        ink = "white" if shade > 0.6 else "0.15"
        wide = bounds[0] != bounds[1]
        panel.text(x, y - (0.16 if wide else 0), format_span(row), ha="center", va="center", color=ink, fontsize=font_size(0.95))
        if wide:
            panel.text(x, y + 0.25, " to ".join(bounds), ha="center", va="center", color=ink, fontsize=font_size(0.62))
    states = table.groupby("row")["state_size"].median()
    panel.set_yticks(
        range(len(rows)), [row if pd.isna(states[row]) else f"{row}  {format_state_size(states[row])}" for row in rows]
    )
    panel.set_xticks(range(len(tasks)), tasks)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.set(xlim=(-0.5, len(tasks) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    panel.spines[:].set_visible(False)
    panel.set_ylabel("curve, and the size of its state", fontsize=font_size(SMALL_TYPE))
    note = f"{seed_count_text(table)}. {SPAN_RULE}; ≥: no larger gap was tried; below a span: its 95 % interval over seeds"
    add_legend(figure, [panel], note + best_rate_note(table), ax is None)
    return figure
