"""Accuracy on held-out sequences against training steps: a panel a task and gap, a thin line a seed, chance drawn."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots import CURVE, curve_styles, draw_chance, legend, panels


def learning_curves(logs: pd.DataFrame) -> Figure:
    """Draw every run of a study, finished or not.

    Args:
        logs: rows of :func:`rnnbench.records.load_logs`.

    Returns:
        The figure. A cross ends a run that diverged; all others end where they were solved or their budget was used up.
    """
    logs = logs[logs["accuracy"].notna()]
    styles = curve_styles(logs[CURVE].itertuples(index=False, name=None))
    groups = list(logs.groupby(["task", "gap"]))
    figure, axes = panels(len(groups))
    for ax, ((task, gap), frame) in zip(axes, groups, strict=False):
        for (cell, init, _), run in frame.groupby([*CURVE, "run_id"]):
            style = styles[str(cell), str(init)] | {"marker": ""}
            ax.plot(run["step"], run["accuracy"], linewidth=1.2, alpha=0.8, **style)  # type: ignore[arg-type]
            last = run.iloc[-1]
            if last["status"] == "diverged":
                ax.plot(last["step"], last["accuracy"], "x", color=style["color"])
        draw_chance(ax, frame, "step")
        ax.set(
            title=f"{stem(str(task))}, gap {gap}", xlabel="training steps", ylabel="accuracy", ylim=(-0.02, 1.04), xlim=(0, None)
        )
    legend(figure, axes)
    return figure
