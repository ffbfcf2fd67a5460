"""Results against the gap: accuracy, share of seeds that solved it, steps to solve. A panel per task, a curve per cell."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, StrMethodFormatter

from rnnbench._analysis.summary import BEST_RULE, best_runs, mark_best, summarise
from rnnbench.plots._frames import RunsLike, runs_frame
from rnnbench.plots._panels import (
    AxesLike,
    add_legend,
    bars_note,
    best_rate_note,
    draw_chance_line,
    draw_intervals,
    label_ends,
    set_accuracy_axis,
    set_gap_axis,
    split_curves,
    task_panels,
)
from rnnbench.plots._style import SEED_DOTS, curve_styles, styled


@styled
def plot_accuracy(runs: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot the final accuracy of every finished run against the gap.

    Curves join the medians over seeds, with 95 % bootstrap intervals where there are more than five seeds. They are shifted a
    little sideways so that they do not overlap. With several learning rates each curve takes the best one at each gap (the note
    names the rule), and seeds of other rates are fainter dots.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure.

    Example:
        >>> import rnnbench
        >>> study = rnnbench.Study.open("results/reference")
        >>> plot_accuracy(study.runs().query("task == 'copy'")).axes[0].get_title()
        'copy'
    """
    runs = runs_frame(runs)
    marked, table = mark_best(runs), summarise(runs)
    styles = curve_styles(marked)
    figure, panels = task_panels(marked, ax)
    labelled: set[str] = set()
    for task, dots, panel in panels:
        curves = split_curves(table[table["task"] == dots["task"].iloc[0]], styles)
        for curve in curves:
            for best, alpha in ((False, 0.2), (True, 0.45)):
                seeds = dots[(dots["label"] == curve.label) & (dots["best"] == best)]
                panel.plot(curve.shift(seeds["gap"]), seeds["accuracy"], color=curve.line["color"], alpha=alpha, **SEED_DOTS)
            draw_intervals(panel, curve, "accuracy", "accuracy")
        draw_chance_line(panel, dots, "gap")
        set_gap_axis(panel, dots["gap"])
        set_accuracy_axis(panel)
        panel.set_title(task)
        labelled |= label_ends(panel, curves, "accuracy")
    note = f"lines: medians over seeds; {bars_note(table, '95 % bootstrap intervals')}"
    if not marked["best"].all():
        note += f", those of other rates fainter. Lines are at the {BEST_RULE}"
    add_legend(figure, [panel for _, _, panel in panels], note, ax is None, labelled)
    return figure


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
    runs = runs_frame(runs)
    table, dots = summarise(runs), best_runs(runs)
    table = table.assign(share=(table["solved"] + 0.5) / (table["seeds"] + 1))
    styles = curve_styles(table)
    figure, panels = task_panels(table, ax)
    labelled: set[str] = set()
    for task, rows, panel in panels:
        curves = split_curves(rows, styles)
        for curve in curves:
            seeds = dots[(dots["task"] == task) & (dots["label"] == curve.label)]
            solved = (seeds["status"] == "solved").astype(float)
            panel.plot(curve.shift(seeds["gap"]), solved, color=curve.line["color"], alpha=0.3, **SEED_DOTS)
            draw_intervals(panel, curve, "share", "solved")
        set_gap_axis(panel, rows["gap"])
        panel.set(title=task, ylabel="seeds that solved it", ylim=(-0.04, 1.05))
        labelled |= label_ends(panel, curves, "share")
    note = f"lines: (k + 1/2) / (n + 1) for k of n seeds; {bars_note(table, '95 % intervals of the share')}{best_rate_note(table)}"
    add_legend(figure, [panel for _, _, panel in panels], note, ax is None, labelled)
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
    runs = runs_frame(runs)
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
            panel.plot(curve.shift(seeds["gap"]), seeds["steps_to_solve"], color=curve.line["color"], alpha=0.4, **SEED_DOTS)
            solved = curve.rows[2 * curve.rows["solved"] >= curve.rows["seeds"]]
            draw_intervals(panel, curve._replace(rows=solved), "steps_to_solve", "steps")
        set_gap_axis(panel, rows["gap"])
        narrow = high < 5 * low  # 1, 2, 5 would leave at most one tick
        panel.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8) if narrow else (1, 2, 5)))
        panel.minorticks_off()
        panel.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.set(title=task, ylabel="training steps to solve")
    note = "lines: medians of the seeds that solved it, where at least half did; "
    note += bars_note(table, "95 % bootstrap intervals")
    add_legend(figure, [panel for _, _, panel in panels], note + best_rate_note(table), ax is None)
    return figure
