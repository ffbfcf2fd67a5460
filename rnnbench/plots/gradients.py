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
        A panel for ``initial`` and one for ``trained``, if it is there. The curve is the gradient at the state the cell carries on;
        the thin line is Pascanu's bound for the vanilla RNN. A norm of exactly zero is not drawn, nor what lies off the axis.
    """
    moments = [when for when in ("initial", "trained") if when in set(frame["when"])]
    styles = curve_styles(frame[["cell", "init"]].itertuples(index=False, name=None))
    figure, axes = panels(len(moments), width=5.2, height=3.6)
    seen = frame.loc[frame["grad_state"] > 0, "grad_state"]
    low = max(float(seen.min()) / 10, FLOOR) if len(seen) else FLOOR
    for ax, when in zip(axes, moments, strict=False):
        for (cell, init), curve in frame[frame["when"] == when].groupby(["cell", "init"]):
            style: dict[str, Any] = styles[str(cell), str(init)] | {"marker": ""}
            if str(cell).startswith("gru"):  # which often lies on the LSTM's curve
                style |= {"linestyle": (0, (3, 3)), "zorder": 3}
            ax.plot(curve["distance"], curve["grad_state"].where(curve["grad_state"] > 0), linewidth=1.8, **style)
            bound = curve["bound"].where(curve["bound"] < TOP)
            if bound.notna().any():
                ax.plot(curve["distance"], bound, linewidth=0.9, linestyle=":", color=style["color"], label=f"bound for {cell}")
        ax.set_yscale("log")
        ax.set_ylim(low, TOP)
        title = {"initial": "at initialisation", "trained": "after training"}[when]
        ax.set_title(f"{frame['task'].iloc[0]}, gap {frame['gap'].iloc[0]}: {title}")
        ax.set(xlabel="distance to the answer (time steps)", ylabel="norm of d loss / d state")
    legend(figure, axes, "state: C of the LSTM, h elsewhere; bound: Pascanu et al. 2013, largest singular value to the distance")
    return figure
