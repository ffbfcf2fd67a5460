"""Our runs and the published record on one scale: loss over that of a network without memory, against the gap."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.plots import CURVE, STYLES, curve_styles, gap_axis, legend, panels

MARKERS = "DPX*hp<>8d"
"""One a paper."""
FLOOR = 1e-4


def published(rows: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Draw published losses beside ours.

    Args:
        rows: of :func:`rnnbench.published.published`, those with ``over_chance``.
        runs: of :func:`rnnbench.records.load_runs`.

    Returns:
        A panel a task. Ours: a filled dot a run, and for each cell and initialisation a line through the medians at the best
        learning rate. Theirs: open markers, a shape a paper, in the cell's colour; grey for cells that rnnbench does not have.
    """
    tasks = sorted(set(rows["our_task"]))
    markers = {paper: MARKERS[k % len(MARKERS)] for k, paper in enumerate(dict.fromkeys(rows["paper"]))}
    styles = curve_styles(runs[CURVE].itertuples(index=False, name=None))
    figure, axes = panels(len(tasks), width=5.4, height=4.0)
    for ax, task in zip(axes, tasks, strict=True):
        ours = runs[runs["task"] == task].assign(ratio=lambda frame: (frame["eval_loss"] / frame["chance_loss"]).clip(lower=FLOOR))
        for (cell, init), curve in ours.groupby(CURVE):
            style = styles[str(cell), str(init)]
            ax.plot(curve["gap"], curve["ratio"], style["marker"], color=style["color"], markersize=4, alpha=0.3, mew=0)
            best = curve.groupby(["gap", "lr"])["ratio"].median().groupby("gap").min()
            line: dict[str, Any] = {**style, "markersize": 4, "label": f"{style['label']}, rnnbench"}
            ax.plot(best.index, best.to_numpy(), **line)
        theirs = rows[rows["our_task"] == task]
        for row in theirs.to_dict("records"):
            color = STYLES[row["our_cell"]][0] if row["our_cell"] in STYLES else "#777777"
            height = max(row["over_chance"], FLOOR)
            label = f"{row['cell']}, {row['paper']}"
            ax.plot(row["our_gap"], height, markers[row["paper"]], mfc="none", mec=color, mew=1.4, markersize=8, label=label)
        ax.axhline(1, color="black", linestyle=(0, (4, 3)), linewidth=1, label="chance")
        ax.set_yscale("log")
        gap_axis(ax, {*theirs["our_gap"], *ours["gap"]})
        ax.tick_params(axis="x", labelrotation=90)
        ax.set(title=task, ylabel="loss over that without memory")
    legend(figure, axes, f"open: published; filled: our runs, line: median at the best rate; below {FLOOR:g} drawn there")
    return figure
