"""Accuracy of trained networks at gaps other than their training gaps."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from rnnbench._spec.gaps import gaps_of
from rnnbench.plots._frames import RunsLike
from rnnbench.plots._labels import label_lines
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import (
    AxesLike,
    draw_chance_line,
    make_panels,
    set_accuracy_axis,
    set_gap_axis,
    shift_note,
    split_curves,
    task_rank,
)
from rnnbench.plots._style import SEED_DOTS, cell_and_init, curve_styles, styled


@styled
def plot_extrapolation(frame: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot accuracy against the evaluation gap; the training gap is a vertical line, the range of several ones is shaded.

    Curves join the medians over seeds, and every seed is a dot.

    Args:
        frame: a study, or rows of :meth:`rnnbench.Study.extrapolation`. A column ``label`` separates runs of one cell that differ
            in more than the initialisation.
        ax: axes to draw in, one per task and training gap or set of them.

    Returns:
        The figure, a panel per task and training gap or set of them.
    """
    if not isinstance(frame, pd.DataFrame):
        study = frame
        frame = study.extrapolation()
        if study.records():  # the baselines of a task depend on its options
            frame = frame.merge(study.runs()[["run_id", "option"]], on="run_id", how="left")
    if "label" not in frame.columns:
        frame = frame.assign(label=cell_and_init(frame))
    several = frame.get("train_gaps", pd.Series("", frame.index)).fillna("").astype(str)
    frame = frame.assign(trained=several.where(several != "", frame["gap"].astype(str)))
    frame = frame.drop_duplicates(["task", "label", "trained", "seed", "eval_gap"], keep="last")
    styles = curve_styles(frame)
    groups = {}
    for task, trained in sorted(set(zip(frame["task"], frame["trained"], strict=True)), key=_order):
        title = phrase(
            "{task}, trained at gap {gap}" if trained.isdigit() else "{task}, trained at gaps {gap}", task=task, gap=trained
        )
        groups[title] = frame[(frame["task"] == task) & (frame["trained"] == trained)]
    figure, axes = make_panels(list(groups), ax)
    for panel, (title, rows) in zip(axes, groups.items(), strict=True):
        gaps = gaps_of(rows["trained"].iloc[0])
        for curve in split_curves(rows, styles):
            seeds, median = curve.rows, curve.rows.groupby("eval_gap")["accuracy"].median()
            at = curve.place(panel)
            panel.plot(seeds["eval_gap"], seeds["accuracy"], color=curve.line["color"], alpha=0.4, transform=at, **SEED_DOTS)
            panel.plot(median.index, median.to_numpy(), transform=at, **curve.line)
        if len(gaps) == 1:
            panel.axvline(gaps[0], color="#777777", linewidth=1, linestyle=":", label=phrase("gap of the training"))
        else:
            panel.axvspan(gaps[0], gaps[-1], color="#777777", alpha=0.15, linewidth=0, label=phrase("gaps of the training"))
        draw_chance_line(panel, rows.assign(gap=rows["eval_gap"]), "eval_gap")
        set_gap_axis(panel, [*rows["eval_gap"], gaps[0], gaps[-1]])
        set_accuracy_axis(panel)
        panel.set(title=title, xlabel=phrase("gap of the evaluation (time steps)"))
    note = phrase("lines: medians over seeds; dots: seeds") if frame["seed"].nunique() > 1 else ""
    note = (note + shift_note(frame)).removeprefix(". ")
    label_lines(figure, axes, note, ax is None, phrase("Does a network remember across gaps that it was not trained at?"))
    return figure


def _order(panel: tuple[str, str]) -> tuple[tuple[int, str], list[int]]:
    """Return the sort key of a panel: its task, then its training gaps as numbers."""
    return task_rank(panel[0]), gaps_of(panel[1])
