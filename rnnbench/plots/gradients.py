"""The gradient on its way back through the gap: norm against distance to the answer, on a log axis."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from rnnbench.plots import curve_styles, legend, panels


def gradients(frame: pd.DataFrame) -> Figure:
    """Draw the gradient norms of several cells.

    Args:
        frame: rows of :func:`rnnbench.insight.gradients.gradient_norms`, of one task and gap.

    Returns:
        A panel for ``initial`` and one for ``trained``, if it is there. The curve is the gradient at the state the cell carries on;
        the thin line below or on it is Pascanu's bound for the vanilla RNN. A norm of exactly zero is not drawn.
    """
    moments = [when for when in ("initial", "trained") if when in set(frame["when"])]
    styles = curve_styles(frame[["cell", "init"]].itertuples(index=False, name=None))
    figure, axes = panels(len(moments), width=5.2, height=3.6)
    for ax, when in zip(axes, moments, strict=False):
        for (cell, init), curve in frame[frame["when"] == when].groupby(["cell", "init"]):
            style = styles[str(cell), str(init)] | {"marker": ""}
            norm = curve["grad_state"].where(curve["grad_state"] > 0, np.nan)
            ax.plot(curve["distance"], norm, linewidth=1.6, **style)  # type: ignore[arg-type]
            if curve["bound"].notna().any():
                ax.plot(
                    curve["distance"], curve["bound"], linewidth=0.9, linestyle=":", color=style["color"], label=f"bound for {cell}"
                )
        task, gap = frame["task"].iloc[0], frame["gap"].iloc[0]
        ax.set_yscale("log")
        ax.set(title=f"{task}, gap {gap}: {when}", xlabel="distance to the answer (time steps)", ylabel="norm of d loss / d state")
        low = frame.loc[frame["when"] == when, "grad_state"]
        ax.set_ylim(bottom=max(float(low[low > 0].min()), 1e-300) / 10, top=1e3)
    legend(figure, axes, "state: C of the LSTM, h elsewhere; bound: Pascanu et al. 2013, largest singular value to the distance")
    return figure
