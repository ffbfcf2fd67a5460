"""Random guessing beside learning: the share of repeats, or of runs, that solved the task within so many sequences."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots import SPARE, STYLES, legend, panels


def guess(frame: pd.DataFrame, runs: pd.DataFrame) -> Figure:
    """Draw how soon guessing solves each task.

    Args:
        frame: columns ``task, cell, gap, solved, sequences``, one row a repeat.
        runs: rows of :func:`rnnbench.records.load_runs` of the same tasks, cells and gaps; may be empty.

    Returns:
        A panel a task; solid steps for guessing, dashed ones for training. A curve that never reaches 1 ends where its repeats or
        runs were stopped.
    """
    tasks = list(dict.fromkeys(frame["task"]))
    figure, axes = panels(len(tasks))
    for ax, task in zip(axes, tasks, strict=False):
        here = frame[frame["task"] == task]
        for k, (cell, rows) in enumerate(here.groupby("cell", sort=False)):
            color = STYLES.get(str(cell), SPARE[k % len(SPARE)])[0]
            _steps(ax, rows["sequences"], rows["solved"].astype(bool), color, "-", f"{stem(str(cell))}, guessing")
            learners = runs[(runs["task"] == task) & (runs["cell"] == cell)] if len(runs) else runs
            if len(learners):
                done = learners["steps_to_solve"].fillna(learners["step"]) * learners["batch_size"]
                _steps(ax, done, learners["status"] == "solved", color, "--", f"{stem(str(cell))}, training")
        ax.set_xscale("log")
        ax.set_xlim(50, 2 * max(frame["sequences"]))  # one guess is tried on 64
        ax.set(
            title=f"{stem(str(task))}, gap {here['gap'].iloc[0]}",
            xlabel="sequences seen",
            ylabel="share solved",
            ylim=(-0.03, 1.03),
        )
    legend(figure, axes, "guessing: share of repeats; training: share of runs, every seed and rate")
    return figure


def _steps(ax: Axes, sequences: pd.Series[int], solved: pd.Series[bool], color: str, dash: str, label: str) -> None:
    """An empirical distribution function: up by one part at every success, flat until the last one was stopped."""
    times = sorted(sequences[solved])
    xs = [1, *times, max(sequences)]
    ys = [0.0, *((k + 1) / len(sequences) for k in range(len(times))), len(times) / len(sequences)]
    ax.step(xs, ys, where="post", color=color, linestyle=dash, linewidth=1.6, label=label)
