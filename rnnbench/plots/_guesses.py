"""Random guessing compared with training: the share of repeats, or runs, that solved the task within N sequences."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench._analysis.summary import count_once, label_curves
from rnnbench.plots._frames import Frame, RunsLike, runs_frame
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import AxesLike, add_legend, make_panels, task_rank
from rnnbench.plots._style import DASHES, LineStyle, cell_styles, number_curves, styled


@styled
def plot_guesses(frame: Frame, runs: RunsLike | None = None, ax: AxesLike | None = None) -> Figure:
    """Plot the share of repeats solved by random guessing against the number of sequences seen.

    Args:
        frame: rows of :func:`rnnbench.insight.measure_guesses`: ``task, cell, gap, solved, sequences``.
        runs: a study, or rows of :meth:`rnnbench.Study.runs`; runs of the same tasks, cells and gaps are added for comparison.
        ax: axes to draw in, one per task.

    Returns:
        The figure, a panel per task: broad pale steps for guessing, thin steps for training. A curve that never reaches 1 ends
        where its repeats or runs were stopped.
    """
    tasks = sorted(set(frame["task"]), key=task_rank)
    styles = cell_styles(frame["cell"])
    runs = frame.iloc[:0] if runs is None else runs_frame(runs)
    runs = runs[runs["gap"].isin(frame["gap"]) & runs["task"].isin(tasks) & runs["cell"].isin(styles)]
    runs = _label_alike(count_once(runs)) if len(runs) else runs.assign(label="")
    dashes = {label: DASHES[k % len(DASHES)] for _, label, k in number_curves(runs)}
    figure, axes = make_panels(tasks, ax)
    for panel, task in zip(axes, tasks, strict=True):
        here = frame[frame["task"] == task]
        for cell, rows in here.groupby("cell", sort=False):
            color = styles[str(cell)][0]
            broad = {"color": color, "linewidth": 5, "alpha": 0.35, "label": phrase("{label}, guessing", label=cell)}
            _draw_solved_share(panel, rows["sequences"], rows["solved"].astype(bool), broad)
            learners = runs[(runs["task"] == task) & (runs["cell"] == cell)]
            for label, same in learners.groupby("label"):
                done = same["steps_to_solve"].fillna(same["step"]) * same["batch_size"]
                thin = {"color": color, "linestyle": dashes[label], "label": phrase("{label}, training", label=label)}
                _draw_solved_share(panel, done, same["status"] == "solved", thin)
        panel.set_xscale("log")
        panel.set_xlim(50, 2 * max(frame["sequences"]))  # one guess is tested on 64 sequences
        title = phrase("{task}, gap {gap}", task=task, gap=here["gap"].iloc[0])
        panel.set(title=title, xlabel=phrase("sequences seen"), ylabel=phrase("share solved"), ylim=(-0.03, 1.03))
    note = phrase("guessing: share of repeats; training: share of runs, every seed and rate")
    add_legend(figure, axes, note, ax is None, title=phrase("Does training find the weights sooner than guessing?"))
    return figure


def _label_alike(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with labels that name the same recipe alike in every task; what differs only between tasks is not named."""
    by_task = [field for field in ("max_steps", "option") if runs.groupby("task")[field].nunique().max() == 1]
    labels = label_curves(runs.assign(task="").drop(columns=by_task))["label"]
    return runs.assign(label=labels)


def _draw_solved_share(ax: Axes, sequences: pd.Series[int], solved: pd.Series[bool], line: LineStyle) -> None:
    """Draw an empirical distribution function: one step up per success, flat until the last repeat or run ended."""
    times = sorted(sequences[solved])
    xs = [1, *times, max(sequences)]
    ys = [0.0, *((k + 1) / len(sequences) for k in range(len(times))), len(times) / len(sequences)]
    ax.step(xs, ys, where="post", **line)
