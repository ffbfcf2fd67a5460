"""Accuracy of trained networks at gaps they were not trained at."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots import CURVE, curve_styles, draw_chance, gap_axis, legend, panels


def extrapolation(frame: pd.DataFrame) -> Figure:
    """Draw accuracy against the gap of the evaluation.

    Args:
        frame: rows of :func:`rnnbench.records.load_extrapolation`.

    Returns:
        A panel a task and training gap, which a vertical line marks; curves join the medians over seeds, every seed a dot.
    """
    styles = curve_styles(frame[CURVE].itertuples(index=False, name=None))
    groups = list(frame.groupby(["task", "gap"]))
    figure, axes = panels(len(groups))
    for ax, ((task, trained_at), rows) in zip(axes, groups, strict=False):
        gap = int(str(trained_at))
        for (cell, init), curve in rows.groupby(CURVE):
            style = styles[str(cell), str(init)]
            ax.plot(curve["eval_gap"], curve["accuracy"], style["marker"], color=style["color"], markersize=4, alpha=0.45, mew=0.5)
            median = curve.groupby("eval_gap")["accuracy"].median()
            ax.plot(median.index, median.to_numpy(), linewidth=1.6, markersize=5, **style)  # type: ignore[arg-type]
        ax.axvline(gap, color="#999999", linewidth=1, linestyle=":", label="gap of the training")
        draw_chance(ax, rows, "eval_gap")
        gap_axis(ax, [*rows["eval_gap"], gap])
        ax.set(title=f"{stem(str(task))}, trained at gap {gap}", ylabel="accuracy", ylim=(-0.02, 1.04))
        ax.set_xlabel("gap of the evaluation (time steps)")
    legend(figure, axes, "lines: medians over seeds; dots: seeds")
    return figure
