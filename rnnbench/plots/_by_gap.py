"""Results against the gap: accuracy, share of seeds that solved it, steps to solve. A panel per task, a curve per cell."""

from __future__ import annotations

import math
from collections.abc import Mapping

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from rnnbench._analysis.scores import half_gap, levels_at_half
from rnnbench._analysis.summary import BEST_RULE, best_runs, condition_notes, gap_or_length, mark_best, skill, summarise
from rnnbench._errors import UserError
from rnnbench.plots._frames import RunsLike, axis_frame
from rnnbench.plots._labels import label_lines
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import (
    AxesLike,
    bars_note,
    best_rate_note,
    draw_chance_line,
    draw_intervals,
    gap_label,
    gap_text,
    informed_note,
    set_accuracy_axis,
    set_gap_axis,
    shift_note,
    split_curves,
    task_panels,
    title_panel,
)
from rnnbench.plots._spans import cell_or_label
from rnnbench.plots._style import SEED_DOTS, LineStyle, curve_styles, styled


@styled
def plot_accuracy(runs: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot the final accuracy of every finished run against the gap.

    Curves join the medians over seeds, with 95 % bootstrap intervals where there are more than five seeds. They are shifted a
    little sideways so that they do not overlap. A cross marks a run that diverged. The title of a panel says how many curves
    forget, which one first, and how many still remember at the largest gap; not on a task with a baseline halfway between chance
    and 1. With several learning rates each curve takes the best one at each gap (the note names the rule), and seeds of other rates
    are fainter dots. A task that varies its length is plotted against the length.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure.

    Example:
        >>> import rnnbench
        >>> study = rnnbench.Study.open("results/reference")
        >>> plot_accuracy(study.runs().query("task == 'copy'")).axes[0].get_ylabel()
        'accuracy'
    """
    runs = axis_frame(runs)
    marked, table, at_half = mark_best(runs), summarise(runs), levels_at_half(runs)
    marked = marked.assign(diverged=marked["status"] == "diverged", accuracy=marked["accuracy"].fillna(0.0))
    styles = curve_styles(marked)
    larger = 1.8 * float(matplotlib.rcParams["lines.markersize"])  # than the marker of a median, which would hide them
    crosses: LineStyle = {
        "marker": "x",
        "linestyle": "",
        "markersize": larger,
        "label": "_diverged",
        "clip_on": False,
        "in_layout": False,
    }
    figure, panels = task_panels(marked, ax)
    for task, dots, panel in panels:
        curves = split_curves(table[table["task"] == dots["task"].iloc[0]], styles)
        for curve in curves:
            for best, alpha in ((False, 0.2), (True, 0.45)):
                here = dots[(dots["label"] == curve.label) & (dots["best"] == best)]
                dots_of = {"color": curve.line["color"], "alpha": alpha, "transform": curve.place(panel)}
                for seeds, shape in ((here[~here["diverged"]], SEED_DOTS), (here[here["diverged"]], crosses)):
                    panel.plot(seeds["gap"], seeds["accuracy"], **dots_of, **shape)
            draw_intervals(panel, curve, "accuracy", "accuracy")
        draw_chance_line(panel, dots, "gap")
        set_gap_axis(panel, dots["gap"], label=gap_label(dots))
        set_accuracy_axis(panel)
        title = task
        if ax is None and task not in at_half:
            title = phrase("{task}: {sentence}", task=task, sentence=forgetting(table[table["task"] == task]))
        title_panel(panel, title)
    note = phrase("lines: medians over seeds; {bars}", bars=bars_note(table, "95 % bootstrap intervals"))
    if not marked["best"].all():
        note += phrase(", those of other rates fainter. Lines are at the {rule}", rule=phrase(BEST_RULE))
    if marked["diverged"].any():
        counts = marked.loc[marked["diverged"], "label"].value_counts().sort_index()
        note += phrase(
            ". Crosses: runs that diverged ({runs})", runs=", ".join(f"{count} {name}" for name, count in counts.items())
        )
    if set(table["task"]) - at_half:
        note += phrase(f". A curve forgets at the {gap_or_length(table)} where its median falls below halfway between chance and 1")
    note += shift_note(table) + informed_note(table)
    note = ". ".join([note, *(text[0].upper() + text[1:] for text in condition_notes(runs))])
    title = phrase("How far back does each network remember?")
    label_lines(figure, [panel for _, _, panel in panels], note, ax is None, title)
    return figure


NO_BREAK = "\u00a0"
"""A space at which no line ends."""


def forgetting(table: pd.DataFrame) -> str:
    """Return a sentence that is true of all curves of one task: how many forget, which first, and how many still remember.

    Args:
        table: rows of :func:`rnnbench._analysis.summary.summarise`.
    """
    short = cell_or_label(table).map(_unbroken)
    names = dict(zip(table["label"], short, strict=True))
    gaps: dict[str, float] = {}
    for label, curve in table.groupby("label", sort=False):
        rows = curve.to_dict("records")
        gaps[str(label)] = half_gap({row["gap"]: skill(row["accuracy"], row["chance_accuracy"]) for row in rows})
    kept = [label for label in gaps if gaps[label] == math.inf]
    lost = sorted((label for label in gaps if label not in kept), key=lambda label: gaps[label])
    reached = _unbroken(gap_text(table, int(table[table["label"].isin(kept)].groupby("label")["gap"].max().min()))) if kept else ""
    if not lost:
        return phrase("no curve forgets up to {gap}", gap=reached)
    begin = _forget(lost, gaps, names, table)
    if not kept:
        return begin
    if len(kept) == 1:
        return phrase("{begin}; {name} still remembers at {gap}", begin=begin, name=names[kept[0]], gap=reached)
    return phrase("{begin}; {count} others still remember at {gap}", begin=begin, count=len(kept), gap=reached)


def _forget(lost: list[str], gaps: Mapping[str, float], names: Mapping[str, str], table: pd.DataFrame) -> str:
    """Return how many curves forget, and where the first of the ``lost`` ones do; they are sorted by their half-gap."""
    at = gaps[lost[0]]
    if at == 0:
        starts = table[table["gap"] >= 1].groupby("label")["gap"].min()
        smallest = int(starts[[label for label in lost if gaps[label] == 0]].max())
        first = [label for label in lost if gaps[label] <= smallest]
        where = phrase("by {gap}", gap=_unbroken(gap_text(table, smallest)))
    else:
        first = [label for label in lost if gaps[label] == at]
        where = phrase("near {gap}", gap=_unbroken(gap_text(table, _round_gap(at))))
    if len(lost) == 1:
        return phrase("{name} forgets {where}", name=names[first[0]], where=where)
    begin = phrase("{count} of {all} curves forget", count=len(lost), all=len(gaps))
    if len(first) == len(lost):
        return phrase("{begin} {where}", begin=begin, where=where)
    if len(first) == 1:
        return phrase("{begin}, first {name} {where}", begin=begin, name=names[first[0]], where=where)
    return phrase("{begin}, {count} of them {where}", begin=begin, count=len(first), where=where)


def _unbroken(text: str) -> str:
    """Return a text in which no line ends."""
    return text.replace(" ", NO_BREAK)


def _round_gap(gap: float) -> int:
    """Return a gap between two of the grid with two significant digits."""
    return int(float(f"{gap:.2g}"))


@styled
def plot_solved(runs: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot the share of seeds that solved each gap.

    Lines are at (k + 1/2) / (n + 1) for k of n seeds, the best guess of the share in a larger sample, so that 5 of 5 is not drawn
    as certain. Dots are seeds: at 1 if solved, at 0 if not. With more than five seeds, bars are 95 % intervals of the share. Curves
    are shifted a little sideways so that they do not overlap.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure.
    """
    runs = axis_frame(runs)
    table, dots = summarise(runs), best_runs(runs)
    table = table.assign(share=(table["solved"] + 0.5) / (table["seeds"] + 1))
    styles = curve_styles(table)
    figure, panels = task_panels(table, ax)
    for task, rows, panel in panels:
        curves = split_curves(rows, styles)
        for curve in curves:
            seeds = dots[(dots["task"] == task) & (dots["label"] == curve.label)]
            solved = (seeds["status"] == "solved").astype(float)
            panel.plot(seeds["gap"], solved, color=curve.line["color"], alpha=0.3, transform=curve.place(panel), **SEED_DOTS)
            draw_intervals(panel, curve, "share", "solved")
        set_gap_axis(panel, rows["gap"], label=gap_label(rows))
        panel.set(title=task, ylabel=phrase("estimated share of seeds that solve it"), ylim=(-0.04, 1.05))
    bars = bars_note(table, "95 % intervals of the share")
    note = phrase("lines: (k + 1/2) / (n + 1) for k of n seeds; {bars}", bars=bars) + best_rate_note(table)
    note += shift_note(table) + informed_note(table)
    title = phrase("How many seeds solve each gap?")
    label_lines(figure, [panel for _, _, panel in panels], note, ax is None, title)
    return figure


@styled
def plot_steps(runs: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot the training steps of every seed that solved its gap, on a logarithmic axis.

    Lines join the medians at gaps that at least half of the seeds solved. Only the best learning rate at each gap is shown.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`, at least one of them solved.
        ax: axes to draw in, one per task.

    Returns:
        The figure.
    """
    runs = axis_frame(runs)
    table, dots = summarise(runs), best_runs(runs)
    dots = dots[dots["status"] == "solved"]
    if dots.empty:
        raise UserError("a figure of the steps to solve needs a solved run: none of these is solved")
    styles = curve_styles(table)
    figure, panels = task_panels(table[table["task"].isin(dots["task"])], ax)
    for task, rows, panel in panels:
        here = dots[dots["task"] == rows["task"].iloc[0]]
        panel.set_yscale("log")
        low, high = here["steps_to_solve"].min() / 1.15, here["steps_to_solve"].max() * 1.15
        panel.set_ylim(low, high)  # all seeds may take the same number
        for curve in split_curves(rows[rows["label"].isin(here["label"])], styles):
            seeds = here[here["label"] == curve.label]
            dots_of = {"color": curve.line["color"], "alpha": 0.4, "transform": curve.place(panel)}
            panel.plot(seeds["gap"], seeds["steps_to_solve"], **dots_of, **SEED_DOTS)
            solved = curve.rows[2 * curve.rows["solved"] >= curve.rows["seeds"]]
            draw_intervals(panel, curve._replace(rows=solved), "steps_to_solve", "steps")
        set_gap_axis(panel, rows["gap"], label=gap_label(rows))
        narrow = high < 5 * low  # 1, 2, 5 would leave at most one tick
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if narrow else (1, 2, 5)))
        panel.minorticks_off()
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.set(title=task, ylabel=phrase("training steps to solve"))
    bars = bars_note(table, "95 % bootstrap intervals")
    note = phrase("lines: medians of the seeds that solved it, where at least half did; {bars}", bars=bars)
    title = phrase("How many training steps does a solution take?")
    note += best_rate_note(table) + shift_note(table) + informed_note(table)
    label_lines(figure, [panel for _, _, panel in panels], note, ax is None, title)
    return figure
