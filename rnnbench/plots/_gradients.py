"""The gradient on its way back through the gap: norm against distance to the answer, on a log axis."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.plots._panels import Places, finish, panels
from rnnbench.plots._style import Line, cell_and_init, curve_looks, styled

FLOOR, TOP = 1e-50, 1e4
"""The axis ends here: below, nothing is left to compare; above, a bound says nothing."""
MARKS = 7
"""Markers along a curve, those of each curve at other distances: curves that coincide are told apart."""


@styled
def plot_gradients(frame: pd.DataFrame, ax: Places | None = None) -> Figure:
    """Draw the gradient norms of several cells.

    Args:
        frame: rows of :func:`rnnbench.insight._gradients.gradient_norms`, of one task and gap.
        ax: axes to draw in: one, or two with ``trained``.

    Returns:
        A panel for ``initial`` and one for ``trained``, if it is there. The curve is the gradient at the state the cell carries on;
        the thin line is Pascanu's bound, where a cell has one. A norm of exactly zero is not drawn, nor what lies off the axis.
    """
    frame = frame.assign(label=cell_and_init(frame))
    moments = [when for when in ("initial", "trained") if when in set(frame["when"])]
    looks = curve_looks(frame)
    figure, axes = panels(moments, ax, width=5.2, height=3.6)
    frame = frame.assign(
        norm=frame["grad_state"].fillna(frame["grad_input"]) if "grad_input" in frame else frame["grad_state"]
    )  # the latter of whole-sequence models
    seen = frame.loc[frame["norm"] > 0, "norm"]
    low = max(float(seen.min()) / 10, FLOOR) if len(seen) else FLOOR
    for panel, when in zip(axes, moments, strict=True):
        for k, (label, look) in enumerate(looks.items()):
            curve = frame[(frame["when"] == when) & (frame["label"] == label)].sort_values("distance")
            spacing = max(1, len(curve) // MARKS)
            every: Line = look | {"markevery": (k * spacing // len(looks), spacing)}
            panel.plot(curve["distance"], curve["norm"].where(curve["norm"] > 0), **every)
            bound = curve["bound"].where(curve["bound"] < TOP)
            if bound.notna().any():
                thin: Line = {"color": look["color"], "linewidth": 0.9, "linestyle": ":", "label": f"bound for {label}"}
                panel.plot(curve["distance"], bound, **thin)
        panel.set_yscale("log")
        panel.set_ylim(low, TOP)
        title = {"initial": "at initialisation", "trained": "after training"}[when]
        panel.set_title(f"{frame['task'].iloc[0]}, gap {frame['gap'].iloc[0]}: {title}")
        panel.set(xlabel="distance to the answer (time steps)", ylabel="norm of d loss / d state")
    note = "state: what the cell carries on from step to step; bound: Pascanu et al. 2013, largest singular value to the distance"
    finish(figure, axes, note, ax is None)
    return figure
