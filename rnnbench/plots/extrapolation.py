"""Accuracy of trained networks at gaps they were not trained at."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots.looks import SEEDS, curve_looks, styled
from rnnbench.plots.panels import accuracy_axis, beside, draw_chance, finish, gap_axis, panels


@styled
def plot_extrapolation(frame: pd.DataFrame) -> Figure:
    """Draw accuracy against the gap of the evaluation.

    Args:
        frame: rows of :func:`rnnbench.Study.extrapolation`; with a ``label`` where runs of one cell differ otherwise.

    Returns:
        A panel per task and training gap, which a vertical line marks; curves join the medians over seeds, every seed a dot.
    """
    if "label" not in frame.columns:
        frame = frame.assign(label=frame["cell"].map(lambda cell: stem(str(cell))) + " (" + frame["init"].astype(str) + ")")
    frame = frame.drop_duplicates(["task", "label", "gap", "seed", "eval_gap"], keep="last")
    looks = curve_looks(frame)
    groups = list(frame.groupby(["task", "gap"]))
    figure, axes = panels(len(groups))
    for ax, ((task, trained_at), rows) in zip(axes, groups, strict=False):
        gap = int(str(trained_at))
        labels = [label for label in looks if label in set(rows["label"])]
        for k, label in enumerate(labels):
            look, curve = looks[label], rows[rows["label"] == label]
            x = beside(curve["eval_gap"], k, len(labels))
            ax.plot(x, curve["accuracy"], color=look["color"], alpha=0.4, **SEEDS)
            median = curve.groupby("eval_gap")["accuracy"].median()
            ax.plot(beside(pd.Series(median.index), k, len(labels)), median.to_numpy(), **look)
        ax.axvline(gap, color="#777777", linewidth=1, linestyle=":", label="gap of the training")
        draw_chance(ax, rows, "eval_gap")
        gap_axis(ax, [*rows["eval_gap"], gap])
        accuracy_axis(ax)
        ax.set(title=f"{stem(str(task))}, trained at gap {gap}", xlabel="gap of the evaluation (time steps)")
    finish(figure, axes[: len(groups)], "lines: medians over seeds; dots: seeds", True)
    return figure
