"""The gradient on its way back through the gap: norm against distance to the answer, on a log axis."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.plots import curve_styles, legend, panels

FLOOR, TOP = 1e-50, 1e4
"""The axis ends here: below, nothing is left to compare; above, a bound says nothing."""


def gradients(frame: pd.DataFrame) -> Figure:
    """Draw the gradient norms of several cells.

    Args:
        frame: rows of :func:`rnnbench.insight.gradients.gradient_norms`, of one task and gap.

    Returns:
        A panel for ``initial`` and one for ``trained``, if it is there. The curve is the gradient at the state the cell carries on,
        or at the inputs of a whole-sequence model; the thin line is Pascanu's bound, for cells that have one. A norm of exactly
        zero is not drawn, nor what lies off the axis.
    """
    moments = [when for when in ("initial", "trained") if when in set(frame["when"])]
    styles = curve_styles(frame[["cell", "init"]].itertuples(index=False, name=None))
    figure, axes = panels(len(moments), width=5.2, height=3.6)
    frame = frame.assign(norm=frame["grad_state"].fillna(frame["grad_input"]))
    seen = frame.loc[frame["norm"] > 0, "norm"]
    low = max(float(seen.min()) / 10, FLOOR) if len(seen) else FLOOR
    for ax, when in zip(axes, moments, strict=False):
        curves = frame[frame["when"] == when].groupby(["cell", "init"])
        for k, ((cell, init), curve) in enumerate(curves):
            style: dict[str, Any] = styles[str(cell), str(init)] | {"marker": ""}
            width = 3.2 - 2 * k / max(1, len(curves) - 1)  # thinner from curve to curve: those that coincide stay visible
            ax.plot(curve["distance"], curve["norm"].where(curve["norm"] > 0), linewidth=width, **style)
            bound = curve["bound"].where(curve["bound"] < TOP)
            if bound.notna().any():
                ax.plot(curve["distance"], bound, linewidth=0.9, linestyle=":", color=style["color"], label=f"bound for {cell}")
        ax.set_yscale("log")
        ax.set_ylim(low, TOP)
        title = {"initial": "at initialisation", "trained": "after training"}[when]
        ax.set_title(f"{frame['task'].iloc[0]}, gap {frame['gap'].iloc[0]}: {title}")
        ax.set(xlabel="distance to the answer (time steps)", ylabel="norm of d loss / d state")
    note = "state: the part that the cell carries on; bound: Pascanu et al. 2013, largest singular value to the distance"
    legend(figure, axes, note + ("; of whole-sequence models: d loss / d input" if frame["grad_state"].isna().any() else ""))
    return figure
