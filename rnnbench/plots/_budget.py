"""Does more training help? Accuracy against the training budget: a panel per task and gap, a curve per cell."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

from rnnbench._analysis.summary import label_curves, summarise_recipes
from rnnbench.plots._panels import Places, accuracy_axis, draw_chance, finish, panels, type_size
from rnnbench.plots._style import BARS, SEEDS, SMALL, Line, Runs, curve_looks, runs_of, styled

BUDGET = "max_steps"


def by_budget(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that are alike in all but their seed, rate and budget, and have several budgets.

    Args:
        runs: rows of :meth:`rnnbench.Study.runs`.

    Returns:
        Those rows, labelled as if the budget were no part of the recipe, and ``budget``, their ``max_steps``; empty if no cell has
        several at a task and gap.
    """
    named = label_curves(runs.drop(columns=BUDGET)).assign(budget=runs[BUDGET])
    budgets = named.groupby(["task", "gap", "label"])["budget"].transform("nunique")
    return named[budgets > 1]


@styled
def plot_budget(runs: pd.DataFrame | Runs, ax: Places | None = None) -> Figure:
    """Draw how accuracy and solved seeds grow with the budget: median over seeds with its bootstrap interval, a dot per seed.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`; those of curves with several budgets are drawn.
        ax: axes to draw in, one per task and gap.

    Returns:
        The figure; beside every point ``4/5``, the seeds that solved it. Each budget is at its best learning rate.

    Raises:
        ValueError: no curve has several budgets.
    """
    runs = by_budget(runs_of(runs))
    if runs.empty:
        raise ValueError("no cell has runs of several budgets at one task and gap")
    looks = curve_looks(runs)
    places = {f"{task}, gap {gap}": here for (task, gap), here in runs.groupby(["task", "gap"])}
    figure, axes = panels(list(places), ax)
    for (title, here), panel in zip(places.items(), axes, strict=True):
        draw_chance(panel, here, "budget")
        for k, (label, curve) in enumerate(here.groupby("label")):
            _draw_curve(panel, curve, looks[str(label)], k)
        ticks = sorted(here["budget"].unique())
        panel.set_xscale("log")
        panel.xaxis.set_major_locator(FixedLocator(ticks))
        panel.xaxis.set_minor_locator(NullLocator())
        panel.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        panel.margins(x=0.12)
        accuracy_axis(panel)
        panel.set(title=title, xlabel="training budget (steps)")
    note = (
        "median over seeds at the best rate of each budget, bars: 95 % bootstrap interval, dots: seeds, k/n: seeds that solved it"
    )
    finish(figure, axes, note, ax is None)
    return figure


def _draw_curve(panel: Axes, curve: pd.DataFrame, look: Line, k: int) -> None:
    """Draw the ``k``-th curve of a panel; its counts stand a line below those of the one before."""
    rows = []
    for budget, here in curve.groupby("budget"):
        table = summarise_recipes(here)
        best = table[table["best"]].iloc[0]
        rows.append({"budget": budget} | best.to_dict())
        dots = here[here["lr"] == best["lr"]]
        panel.plot(dots["budget"], dots["accuracy"], color=look["color"], alpha=0.4, **SEEDS)
    line = pd.DataFrame(rows)
    reach = [line["accuracy"] - line["accuracy_low"], line["accuracy_high"] - line["accuracy"]]
    panel.errorbar(line["budget"], line["accuracy"], reach, **BARS, **look)
    for row in line.itertuples():
        panel.annotate(
            f"{row.solved}/{row.seeds}",
            (row.budget, row.accuracy),
            (5, -10 - 1.2 * type_size(SMALL) * k),
            textcoords="offset points",
            fontsize=type_size(SMALL),
            color=look["color"],
        )
