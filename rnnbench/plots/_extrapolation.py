"""Accuracy of trained networks at gaps they were not trained at."""

from __future__ import annotations

from typing import Protocol

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.plots._panels import Places, accuracy_axis, beside, draw_chance, finish, gap_axis, panels
from rnnbench.plots._style import SEEDS, cell_and_init, curve_looks, styled


class Extrapolated(Protocol):
    """What has a frame of measurements at other gaps, such as a :class:`rnnbench.Study`."""

    def extrapolation(self) -> pd.DataFrame: ...


@styled
def plot_extrapolation(frame: pd.DataFrame | Extrapolated, ax: Places | None = None) -> Figure:
    """Draw accuracy against the gap of the evaluation.

    Args:
        frame: a study, or rows of :meth:`rnnbench.Study.extrapolation`; with a ``label`` where runs of one cell differ otherwise.
        ax: axes to draw in, one per task and training gap.

    Returns:
        A panel per task and training gap, which a vertical line marks; curves join the medians over seeds, every seed a dot.
    """
    frame = frame if isinstance(frame, pd.DataFrame) else frame.extrapolation()
    if "label" not in frame.columns:
        frame = frame.assign(label=cell_and_init(frame))
    frame = frame.drop_duplicates(["task", "label", "gap", "seed", "eval_gap"], keep="last")
    looks = curve_looks(frame)
    groups = {f"{task}, trained at gap {gap}": rows for (task, gap), rows in frame.groupby(["task", "gap"])}
    figure, axes = panels(list(groups), ax)
    for panel, (title, rows) in zip(axes, groups.items(), strict=True):
        gap = int(rows["gap"].iloc[0])
        labels = [label for label in looks if label in set(rows["label"])]
        for k, label in enumerate(labels):
            look, curve = looks[label], rows[rows["label"] == label]
            x = beside(curve["eval_gap"], k, len(labels))
            panel.plot(x, curve["accuracy"], color=look["color"], alpha=0.4, **SEEDS)
            median = curve.groupby("eval_gap")["accuracy"].median()
            panel.plot(beside(pd.Series(median.index), k, len(labels)), median.to_numpy(), **look)
        panel.axvline(gap, color="#777777", linewidth=1, linestyle=":", label="gap of the training")
        draw_chance(panel, rows, "eval_gap")
        gap_axis(panel, [*rows["eval_gap"], gap])
        accuracy_axis(panel)
        panel.set(title=title, xlabel="gap of the evaluation (time steps)")
    finish(figure, axes, "lines: medians over seeds; dots: seeds", ax is None)
    return figure
