"""Learning curves: accuracy on held-out sequences against training steps, a panel per gap, a line per run."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from rnnbench._analysis.declared import baselines
from rnnbench._analysis.summary import BEST_RULE, count_once, mark_best
from rnnbench._errors import UserError
from rnnbench.plots._frames import RunsLike, axis_frame
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import (
    BASELINE,
    CHANCE_LINE,
    AxesLike,
    add_legend,
    font_size,
    gap_text,
    make_panels,
    set_accuracy_axis,
)
from rnnbench.plots._style import cell_and_init, curve_styles, styled


@styled
def plot_learning(logs: RunsLike, runs: RunsLike | None = None, ax: AxesLike | None = None) -> Figure:
    """Plot the learning curve of every run of one task, finished or not, in small panels.

    Args:
        logs: a study, or rows of :meth:`rnnbench.Study.logs`, of one task.
        runs: a study, or rows of :meth:`rnnbench.Study.runs`; they separate curves, learning rates and lengths.
        ax: axes to draw in, one per gap or length.

    Returns:
        The figure. A cross marks a run that diverged. Other runs end when they were solved, or at their budget. Before the first
        evaluation a dotted line starts at chance. With several learning rates, those other than the best are fainter.

    Raises:
        UserError: the logs contain several tasks.
    """
    if not isinstance(logs, pd.DataFrame):
        study = logs
        logs, runs = study.logs(), study.runs() if runs is None and study.records() else runs
    runs = None if runs is None else axis_frame(runs)
    if logs["task"].nunique() != 1:
        raise UserError(f"the logs contain {logs['task'].nunique()} tasks: select one, as each has a separate page")
    logs, several = label_evaluations(logs, runs)
    styles = curve_styles(logs.drop_duplicates("run_id"))
    groups = {gap_text(frame, gap): frame for gap, frame in logs.groupby("gap")}
    rows = -(-len(groups) // 4)
    columns = -(-len(groups) // rows)  # rows of equal length: five panels are three and two
    figure, axes = make_panels(list(groups), ax, width=2.5, height=2.1, columns=columns)
    task = str(logs["task"].iloc[0])
    for panel, (title, frame) in zip(axes, groups.items(), strict=True):
        chance = float(frame["chance_accuracy"].iloc[0])
        for (best, label), curve in frame.groupby(["best", "label"]):  # faint lines first
            line, alpha = styles[str(label)], 0.8 if best else 0.2
            color, points = line["color"], curve[["step", "accuracy"]].to_numpy()
            runs_of = [points[run] for run in split_runs(curve)]
            starts = [[(0, chance), run[0]] for run in runs_of if run[0, 0] > 0]
            panel.add_collection(LineCollection(starts, colors=color, linestyles=":", linewidths=0.6, alpha=0.3))
            panel.add_collection(
                LineCollection(runs_of, colors=color, linestyles=line["linestyle"], linewidths=1.0, alpha=alpha, label=str(label))
            )
            ends = curve.drop_duplicates("run_id", keep="last")
            diverged = ends[ends["status"] == "diverged"]
            panel.plot(diverged["step"], diverged["accuracy"], "x", color=color)
        panel.axhline(chance, label=phrase("chance"), **CHANCE_LINE)
        here = None if runs is None else runs[(runs["task"] == task) & (runs["gap"] == frame["gap"].iloc[0])]
        for name, level in [] if here is None else baselines(here).groupby("name")["accuracy"].first().items():
            panel.axhline(level, label=phrase(str(name)), **BASELINE)
        set_accuracy_axis(panel)
        panel.set_xlim(0, 1.05 * max(float(frame["step"].max()), 1.0))
        panel.locator_params(axis="x", nbins=4)
        panel.ticklabel_format(axis="x", style="plain")
        panel.tick_params(labelsize=font_size(0.8))
        panel.set_title(title if ax is None else f"{task}, {title}", fontsize=font_size())
    for k, panel in enumerate(axes):
        panel.set_xlabel(phrase("training steps") if ax is not None or k >= len(axes) - columns else "", fontsize=font_size(0.9))
        panel.set_ylabel(phrase("accuracy") if ax is not None or k % columns == 0 else "", fontsize=font_size(0.9))
    note = phrase("a line per run; dotted: before its first evaluation")
    if several:
        note += phrase("; faint: other rates than the {rule}", rule=phrase(BEST_RULE))
    add_legend(figure, axes, note, ax is None, title=phrase("{task}: how does the accuracy rise during training?", task=task))
    return figure


def split_runs(evaluations: pd.DataFrame) -> list[slice]:
    """Return the rows of each run in the evaluations of :func:`label_evaluations`, which are sorted by run."""
    run_ids = evaluations["run_id"].to_numpy()
    ends = [0, *(np.flatnonzero(run_ids[1:] != run_ids[:-1]) + 1).tolist(), len(run_ids)]
    return [slice(start, end) for start, end in pairwise(ends)]


def label_evaluations(logs: pd.DataFrame, runs: pd.DataFrame | None) -> tuple[pd.DataFrame, bool]:
    """Add ``label`` and ``best`` to the evaluations, put each task on its axis as in :func:`axis_frame`, and sort them by step.

    Duplicates (see :func:`rnnbench._analysis.summary.count_once`) are left out. Unfinished runs are kept, except on another axis
    than the gap: a log does not have the length.

    Returns:
        The evaluations, and True if several learning rates were tried.
    """
    logs = logs[logs["accuracy"].notna()].drop_duplicates(["run_id", "step"], keep="last")
    logs = logs.assign(best=True, label=cell_and_init(logs)).sort_values(["run_id", "step"], ignore_index=True)
    if runs is None or runs.empty:
        return logs, False
    here = axis_frame(runs[runs["task"].isin(logs["task"])])
    if here.empty:
        return logs, False
    marked = mark_best(here)
    repeated = set(here["run_id"]) - set(count_once(here)["run_id"])
    logs = logs[~logs["run_id"].isin(repeated)].reset_index(drop=True)
    if "axis" in marked:
        logs["axis"] = logs["task"].map(marked.drop_duplicates("task").set_index("task")["axis"])
        logs = logs[(logs["axis"] == "gap") | logs["run_id"].isin(marked["run_id"])].reset_index(drop=True)
    for field in ("label", "best", "gap"):
        values = dict(zip(marked["run_id"], marked[field], strict=True))
        logs[field] = [values.get(run_id, default) for run_id, default in zip(logs["run_id"], logs[field], strict=True)]
    return logs, not marked["best"].all()
