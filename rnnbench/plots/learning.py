"""Accuracy on held-out sequences against training steps: a small panel per gap, a thin line per seed, chance drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import pandas as pd
from matplotlib.figure import Figure

from rnnbench.config import stem
from rnnbench.plots.looks import Runs, curve_looks, styled
from rnnbench.plots.panels import CHANCE, accuracy_axis, finish, panels, type_size
from rnnbench.summary import BEST_RULE, count_once, mark_best


class Logs(Runs, Protocol):
    """What has frames of logs and runs, such as a :class:`rnnbench.Study`."""

    def logs(self) -> pd.DataFrame: ...

    def records(self) -> Sequence[object]: ...


@styled
def plot_learning(logs: pd.DataFrame | Logs, runs: pd.DataFrame | None = None) -> Figure:
    """Draw every run of one task, finished or not, on a page of small panels that start at step 0.

    Args:
        logs: a study, or rows of :meth:`rnnbench.Study.logs`, of one task.
        runs: rows of :meth:`rnnbench.Study.runs`, if any run has finished: they tell curves and learning rates apart.

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
    if logs["task"].nunique() != 1:
        raise ValueError(f"learning curves of one task fit a page, not of {logs['task'].nunique()}: select one")
    logs, several = told_apart(logs, runs)
    looks = curve_looks(logs.drop_duplicates("run_id"))
    groups = list(logs.groupby("gap"))
    columns = min(len(groups), 4)
    figure, axes = panels(len(groups), width=2.5, height=2.1, columns=columns)
    chance_by_gap = logs.groupby("gap")["chance_accuracy"].first()
    for ax, (gap, frame) in zip(axes, groups, strict=False):
        chance = float(chance_by_gap[gap])
        for (_, label, _), run in frame.groupby(["best", "label", "run_id"]):  # the faint ones first
            look = looks[str(label)] | {"marker": "", "linewidth": 1.0, "alpha": 0.8 if run["best"].iloc[0] else 0.2}
            if run["step"].iloc[0] > 0:
                ax.plot(
                    [0, run["step"].iloc[0]], [chance, run["accuracy"].iloc[0]], ":", color=look["color"], linewidth=0.6, alpha=0.3
                )
            ax.plot(run["step"], run["accuracy"], **look)
            if run["status"].iloc[-1] == "diverged":
                ax.plot(run["step"].iloc[-1], run["accuracy"].iloc[-1], "x", color=look["color"])
        ax.axhline(chance, label="chance", zorder=1, **CHANCE)
        accuracy_axis(ax)
        ax.set_xlim(0, None)
        ax.locator_params(axis="x", nbins=4)
        ax.ticklabel_format(axis="x", style="plain")
        ax.tick_params(labelsize=type_size(0.8))
        ax.set_title(f"gap {gap}", fontsize=type_size())
    for k, ax in enumerate(axes[: len(groups)]):
        ax.set_xlabel("training steps" if k >= len(groups) - columns else "", fontsize=type_size(0.9))
        ax.set_ylabel("accuracy" if k % columns == 0 else "", fontsize=type_size(0.9))
    figure.suptitle(stem(str(logs["task"].iloc[0])))
    note = "a line per run; dotted: before its first evaluation"
    if several:
        note += f"; faint: other rates than the {BEST_RULE}"
    finish(figure, axes[: len(groups)], note, True)
    return figure


def told_apart(logs: pd.DataFrame, runs: pd.DataFrame | None) -> tuple[pd.DataFrame, bool]:
    """The evaluations in the order of their steps, with ``label`` and ``best``; and whether several rates were tried.

    A run that :func:`rnnbench.summary.count_once` leaves out is left out; one that has not finished is kept.
    """
    logs = logs[logs["accuracy"].notna()].drop_duplicates(["run_id", "step"], keep="last")
    bare = logs["cell"].map(lambda cell: stem(str(cell))) + " (" + logs["init"].astype(str) + ")"
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
