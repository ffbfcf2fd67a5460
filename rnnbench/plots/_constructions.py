"""Hand-picked weights: accuracy under noise, the gradient that they pass on, and training from perturbed weights."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench._analysis.declared import baselines
from rnnbench.plots._frames import Frame
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import BASELINE, CHANCE_LINE, AxesLike, add_legend, font_size, make_panels, set_gap_axis, task_rank
from rnnbench.plots._style import DASHES, LineStyle, cell_styles, styled


@styled
def plot_constructions(frame: Frame, trade_off: Frame | None = None, ax: AxesLike | None = None) -> Figure:
    """Plot hand-picked weights: accuracy against noise, gradient against gap, and Bengio's trade-off.

    Args:
        frame: rows of :func:`rnnbench.insight.measure_constructions`: ``name, cell, task, gap, noise, accuracy, chance_accuracy,
            gradient``.
        trade_off: columns ``w, slope, threshold``, one row per recurrent weight of a single unit.
        ax: axes to draw in: three, or two without ``trade_off``.

    Returns:
        The figure, with three panels, or two without ``trade_off``. A gradient of exactly zero, which a log axis cannot show, is
        drawn at the lower edge.
    """
    names = ["accuracy", "gradient"] if trade_off is None else ["accuracy", "gradient", "trade-off"]
    figure, axes = make_panels(names, ax, width=4.4, columns=len(names))
    styles = cell_styles(frame["cell"])
    tasks = sorted(set(frame["task"]), key=task_rank)
    far = frame["gap"].max()
    passed = frame.loc[frame["gradient"] > 0, "gradient"]
    floor = max(float(passed.min()), 1e-300) / 1e3 if len(passed) else 1e-300
    for name, rows in frame.groupby("name", sort=False):
        color, marker = styles[str(rows["cell"].iloc[0])]
        dash = DASHES[tasks.index(rows["task"].iloc[0]) % len(DASHES)]
        style: LineStyle = {"color": color, "marker": marker, "linestyle": dash, "label": str(name)}
        noisy = rows[rows["gap"] == far].sort_values("noise")
        axes[0].plot(noisy["noise"], noisy["accuracy"], **style)
        still = rows[rows["noise"] == rows["noise"].min()].sort_values("gap")
        axes[1].plot(still["gap"], still["gradient"].clip(lower=floor), **style)
    draw_chances(axes[0], frame[frame["gap"] == far], tasks)
    set_noise_axis(axes[0], frame["noise"])
    axes[0].set(xlabel=phrase("noise on the state (standard deviation)"), ylabel=phrase("accuracy"), ylim=(-0.03, 1.03))
    axes[0].set_title(phrase("robust? accuracy at gap {gap}", gap=far))
    axes[1].set_yscale("log")
    axes[1].set_ylim(bottom=floor / 3)
    set_gap_axis(axes[1], frame["gap"])
    axes[1].set(ylabel=phrase("norm of d output / d first state"), title=phrase("learnable? gradient through the gap"))
    if (frame["gradient"] == 0).any():
        axes[1].annotate(phrase("exactly 0"), (0.98, 0.03), xycoords="axes fraction", ha="right", fontsize=font_size(0.9))
    if trade_off is not None:
        threshold, slope = phrase("h*: input that cannot flip the unit"), phrase("factor of the gradient per step")
        axes[2].plot(trade_off["w"], trade_off["threshold"], color="black", label=threshold)
        axes[2].plot(trade_off["w"], trade_off["slope"], color="#CC79A7", linestyle=DASHES[1], label=slope)
        axes[2].set_yscale("log")
        axes[2].set(xlabel=phrase("recurrent weight w of one tanh unit"), title=phrase("the trade-off (Bengio et al. 1994)"))
        axes[2].legend(loc="lower center")
    note = phrase("colour: cell; line: task. What stands still under noise passes no gradient back")
    add_legend(figure, axes[:2], note, ax is None, title=phrase("Can hand-picked weights remember, and can training find them?"))
    return figure


def draw_chances(ax: Axes, frame: pd.DataFrame, tasks: list[str]) -> None:
    """Draw a chance line for every task, with the names of the tasks above it; lines that nearly touch share one text."""
    levels = frame.groupby("task")["chance_accuracy"].first().sort_values()
    for k, level in enumerate(levels):
        ax.axhline(level, label=phrase("chance") if k == 0 else None, **CHANCE_LINE)
    groups = (levels.diff() > 0.05).cumsum()
    for _, near in levels.groupby(groups):
        names = ", ".join(task for task in tasks if task in near.index)
        ax.annotate(names, (0.02, near.max()), xycoords=("axes fraction", "data"), va="bottom", fontsize=font_size(0.8))


@styled
def plot_train_from(frame: Frame, ax: AxesLike | None = None) -> Figure:
    """Plot accuracy before and after training from perturbed hand-picked weights, against the perturbation.

    Args:
        frame: rows of :func:`rnnbench.insight.train_constructions`: ``name, cell, task, gap, amount, seed, start_accuracy,
            accuracy, chance_accuracy``.
        ax: axes to draw in, one per task.

    Returns:
        The figure, a panel per task: open markers before training, filled markers and the median line after it, a dot per seed.
    """
    tasks = sorted(set(frame["task"]), key=task_rank)
    styles = cell_styles(frame["cell"])
    figure, axes = make_panels(tasks, ax)
    for panel, task in zip(axes, tasks, strict=True):
        here = frame[frame["task"] == task]
        for cell, rows in here.groupby("cell", sort=False):
            color, marker = styles[str(cell)]
            dots: LineStyle = {"marker": marker, "linestyle": "", "color": color}
            panel.plot(
                rows["amount"], rows["start_accuracy"], mfc="none", markersize=5, label=phrase("{cell}, before", cell=cell), **dots
            )
            panel.plot(rows["amount"], rows["accuracy"], markersize=4, alpha=0.8, **dots)
            middle = rows.groupby("amount")["accuracy"].median()
            panel.plot(middle.index, middle.to_numpy(), color=color, label=phrase("{cell}, after training (median)", cell=cell))
        panel.axhline(here["chance_accuracy"].iloc[0], label=phrase("chance"), **CHANCE_LINE)
        levels = baselines(here.assign(option="{}"))  # constructions are for tasks with their defaults
        for name, level in levels.groupby("name")["accuracy"].first().items():
            panel.axhline(level, label=phrase(str(name)), **BASELINE)
        set_noise_axis(panel, frame["amount"])
        title = phrase("{task}, gap {gap}", task=task, gap=here["gap"].iloc[0])
        panel.set(title=title, ylabel=phrase("accuracy"), ylim=(-0.03, 1.03))
        panel.set_xlabel(phrase("perturbation of the weights (share of their size)"))
    note = phrase("open: the disturbed construction; filled: after training from it; a dot per seed")
    add_legend(figure, axes, note, ax is None, title=phrase("Does training find its way back to hand-picked weights?"))
    return figure


def set_noise_axis(ax: Axes, amounts: pd.Series[float]) -> None:
    """Set a logarithmic axis of noise amounts, with zero at the left."""
    ticks = np.unique(amounts)
    positive = ticks[ticks > 0]
    ax.set_xscale("symlog", linthresh=float(positive[0]) if len(positive) else 1.0, linscale=0.4)
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks], fontsize=font_size(0.9))
    ax.xaxis.minorticks_off()
    if len(positive):
        ax.set_xlim(-float(positive[0]) * 0.2, float(positive[-1]) * math.sqrt(2))
