"""The curse of memory: how the output depends on the parameters, and on the state a gap before, against the gap."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots.looks import curve_looks, styled
from rnnbench.plots.panels import finish, gap_axis, panels

FLOOR = 1e-12
"""The axes end here: below, nothing is left to compare."""


@styled
def plot_sensitivity(frame: pd.DataFrame) -> Figure:
    """Draw the sensitivity of several cells against the gap.

    Args:
        frame: rows of :func:`rnnbench.insight.sensitivity.sensitivity`, of one task.

    Returns:
        Two panels on logarithmic axes: slope in the parameters, and slope in the state a gap earlier. Medians over seeds.
    """
    names = frame["cell"].map(lambda cell: stem(str(cell))) + " (" + frame["init"].astype(str) + ")"
    frame = frame.assign(label=names)
    looks = curve_looks(frame)
    figure, axes = panels(2, width=4.6, height=3.4)
    kinds = {"sensitivity": "d output / d parameters", "through_time": "d output / d state, a gap earlier"}
    for ax, (column, what) in zip(axes, kinds.items(), strict=True):
        for label, look in looks.items():
            curve = frame[frame["label"] == label].groupby("gap")[column].median()
            ax.plot(curve.index, curve.where(curve > FLOOR).to_numpy(), **look)
        gap_axis(ax, frame["gap"])
        ax.set_yscale("log")
        ax.set(title=f"{stem(str(frame['task'].iloc[0]))}: {what}", ylabel="norm")
    note = "before training; slopes below 1e-12 are not drawn. A memory that is kept (right, level) makes the output sensitive to "
    note += "every parameter (left), unless its input is shut in proportion (Zucchet & Orvieto 2024)"
    finish(figure, axes, note, True)
    return figure
