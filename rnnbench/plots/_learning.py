"""Accuracy on held-out sequences against training steps: a small panel per gap, a thin line per seed, chance drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd
from matplotlib.figure import Figure

from rnnbench._analysis.summary import BEST_RULE, count_once, mark_best
from rnnbench.plots._panels import CHANCE, Places, accuracy_axis, finish, panels, type_size
from rnnbench.plots._style import Line, Runs, cell_and_init, curve_looks, runs_of, styled


class Logs(Runs, Protocol):
    """What has frames of logs and runs, such as a :class:`rnnbench.Study`."""

    def logs(self) -> pd.DataFrame: ...

    def records(self) -> Sequence[object]: ...


@styled
def plot_learning(logs: pd.DataFrame | Logs, runs: pd.DataFrame | Runs | None = None, ax: Places | None = None) -> Figure:
    """Draw every run of one task, finished or not, on a page of small panels that start at step 0.

    Args:
        logs: a study, or rows of :meth:`rnnbench.Study.logs`, of one task.
        runs: a study, or rows of :meth:`rnnbench.Study.runs`, if any run has finished: they tell curves and learning rates apart.
        ax: axes to draw in, one per gap.

    Returns:
        The figure. A cross ends a run that diverged; all others end where they were solved or their budget was used up. Before the
        first evaluation a dotted line comes from chance, where a network starts. With several learning rates, those other than the
        best are fainter, which the figure says.

    Raises:
        ValueError: the logs are of several tasks.
    """
    if not isinstance(logs, pd.DataFrame):
        study = logs
        logs, runs = study.logs(), study.runs() if runs is None and study.records() else runs
    runs = None if runs is None else runs_of(runs)
    if logs["task"].nunique() != 1:
        raise ValueError(f"learning curves of one task fit a page, not of {logs['task'].nunique()}: select one")
    logs, several = told_apart(logs, runs)
    looks = curve_looks(logs.drop_duplicates("run_id"))
    groups = {f"gap {gap}": frame for gap, frame in logs.groupby("gap")}
    columns = min(len(groups), 4)
    figure, axes = panels(list(groups), ax, width=2.5, height=2.1, columns=columns)
    task = str(logs["task"].iloc[0])
    for panel, (title, frame) in zip(axes, groups.items(), strict=True):
        chance = float(frame["chance_accuracy"].iloc[0])
        for (_, label, _), run in frame.groupby(["best", "label", "run_id"]):  # the faint ones first
            look: Line = looks[str(label)] | {"marker": "", "linewidth": 1.0, "alpha": 0.8 if run["best"].iloc[0] else 0.2}
            if run["step"].iloc[0] > 0:
                panel.plot(
                    [0, run["step"].iloc[0]], [chance, run["accuracy"].iloc[0]], ":", color=look["color"], linewidth=0.6, alpha=0.3
                )
            panel.plot(run["step"], run["accuracy"], **look)
            if run["status"].iloc[-1] == "diverged":
                panel.plot(run["step"].iloc[-1], run["accuracy"].iloc[-1], "x", color=look["color"])
        panel.axhline(chance, label="chance", zorder=1, **CHANCE)
        accuracy_axis(panel)
        panel.set_xlim(0, None)
        panel.locator_params(axis="x", nbins=4)
        panel.ticklabel_format(axis="x", style="plain")
        panel.tick_params(labelsize=type_size(0.8))
        panel.set_title(title if ax is None else f"{task}, {title}", fontsize=type_size())
    for k, panel in enumerate(axes):
        panel.set_xlabel("training steps" if ax is not None or k >= len(axes) - columns else "", fontsize=type_size(0.9))
        panel.set_ylabel("accuracy" if ax is not None or k % columns == 0 else "", fontsize=type_size(0.9))
    if ax is None:
        figure.suptitle(task)
    note = "a line per run; dotted: before its first evaluation"
    if several:
        note += f"; faint: other rates than the {BEST_RULE}"
    finish(figure, axes, note, ax is None)
    return figure


def told_apart(logs: pd.DataFrame, runs: pd.DataFrame | None) -> tuple[pd.DataFrame, bool]:
    """The evaluations in the order of their steps, with ``label`` and ``best``; and whether several rates were tried.

    A run that :func:`rnnbench._analysis.summary.count_once` leaves out is left out; one that has not finished is kept.
    """
    logs = logs[logs["accuracy"].notna()].drop_duplicates(["run_id", "step"], keep="last")
    bare = cell_and_init(logs)
    logs = logs.assign(best=True, label=bare).sort_values(["run_id", "step"], ignore_index=True)
    if runs is None or runs.empty:
        return logs, False
    here = runs[runs["task"].isin(logs["task"])]
    if here.empty:
        return logs, False
    marked = mark_best(here)
    repeated = set(here["run_id"]) - set(count_once(here)["run_id"])
    logs = logs[~logs["run_id"].isin(repeated)].reset_index(drop=True)
    for field in ("label", "best"):
        told = dict(zip(marked["run_id"], marked[field], strict=True))
        logs[field] = [told.get(run_id, own) for run_id, own in zip(logs["run_id"], logs[field], strict=True)]
    return logs, not marked["best"].all()
