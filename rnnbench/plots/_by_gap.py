"""Results against the gap: accuracy, share of seeds that solved it, steps to solve. A panel per task, a curve per cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from rnnbench._analysis.scores import half_gap
from rnnbench._analysis.summary import BEST_RULE, best_runs, condition_notes, mark_best, skill, summarise
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
    informed_note,
    set_accuracy_axis,
    set_gap_axis,
    split_curves,
    task_panels,
    title_panel,
)
from rnnbench.plots._spans import cell_or_label
from rnnbench.plots._style import SEED_DOTS, curve_styles, styled


@styled
def plot_accuracy(runs: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot the final accuracy of every finished run against the gap.

    Curves join the medians over seeds, with 95 % bootstrap intervals where there are more than five seeds. They are shifted a
    little sideways so that they do not overlap. The title of a panel names the curve that forgets first, and those that forget
    last or not at all. With several learning rates each curve takes the best one at each gap (the note names the rule), and seeds
    of other rates are fainter dots.

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
    marked, table = mark_best(runs), summarise(runs)
    styles = curve_styles(marked)
    figure, panels = task_panels(marked, ax)
    for task, dots, panel in panels:
        curves = split_curves(table[table["task"] == dots["task"].iloc[0]], styles)
        for curve in curves:
            for best, alpha in ((False, 0.2), (True, 0.45)):
                seeds = dots[(dots["label"] == curve.label) & (dots["best"] == best)]
                dots_of = {"color": curve.line["color"], "alpha": alpha, "transform": curve.place(panel)}
                panel.plot(seeds["gap"], seeds["accuracy"], **dots_of, **SEED_DOTS)
            draw_intervals(panel, curve, "accuracy", "accuracy")
        draw_chance_line(panel, dots, "gap")
        set_gap_axis(panel, dots["gap"], label=gap_label(dots))
        set_accuracy_axis(panel)
        sentence = forgetting(table[table["task"] == task])
        title_panel(panel, phrase("{task}: {sentence}", task=task, sentence=sentence) if ax is None else task)
    note = phrase("lines: medians over seeds; {bars}", bars=bars_note(table, "95 % bootstrap intervals"))
    if not marked["best"].all():
        note += phrase(", those of other rates fainter. Lines are at the {rule}", rule=phrase(BEST_RULE))
    note += phrase(". A curve forgets at the gap where its median falls below halfway between chance and 1")
    note += informed_note(table)
    note = ". ".join([note, *condition_notes(runs)])
    title = phrase("How far back does each network remember?")
    label_lines(figure, [panel for _, _, panel in panels], note, ax is None, title)
    return figure


NO_BREAK = "\u00a0"
"""A space at which no line ends."""


def forgetting(table: pd.DataFrame) -> str:
    """Return a sentence about the curves of one task: which forgets first, and which last or not at all.

    Args:
        table: rows of :func:`rnnbench._analysis.summary.summarise`.
    """
    short = cell_or_label(table).str.replace(" ", NO_BREAK)
    names = dict(zip(table["label"], short, strict=True))
    gaps: dict[str, float] = {}
    for label, curve in table.groupby("label", sort=False):
        rows = curve.to_dict("records")
        gaps[str(label)] = half_gap({row["gap"]: skill(row["accuracy"], row["chance_accuracy"]) for row in rows})
    largest = table.groupby("label")["gap"].max()
    first = min(gaps, key=lambda label: gaps[label])
    kept = {label: int(largest[label]) for label in gaps if gaps[label] == math.inf}
    if len(kept) == len(gaps):
        return phrase("none forgets up to gap {gap}", gap=min(kept.values()))
    begin = _forgets(gaps, [label for label in gaps if gaps[label] == gaps[first]], names, table)
    if kept:
        farthest = [label for label, gap in kept.items() if gap == max(kept.values())]
        return phrase("{begin}, {names} not up to gap {gap}", begin=begin, names=_listed(farthest, names), gap=max(kept.values()))
    last = max(gaps, key=lambda label: gaps[label])
    if gaps[last] == gaps[first]:
        return begin
    end = phrase("{names} near gap {gap}", names=names[last], gap=_round_gap(gaps[last]))
    return phrase("{begin}, {end}", begin=begin, end=end)


def _forgets(gaps: Mapping[str, float], labels: list[str], names: Mapping[str, str], table: pd.DataFrame) -> str:
    """Return that curves with one half-gap forget there."""
    at = gaps[labels[0]]
    if at == 0:
        smallest = int(table.loc[table["label"].isin(labels), "gap"].min())
        return phrase("{names} forgets within gap {gap}", names=_listed(labels, names), gap=smallest)
    return phrase("{names} forgets near gap {gap}", names=_listed(labels, names), gap=_round_gap(at))


def _listed(labels: Sequence[str], names: Mapping[str, str]) -> str:
    """Return up to two names, or how many there are."""
    if len(labels) > 2:
        return phrase("{count} curves", count=len(labels))
    return phrase(" and ").join(names[label] for label in labels)


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
        panel.set(title=task, ylabel=phrase("share of seeds that solved it"), ylim=(-0.04, 1.05))
    bars = bars_note(table, "95 % intervals of the share")
    note = phrase("lines: (k + 1/2) / (n + 1) for k of n seeds; {bars}", bars=bars) + best_rate_note(table) + informed_note(table)
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
    label_lines(figure, [panel for _, _, panel in panels], note + best_rate_note(table) + informed_note(table), ax is None, title)
    return figure
