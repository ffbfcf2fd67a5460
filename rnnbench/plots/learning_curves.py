"""Accuracy on held-out sequences against training steps: a panel a task and gap, a thin line a seed, chance drawn."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots import CURVE, curve_styles, draw_chance, legend, panels
from rnnbench.summary import RATE_RULE, mark_best


def learning_curves(logs: pd.DataFrame, runs: pd.DataFrame | None = None) -> Figure:
    """Draw every run of a study, finished or not.

    Args:
        logs: rows of :func:`rnnbench.records.load_logs`.
        runs: rows of :func:`rnnbench.records.load_runs`, if any run has finished: they tell variants and learning rates apart.

    Returns:
        The figure. A cross ends a run that diverged; all others end where they were solved or their budget was used up. With
        several learning rates, those other than the best are fainter, which the figure says.
    """
    logs = logs[logs["accuracy"].notna()].assign(best=True)
    note = ""
    if runs is not None:
        runs = mark_best(runs)
        for field in ("init", "best"):
            told = dict(zip(runs["run_id"], runs[field], strict=True))
            logs[field] = [told.get(run_id, own) for run_id, own in zip(logs["run_id"], logs[field], strict=True)]
        if not runs["best"].all():
            note = f"strong lines: {RATE_RULE}, and runs on their way; faint: the other rates"
    styles = curve_styles(logs[CURVE].itertuples(index=False, name=None))
    groups = list(logs.groupby(["task", "gap"]))
    figure, axes = panels(len(groups))
    for ax, ((task, gap), frame) in zip(axes, groups, strict=False):
        for (_, cell, init, _), run in frame.groupby(["best", *CURVE, "run_id"]):  # the faint ones first
            style = styles[str(cell), str(init)] | {"marker": ""}
            alpha = 0.8 if run["best"].iloc[0] else 0.25
            ax.plot(run["step"], run["accuracy"], linewidth=1.2, alpha=alpha, **style)  # type: ignore[arg-type]
            last = run.iloc[-1]
            if last["status"] == "diverged":
                ax.plot(last["step"], last["accuracy"], "x", color=style["color"])
        draw_chance(ax, frame, "step")
        ax.set(
            title=f"{stem(str(task))}, gap {gap}", xlabel="training steps", ylabel="accuracy", ylim=(-0.02, 1.04), xlim=(0, None)
        )
        ax.locator_params(axis="x", nbins=6)  # five-digit steps would touch
    legend(figure, axes, note)
    return figure
