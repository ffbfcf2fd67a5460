"""Accuracy against the training budget: a panel per task and gap, a curve per cell."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from rnnbench._analysis.summary import count_once, label_curves, summarise_recipes
from rnnbench._errors import UserError
from rnnbench.plots._frames import RunsLike, runs_frame
from rnnbench.plots._labels import label_lines
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import (
    AxesLike,
    bar_lengths,
    bars_note,
    best_rate_note,
    draw_chance_line,
    font_size,
    make_panels,
    set_accuracy_axis,
    spread,
    task_rank,
)
from rnnbench.plots._style import INTERVAL_BARS, SEED_DOTS, SMALL_TYPE, LineStyle, curve_styles, styled

BUDGET = "max_steps"


def budget_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of curves that have several budgets at one task and gap.

    Their ``label`` does not name the budget; ``budget`` is their ``max_steps``. A protocol fixes a budget, so runs of one protocol
    and runs without any may be one curve; two protocols are two.
    """
    one = "protocol" in runs and len(set(map(str, runs["protocol"].dropna())) - {""}) < 2
    named = label_curves(runs.drop(columns=[BUDGET, "protocol"] if one else BUDGET)).assign(budget=runs[BUDGET])
    budgets = named.groupby(["task", "gap", "label"])["budget"].transform("nunique")
    return named[budgets > 1]


@styled
def plot_budget(runs: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot accuracy and the number of solved seeds against the training budget, each budget at its best learning rate.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`; only curves with several budgets are shown.
        ax: axes to draw in, one per task and gap.

    Returns:
        The figure: medians over seeds, with 95 % bootstrap intervals where there are more than five, a dot per seed, and at every
        point the count of seeds that solved it, such as ``4/5``.

    Raises:
        UserError: no curve has several budgets at one task and gap.
    """
    runs = budget_curves(count_once(runs_frame(runs)))
    if runs.empty:
        raise UserError("no cell has runs of several budgets at one task and gap: run it with a second --max-steps")
    styles = curve_styles(runs)
    ordered = sorted(runs.groupby(["task", "gap"]), key=lambda group: (task_rank(str(group[0][0])), group[0][1]))
    groups = {phrase("{task}, gap {gap}", task=task, gap=gap): here for (task, gap), here in ordered}
    figure, axes = make_panels(list(groups), ax)
    points = []
    for (title, here), panel in zip(groups.items(), axes, strict=True):
        draw_chance_line(panel, here, "budget")
        drawn = [_draw_curve(panel, curve, styles[str(label)]) for label, curve in here.groupby("label")]
        ticks = sorted(here["budget"].unique())
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(FixedLocator(ticks))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.margins(x=0.12)
        set_accuracy_axis(panel)
        panel.set(title=title, xlabel=phrase("training budget (steps)"))
        _write_counts(panel, pd.concat(drawn))
        points += drawn
    table = pd.concat(points)
    bars = bars_note(table, "95 % bootstrap intervals")
    note = phrase("lines: medians over seeds; {bars}; k/n: seeds that solved it", bars=bars) + best_rate_note(table)
    label_lines(figure, axes, note, ax is None, phrase("What does a larger training budget add?"))
    return figure


def _draw_curve(panel: Axes, curve: pd.DataFrame, style: LineStyle) -> pd.DataFrame:
    """Draw a curve; return its points with their colour."""
    rows = []
    for budget, here in curve.groupby("budget"):
        best = summarise_recipes(here).query("best").iloc[0]
        rows.append(best.to_dict() | {"budget": budget, "rates": here["lr"].nunique()})
        dots = here[here["lr"] == best["lr"]]
        panel.plot(dots["budget"], dots["accuracy"], color=style["color"], alpha=0.4, **SEED_DOTS)
    line = pd.DataFrame(rows)
    panel.errorbar(line["budget"], line["accuracy"], bar_lengths(line, "accuracy", "accuracy"), **INTERVAL_BARS, **style)
    return line.assign(color=style["color"])


def _write_counts(panel: Axes, points: pd.DataFrame) -> None:
    """Write the seeds that solved it to the right of every point; counts that would overlap are moved apart."""
    size = font_size(SMALL_TYPE)
    for _, column in points.sort_values("accuracy").groupby("budget"):
        heights = panel.transData.transform([(1.0, value) for value in column["accuracy"]])[:, 1]
        heights *= 72 / panel.get_figure(root=True).dpi  # type: ignore[union-attr]
        for row, shift in zip(column.itertuples(), spread(heights, 1.1 * size) - heights, strict=True):
            place = (7, shift + 0.8 * size)
            text = panel.annotate(f"{row.solved}/{row.seeds}", (row.budget, row.accuracy), place, textcoords="offset points")
            text.set(fontsize=size, color=str(row.color), va="center", path_effects=[withStroke(linewidth=3, foreground="white")])
