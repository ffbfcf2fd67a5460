"""Gates and state of one network along one sequence, and the half-lives of its units."""

from __future__ import annotations

import re
from typing import Any, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm, Normalize, PowerNorm
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from rnnbench.plots._frames import Frame
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import AxesLike, callers_axes, font_size
from rnnbench.plots._style import DASHES, SLIDE_SIZE, is_slide, styled

EDGE = 14
"""Number of steps shown in full at each end of a long sequence; the steps between share the width :data:`MIDDLE`."""
MIDDLE = 28
EARLY = 100
"""Number of first steps that set the colour scale of the state."""
MOST_UNITS = 12
"""Number of units that are shown; of more, those whose state the cue changes most."""
CUE_COLOR, QUESTION_COLOR = "#D55E00", "#CC79A7"
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#882255")


@styled
def plot_gates(values: Frame, means: Frame, lives: Frame, title: str, ax: AxesLike | None = None) -> Figure:
    """Plot gates and state of a trained network along one sequence, and half-lives of its units.

    Args:
        values: ``values`` of :func:`rnnbench.insight.measure_gates`.
        means: ``means`` of the same result.
        lives: ``half_lives`` of the same result; may be empty.
        title: title of the figure, or of the first panel with ``ax``.
        ax: axes to draw in: one per quantity, one for the means, and one for the half-lives unless ``lives`` is empty.

    Returns:
        The figure. Left: a heat map per quantity, units against steps, units with the longest memory on top; the middle of a long
        sequence is compressed. Of more than twelve units those are shown whose state the cue changes most. The columns of the cue
        and the question are framed. A gate that uses less than half of its range is scaled to what it uses. Right: the mean over
        all units at every step with the band of the middle 80 %, and the histogram of half-lives. The colour scale of a state is
        linear near zero and logarithmic far from it.
    """
    quantities = list(dict.fromkeys(values["quantity"]))
    units = values["unit"].nunique()
    order = _most_changed(values, _longest_first(values, lives))
    names = ["means", "half-lives"] if len(lives) else ["means"]
    if ax is None:
        size = SLIDE_SIZE if is_slide() else (11.5, 1.2 + 1.45 * len(quantities) + 0.6)
        figure = Figure(figsize=size, layout="constrained")
        left, right = cast("tuple[SubFigure, SubFigure]", figure.subfigures(1, 2, width_ratios=(1.7, 1)))
        maps = list(left.subplots(len(quantities), 1, squeeze=False).flat)
        others = list(right.subplots(len(names), 1, squeeze=False).flat)
    else:
        figure, axes = callers_axes([*quantities, *names], ax)
        maps, others = axes[: len(quantities)], axes[len(quantities) :]
    for panel, quantity in zip(maps, quantities, strict=True):
        table = values[values["quantity"] == quantity].pivot(index="unit", columns="step", values="value").loc[order]
        scale, ticks = _scale(*_gate_range(values, quantity), table.to_numpy())
        image = _draw_heat_map(panel, table.to_numpy(), scale)
        bar = panel.figure.colorbar(image, ax=panel, pad=0.01)
        bar.set_ticks(ticks, labels=[f"{tick:.0f}" if 100 <= abs(tick) < 1e4 else f"{tick:.2g}" for tick in ticks], minor=False)
        bar.minorticks_off()
        shown = phrase("{count} of {all} units", count=len(order), all=units) if len(order) < units else phrase("units")
        panel.set(title=phrase(quantity), ylabel=shown, yticks=[], xticks=[])
        _frame_columns(panel, values, len(order), names=panel is maps[0])
    words = values.drop_duplicates("step").sort_values("step")
    texts = [f"{word} \u2192 {answer}" if answer else word for word, answer in words[["word", "answer"]].to_numpy()]
    _step_ticks(maps[-1], texts)
    draw_means(others[0], means)
    if len(lives):
        draw_half_lives(others[1], lives)
    if found := re.fullmatch(r"(.*) on (.*), gap (\d+), seed (\d+), after training", title):
        curve, task, gap, seed = found.groups()
        title = phrase("{curve} on {task}, gap {gap}, seed {seed}, after training", curve=curve, task=task, gap=gap, seed=seed)
    if ax is None:
        figure.suptitle(title, fontsize=font_size(1.1))
    else:
        maps[0].set_title(f"{title}\n{phrase(quantities[0])}")
    return figure


def draw_means(ax: Axes, means: pd.DataFrame) -> None:
    """Draw the means of the gates over units against the steps; of the state for a cell without gates."""
    quantities = list(dict.fromkeys(means["quantity"]))
    opened = [quantity for quantity in quantities if not quantity.startswith("state")]
    for k, quantity in enumerate(opened or quantities):
        curve, color = means[means["quantity"] == quantity], COLORS[k % len(COLORS)]
        ax.plot(curve["step"], curve["mean"], color=color, linestyle=DASHES[k % len(DASHES)], label=phrase(quantity))
        ax.fill_between(curve["step"], curve["low"], curve["high"], color=color, alpha=0.12, linewidth=0)
    ax.set(xlabel=phrase("time step"), title=phrase("mean over all units, band: middle 80 %"))
    ax.legend(fontsize=font_size(0.8), loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def draw_half_lives(ax: Axes, lives: pd.DataFrame) -> None:
    """Draw histograms of the units' half-lives before and after training, on one logarithmic axis."""
    low, high = max(lives["half_life"].min(), 0.1), min(lives["half_life"].max(), 1e6)
    edges = np.geomspace(low / 1.05, high * 1.05, 24).tolist()
    before, after = (lives.loc[lives["when"] == when, "half_life"].clip(low, high) for when in ("initial", "trained"))
    ax.hist(before, edges, histtype="stepfilled", color="#777777", alpha=0.45, label=phrase("at initialisation"))
    ax.hist(after, edges, histtype="step", color="#D55E00", linewidth=1.6, label=phrase("after training"))
    ax.set_xscale("log")
    ax.set(
        xlabel=phrase("half-life of what a unit holds (time steps)"),
        ylabel=phrase("units"),
        title=phrase("how long the gates keep"),
    )
    ax.legend(fontsize=font_size(0.8))


def _gate_range(values: pd.DataFrame, quantity: str) -> tuple[float, float]:
    """Return the range of a gate's values, NaN for a state; tables of earlier versions lack the columns."""
    if "low" in values:
        low, high = values.loc[values["quantity"] == quantity, ["low", "high"]].iloc[0]
        return float(low), float(high)
    return (np.nan, np.nan) if quantity.startswith("state") else (0.0, 1.0)


def _scale(low: float, high: float, picture: np.ndarray) -> tuple[dict[str, Any], list[float]]:
    """Return the colour scale and the ticks of its bar.

    Gates use their range, or that of the picture if it is less than half of it. A gate that is mostly closed has a square-root
    scale. A state, whose range is NaN, uses a scale that shows its largest values and its first steps.
    """
    if not np.isnan(low):
        least, most = float(picture.min()), float(picture.max())
        if least < most < (low + high) / 2:
            high = most
        elif most > least > (low + high) / 2:
            low = least
        if np.median(picture) < low + (high - low) / 4:  # mostly closed: small openings must be visible
            return {"cmap": "viridis", "norm": PowerNorm(0.5, low, high)}, [low, low + (high - low) / 4, high]
        return {"cmap": "viridis", "norm": Normalize(low, high)}, [low, (low + high) / 2, high]
    top = float(np.quantile(np.abs(picture), 0.99)) or 1.0
    early = float(np.median(np.abs(picture[:, :EARLY])))
    if early > top / 5:
        return {"cmap": "RdBu_r", "norm": Normalize(-top, top)}, [-top, 0, top]
    width = max(early, top / 1000)
    return {"cmap": "RdBu_r", "norm": AsinhNorm(width, vmin=-top, vmax=top)}, [-top, -3 * width, 0, 3 * width, top]


def _segments(steps: int) -> list[tuple[int, int, float, float]]:
    """Return ``(first, end, left, right)`` of each segment of the steps and its place on the axis; one segment if all fit."""
    if steps <= 2 * EDGE + MIDDLE:
        return [(0, steps, 0, steps)]
    return [
        (0, EDGE, 0, EDGE),
        (EDGE, steps - EDGE, EDGE, EDGE + MIDDLE),
        (steps - EDGE, steps, EDGE + MIDDLE, 2 * EDGE + MIDDLE),
    ]


def _draw_heat_map(ax: Axes, picture: np.ndarray, scale: dict[str, Any]) -> AxesImage:
    """Draw a heat map of (units, steps), its middle compressed between marked edges."""
    parts = _segments(picture.shape[1])
    for first, end, left, right in parts:
        interpolation = "nearest" if right - left == end - first else "auto"  # averages steps where pixels are few
        extent = (left, right, picture.shape[0], 0)
        image = ax.imshow(picture[:, first:end], aspect="auto", extent=extent, interpolation=interpolation, **scale)
    ax.set_xlim(0, parts[-1][3])
    for _, _, left, _ in parts[1:]:
        ax.axvline(left, color="white", linewidth=2)
        ax.axvline(left, color="black", linewidth=0.8, linestyle=":")
    return image


def _most_changed(values: pd.DataFrame, order: list[int]) -> list[int]:
    """Return at most :data:`MOST_UNITS` units in their order: those whose state the cue, or the first step, changes most."""
    if len(order) <= MOST_UNITS:
        return order
    state = values[values["quantity"] == values["quantity"].iloc[-1]].pivot(index="step", columns="unit", values="value")
    change = state.diff().fillna(state.iloc[:1]).abs()  # the state before the first step is 0
    cues = values.loc[values["cue"], "step"].unique() if "cue" in values and values["cue"].any() else [0]
    chosen = set(change.loc[cues].sum().nlargest(MOST_UNITS).index)
    return [unit for unit in order if unit in chosen]


def _frame_columns(ax: Axes, values: pd.DataFrame, units: int, names: bool) -> None:
    """Frame the columns of the cue and of the question, and write their names above them."""
    steps = values.drop_duplicates("step").sort_values("step")
    marked = {phrase("question"): (steps["answer"] != "", QUESTION_COLOR)}
    if "cue" in steps:
        marked = {phrase("cue"): (steps["cue"] & (steps["answer"] == ""), CUE_COLOR)} | marked
    for name, (rows, color) in marked.items():
        at = np.flatnonzero(rows)
        for run in np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else []:
            left, right = _column(int(run[0]), len(steps))[0], _column(int(run[-1]), len(steps))[1]
            frame = Rectangle((left, 0), right - left, units, fill=False, edgecolor=color, linewidth=1.8, clip_on=False, zorder=4)
            ax.add_patch(frame)
            if names and run[0] == at[0]:
                ax.annotate(
                    name, ((left + right) / 2, 0), (0, 2), textcoords="offset points", ha="center", va="bottom",
                    color=color, fontsize=font_size(0.8), annotation_clip=False,
                )  # fmt: skip


def _column(step: int, steps: int) -> tuple[float, float]:
    """Return the left and right edge of a time step on the axis."""
    first, end, left, right = next(part for part in _segments(steps) if part[0] <= step < part[1])
    width = (right - left) / (end - first)
    return left + (step - first) * width, left + (step - first + 1) * width


def _step_ticks(ax: Axes, texts: list[str]) -> None:
    """Label the steps: words where steps are shown in full, step numbers where they are compressed."""
    places, labels = [], []
    for first, end, left, right in _segments(len(texts)):
        if right - left == end - first:
            places += [left + k + 0.5 for k in range(end - first)]
            labels += texts[first:end]
        else:
            marks = [step for step in range(first, end) if step % _tick_spacing(end - first) == 0]
            places += [left + (step + 0.5 - first) / (end - first) * (right - left) for step in marks]
            labels += [phrase("step {step}", step=step) for step in marks]
    ax.set_xticks(places, labels, rotation=90, fontsize=font_size(0.75))


def _tick_spacing(steps: int) -> int:
    """Return a round number of steps that divides the range into about six parts."""
    size = 10 ** int(np.log10(max(steps / 6, 1)))
    return int(next(size * part for part in (1, 2, 5, 10) if steps / (size * part) <= 8))


def _longest_first(values: pd.DataFrame, lives: pd.DataFrame) -> list[int]:
    """Return the units by half-life after training, or by their last state for a cell without a keeping gate."""
    if len(lives):
        ranked = lives[lives["when"] == "trained"].set_index("unit")["half_life"]
    else:
        last = values[values["step"] == values["step"].max()]
        ranked = last[last["quantity"] == last["quantity"].iloc[-1]].set_index("unit")["value"]
    return [int(unit) for unit in ranked.sort_values(ascending=False, kind="stable").index]
