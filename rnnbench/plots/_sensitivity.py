"""The curse of memory: how the output depends on the parameters, and on the state a gap before, against the gap."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.plots._panels import Places, finish, gap_axis, panels
from rnnbench.plots._style import cell_and_init, curve_looks, styled

FLOOR = 1e-12
"""The axes end here: below, nothing is left to compare."""


@styled
def plot_sensitivity(frame: pd.DataFrame, ax: Places | None = None) -> Figure:
    """Draw the sensitivity of several cells against the gap.

    Args:
        frame: rows of :func:`rnnbench.insight._sensitivity.sensitivity`, of one task.
        ax: axes to draw in, two.

    Returns:
        Two panels on logarithmic axes: slope in the parameters, and slope in the state a gap earlier. Medians over seeds.
    """
    names = cell_and_init(frame)
    frame = frame.assign(label=names)
    looks = curve_looks(frame)
    kinds = {"sensitivity": "d output / d parameters", "through_time": "d output / d state, a gap earlier"}
    figure, axes = panels(list(kinds), ax, width=4.6, height=3.4)
    for panel, (column, what) in zip(axes, kinds.items(), strict=True):
        for label, look in looks.items():
            curve = frame[frame["label"] == label].groupby("gap")[column].median()
            panel.plot(curve.index, curve.where(curve > FLOOR).to_numpy(), **look)
        gap_axis(panel, frame["gap"])
        panel.set_yscale("log")
        panel.set(title=f"{frame['task'].iloc[0]}: {what}", ylabel="norm")
    note = "before training; slopes below 1e-12 are not drawn. A memory that is kept (right, level) makes the output sensitive to "
    note += "every parameter (left), unless its input is shut in proportion (Zucchet & Orvieto 2024)"
    finish(figure, axes, note, ax is None)
    return figure
