"""Our runs and the published record on one scale: loss over that of a network without memory, against the gap."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench._analysis.summary import BEST_RULE, mark_best
from rnnbench.plots._panels import CHANCE, Places, finish, gap_axis, panels
from rnnbench.plots._style import PALETTE, SEEDS, Line, Runs, cell_looks, curve_looks, runs_of, styled

FLOOR = 1e-4


@styled
def plot_published(rows: pd.DataFrame, runs: pd.DataFrame | Runs, ax: Places | None = None) -> Figure:
    """Draw published losses beside ours.

    Args:
        rows: of :func:`rnnbench._analysis.published.published`, those with ``over_chance``.
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        A panel per task. Ours: a dot per run, and for each curve a line through the medians at the best learning rate. Theirs: open
        markers, a shape per paper, in the cell's colour; grey for cells that rnnbench does not have.
    """
    tasks = sorted(set(rows["our_task"]))
    papers = {paper: PALETTE[k % len(PALETTE)][1] for k, paper in enumerate(dict.fromkeys(rows["paper"]))}
    marked = mark_best(runs_of(runs))
    marked["ratio"] = (marked["eval_loss"] / marked["chance_loss"]).clip(lower=FLOOR)
    looks, colors = curve_looks(marked), cell_looks(str(cell) for cell in marked["cell"])
    figure, axes = panels(tasks, ax, width=5.4, height=4.0)
    for panel, task in zip(axes, tasks, strict=True):
        ours = marked[marked["task"] == task]
        for label, curve in ours.groupby("label"):
            line: Line = looks[str(label)] | {"label": f"{label}, rnnbench"}
            for best, alpha in ((False, 0.12), (True, 0.4)):
                seeds = curve[curve["best"] == best]
                panel.plot(seeds["gap"], seeds["ratio"], color=line["color"], alpha=alpha, **SEEDS)
            medians = curve[curve["best"]].groupby("gap")["ratio"].median()
            panel.plot(medians.index, medians.to_numpy(), **line)
        theirs = rows[rows["our_task"] == task]
        for row in theirs.to_dict("records"):
            color = colors.get(row["our_cell"], ("#777777", ""))[0]
            look: Line = {"marker": papers[row["paper"]], "mfc": "none", "mec": color, "mew": 1.4, "linestyle": ""}
            label = f"{row['cell']}, {row['paper']}"
            panel.plot(row["our_gap"], max(row["over_chance"], FLOOR), markersize=8, label=label, **look)
        panel.axhline(1, label="chance", **CHANCE)
        panel.set_yscale("log")
        gap_axis(panel, {*theirs["our_gap"], *ours["gap"]})
        panel.set(title=task, ylabel="loss over that without memory")
    note = f"open: published; dots: our runs; losses below {FLOOR:g} are drawn there; lines: medians at the {BEST_RULE}"
    finish(figure, axes, note, ax is None)
    return figure
