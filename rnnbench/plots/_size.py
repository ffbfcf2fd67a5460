"""Span against state size, or against the number of parameters."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from rnnbench._analysis.statistics import SPAN_RULE
from rnnbench._analysis.summary import spans
from rnnbench.plots._panels import AxesLike, add_legend, best_rate_note, font_size, task_panels
from rnnbench.plots._style import INTERVAL_BARS, HasRuns, cell_or_label, curve_styles, runs_frame, seed_count_text, styled

SIZE_LABELS = {"state_size": "numbers carried from step to step", "parameters": "trainable parameters"}


@styled
def plot_span_by_size(
    runs: pd.DataFrame | HasRuns, ax: AxesLike | None = None, size: Literal["state_size", "parameters"] = "state_size"
) -> Figure:
    """Plot the span of every curve against its size, a panel per task.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.
        size: column of the horizontal axis.

    Returns:
        The figure. Bars are 95 % intervals over seeds. Curves of equal size are shifted sideways.
    """
    table = spans(runs_frame(runs))
    table = table[table[size] >= 0].reset_index(drop=True)  # neither missing nor a state that grows with the sequence
    table["label"] = cell_or_label(table)
    styles = curve_styles(table)
    figure, panels = task_panels(table, ax, height=3.4)
    sizes = table[size][table[size] > 0]
    smallest, largest = (sizes.min(), sizes.max()) if len(sizes) else (1, 1)
    has_zero = bool((table[size] == 0).any())  # a curve without a state
    powers = [2**k for k in range(40) if smallest / 1.4 <= 2**k <= largest * 1.4]
    for task, rows, panel in panels:
        values = rows.assign(**{name: rows[name].astype(float).fillna(0.0) for name in ("span", "span_low", "span_high")})
        gaps = sorted({*rows["smallest_gap"], *rows["largest_gap"], *rows["span"].dropna()} - {0}) or [1]
        panel.set_yscale("symlog", linthresh=gaps[0], linscale=0.3)
        panel.set_yticks([0, *gaps], [f"below {gaps[0]}", *map(str, gaps)], fontsize=font_size(0.9))
        panel.yaxis.minorticks_off()
        panel.set_ylim(-0.3 * gaps[0], 1.6 * gaps[-1])
        panel.set_xscale("symlog", base=2, linthresh=smallest / 2, linscale=0.5)
        panel.set_xlim(-0.1 * smallest if has_zero else smallest / 1.4, largest * 1.4)
        panel.set_xticks([0, *powers] if has_zero else powers)
        panel.xaxis.set_major_formatter("{x:,.0f}")
        panel.xaxis.minorticks_off()
        near = values.sort_values("label").groupby((4 * np.log2(values[size].clip(lower=1))).round())  # points that would overlap
        values["k"], values["count"] = near.cumcount(), near["label"].transform("count")
        for row in values.to_dict("records"):
            apart = panel.transData + ScaledTranslation((row["k"] - (row["count"] - 1) / 2) / 11, 0, figure.dpi_scale_trans)
            errors = [[row["span"] - row["span_low"]], [row["span_high"] - row["span"]]]
            marker = styles[row["label"]] | {"linestyle": ""}
            panel.errorbar(row[size], row["span"], errors, transform=apart, **marker, **INTERVAL_BARS)
        panel.grid(color="0.92", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.set(title=task, xlabel=SIZE_LABELS[size], ylabel="span (time steps)")
    note = f"{seed_count_text(table)}. {SPAN_RULE}; bars: its 95 % interval over seeds"
    add_legend(figure, [panel for _, _, panel in panels], note + best_rate_note(table), ax is None)
    return figure
