"""Random guessing beside learning: the share of repeats, or of runs, that solved the task within so many sequences."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench._analysis.summary import count_once, label_curves
from rnnbench.plots._panels import Places, finish, panels
from rnnbench.plots._style import DASHES, Line, Runs, cell_looks, runs_of, styled


@styled
def plot_guesses(frame: pd.DataFrame, runs: pd.DataFrame | Runs | None = None, ax: Places | None = None) -> Figure:
    """Draw how soon guessing solves each task.

    Args:
        frame: columns ``task, cell, gap, solved, sequences``, one row per repeat.
        runs: a study, or rows of :meth:`rnnbench.Study.runs`; those of the same tasks, cells and gaps are drawn.
        ax: axes to draw in, one per task.

    Returns:
        A panel per task; broad pale steps for guessing, thin ones for training. A curve that never reaches 1 ends where its repeats
        or runs were stopped.
    """
    tasks = list(dict.fromkeys(frame["task"]))
    looks = cell_looks(str(cell) for cell in frame["cell"])
    runs = frame.iloc[:0] if runs is None else runs_of(runs)
    runs = runs[runs["gap"].isin(frame["gap"]) & runs["task"].isin(tasks) & runs["cell"].isin(looks)]
    runs = label_curves(count_once(runs)) if len(runs) else runs
    figure, axes = panels(tasks, ax)
    for panel, task in zip(axes, tasks, strict=True):
        here = frame[frame["task"] == task]
        for cell, rows in here.groupby("cell", sort=False):
            color = looks[str(cell)][0]
            broad: Line = {"color": color, "linewidth": 5, "alpha": 0.35, "label": f"{cell}, guessing"}
            _steps(panel, rows["sequences"], rows["solved"].astype(bool), broad)
            learners = runs[(runs["task"] == task) & (runs["cell"] == cell)] if len(runs) else runs
            for k, (label, same) in enumerate(learners.groupby("label") if len(learners) else ()):
                done = same["steps_to_solve"].fillna(same["step"]) * same["batch_size"]
                thin: Line = {"color": color, "linestyle": DASHES[k % len(DASHES)], "label": f"{label}, training"}
                _steps(panel, done, same["status"] == "solved", thin)
        panel.set_xscale("log")
        panel.set_xlim(50, 2 * max(frame["sequences"]))  # one guess is tried on 64
        title = f"{task}, gap {here['gap'].iloc[0]}"
        panel.set(title=title, xlabel="sequences seen", ylabel="share solved", ylim=(-0.03, 1.03))
    finish(figure, axes, "guessing: share of repeats; training: share of runs, every seed and rate", ax is None)
    return figure


def _steps(ax: Axes, sequences: pd.Series[int], solved: pd.Series[bool], look: Line) -> None:
    """An empirical distribution function: up by one part at every success, flat until the last one was stopped."""
    times = sorted(sequences[solved])
    xs = [1, *times, max(sequences)]
    ys = [0.0, *((k + 1) / len(sequences) for k in range(len(times))), len(times) / len(sequences)]
    ax.step(xs, ys, where="post", **look)
