"""Gates and state of one network along one sequence, with its words below the axis, and the half-lives of its units."""

from __future__ import annotations

from typing import TypedDict, cast

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import AsinhNorm, Normalize
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage

from rnnbench.plots._panels import Places, theirs, type_size
from rnnbench.plots._style import styled

EDGE = 14
"""Of a long sequence this many steps are shown in full at either end; all those between share the room of :data:`MIDDLE`."""
MIDDLE = 28
EARLY = 100
"""The scale of the state is chosen so that what happens in so many first steps can be seen."""


class Picture(TypedDict):
    """The colours of a heat map."""

    cmap: str
    norm: Normalize


COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9", "#882255")


@styled
def plot_gates(values: pd.DataFrame, means: pd.DataFrame, lives: pd.DataFrame, title: str, ax: Places | None = None) -> Figure:
    """Draw what the gates do.

    Args:
        values: as :func:`rnnbench.insight._gates.gate_values` gives it.
        means: as :func:`rnnbench.insight._gates.means` makes of it.
        lives: columns ``when, unit, half_life``; may be empty.
        title: what run this is; the first panel's, in axes of the caller's.
        ax: axes to draw in: one per quantity, one for the means, and one for the half-lives if there are any.

    Returns:
        Left a heat map per quantity, units against steps, those that keep longest on top; the middle of a long sequence is
        pressed together, every step still there. Right the gates' mean over units at every step (the state's, without gates)
        with the band of the middle 80 %, and the histogram of half-lives. The colours of a state are linear near zero and
        logarithmic far from it.
    """
    quantities = list(dict.fromkeys(values["quantity"]))
    order = _longest_first(values, lives)
    names = ["means", "half-lives"] if len(lives) else ["means"]
    if ax is None:
        figure = Figure(figsize=(11.5, 1.2 + 1.45 * len(quantities) + 0.6), layout="constrained")
        left, right = cast("tuple[SubFigure, SubFigure]", figure.subfigures(1, 2, width_ratios=(1.7, 1)))
        maps = list(left.subplots(len(quantities), 1, squeeze=False).flat)
        others = list(right.subplots(len(names), 1, squeeze=False).flat)
    else:
        figure, axes = theirs([*quantities, *names], ax)
        maps, others = axes[: len(quantities)], axes[len(quantities) :]
    for panel, quantity in zip(maps, quantities, strict=True):
        table = values[values["quantity"] == quantity].pivot(index="unit", columns="step", values="value").loc[order]
        low, high = _range(values, quantity)
        look, ticks = _scale(low, high, table.to_numpy())
        image = _pressed(panel, table.to_numpy(), look)
        bar = panel.figure.colorbar(image, ax=panel, pad=0.01)
        bar.set_ticks(ticks, labels=[f"{tick:.2g}" for tick in ticks], minor=False)
        bar.minorticks_off()
        panel.set(title=quantity, ylabel="units", yticks=[], xticks=[])
    words = values.drop_duplicates("step").sort_values("step")
    texts = [f"{word} \u2192 {answer}" if answer else word for word, answer in words[["word", "answer"]].to_numpy()]
    _step_ticks(maps[-1], texts)
    draw_means(others[0], means)
    if len(lives):
        draw_half_lives(others[1], lives)
    if ax is None:
        figure.suptitle(title, fontsize=type_size(1.1))
    else:
        maps[0].set_title(f"{title}\n{quantities[0]}")
    return figure


def draw_means(ax: Axes, means: pd.DataFrame) -> None:
    """The gates' means over units against the steps; the state's, where there are no gates."""
    quantities = list(dict.fromkeys(means["quantity"]))
    opened = [quantity for quantity in quantities if not quantity.startswith("state")]
    for k, quantity in enumerate(opened or quantities):
        curve, color = means[means["quantity"] == quantity], COLORS[k % len(COLORS)]
        ax.plot(curve["step"], curve["mean"], color=color, linestyle=("-", "--", "-.", ":")[k % 4], label=quantity)
        ax.fill_between(curve["step"], curve["low"], curve["high"], color=color, alpha=0.12, linewidth=0)
    ax.set(xlabel="time step", title="mean over units, band: middle 80 %")
    ax.legend(fontsize=type_size(0.8), loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)


def draw_half_lives(ax: Axes, lives: pd.DataFrame) -> None:
    """Histograms of the units' half-lives before and after training, on one logarithmic axis."""
    low, high = max(lives["half_life"].min(), 0.1), min(lives["half_life"].max(), 1e6)
    bins = np.geomspace(low / 1.05, high * 1.05, 24)
    before, after = (lives.loc[lives["when"] == when, "half_life"].clip(low, high) for when in ("initial", "trained"))
    edges = [float(edge) for edge in bins]
    ax.hist(before, edges, histtype="stepfilled", color="#777777", alpha=0.45, label="at initialisation")
    ax.hist(after, edges, histtype="step", color="#D55E00", linewidth=1.6, label="after training")
    ax.set_xscale("log")
    ax.set(xlabel="half-life of what a unit holds (time steps)", ylabel="units", title="how long the gates keep")
    ax.legend(fontsize=type_size(0.8))


def _range(values: pd.DataFrame, quantity: str) -> tuple[float, float]:
    """The range of a gate's values, NaN for a state; tables of earlier versions do not say it."""
    if "low" in values:
        low, high = values.loc[values["quantity"] == quantity, ["low", "high"]].iloc[0]
        return float(low), float(high)
    return (np.nan, np.nan) if quantity.startswith("state") else (0.0, 1.0)


def _scale(low: float, high: float, picture: np.ndarray) -> tuple[Picture, list[float]]:
    """Colours and the ticks of their bar: gates over their range; a state, which has none (NaN), so that its largest values and its
    first steps are seen."""
    if not np.isnan(low):
        return {"cmap": "viridis", "norm": Normalize(low, high)}, [low, (low + high) / 2, high]
    top = float(np.quantile(np.abs(picture), 0.99)) or 1.0
    early = float(np.median(np.abs(picture[:, :EARLY])))
    if early > top / 5:
        return {"cmap": "RdBu_r", "norm": Normalize(-top, top)}, [-top, 0, top]
    width = max(early, top / 1000)
    return {"cmap": "RdBu_r", "norm": AsinhNorm(width, vmin=-top, vmax=top)}, [-top, -3 * width, 0, 3 * width, top]


def _parts(steps: int) -> list[tuple[int, int, float, float]]:
    """``(first, end, left, right)`` of each part of the steps and where it is drawn; one part where all fit."""
    if steps <= 2 * EDGE + MIDDLE:
        return [(0, steps, 0, steps)]
    return [
        (0, EDGE, 0, EDGE),
        (EDGE, steps - EDGE, EDGE, EDGE + MIDDLE),
        (steps - EDGE, steps, EDGE + MIDDLE, 2 * EDGE + MIDDLE),
    ]


def _pressed(ax: Axes, picture: np.ndarray, look: Picture) -> AxesImage:
    """A heat map of (units, steps), its middle pressed together; the edges of that are marked."""
    parts = _parts(picture.shape[1])
    for first, end, left, right in parts:
        interpolation = "nearest" if right - left == end - first else "auto"  # which keeps every step where pixels are few
        extent = (left, right, picture.shape[0], 0)
        image = ax.imshow(picture[:, first:end], aspect="auto", extent=extent, interpolation=interpolation, **look)
    ax.set_xlim(0, parts[-1][3])
    for _, _, left, _ in parts[1:]:
        ax.axvline(left, color="white", linewidth=2)
        ax.axvline(left, color="black", linewidth=0.8, linestyle=":")
    return image


def _step_ticks(ax: Axes, texts: list[str]) -> None:
    """The word of every step that is drawn in full, and numbers of steps where they are pressed together."""
    places, labels = [], []
    for first, end, left, right in _parts(len(texts)):
        if right - left == end - first:
            places += [left + k + 0.5 for k in range(end - first)]
            labels += texts[first:end]
        else:
            marks = [step for step in range(first, end) if step % _round_part(end - first) == 0]
            places += [left + (step + 0.5 - first) / (end - first) * (right - left) for step in marks]
            labels += [f"step {step}" for step in marks]
    ax.set_xticks(places, labels, rotation=90, fontsize=type_size(0.75))


def _round_part(steps: int) -> int:
    """A round number of which some six fit into so many steps."""
    size = 10 ** int(np.log10(max(steps / 6, 1)))
    return int(next(size * part for part in (1, 2, 5, 10) if steps / (size * part) <= 8))


def _longest_first(values: pd.DataFrame, lives: pd.DataFrame) -> list[int]:
    """Units by half-life after training, or by their last state where no gate keeps it."""
    if len(lives):
        ranked = lives[lives["when"] == "trained"].set_index("unit")["half_life"]
    else:
        last = values[values["step"] == values["step"].max()]
        ranked = last[last["quantity"] == last["quantity"].iloc[-1]].set_index("unit")["value"]
    return [int(unit) for unit in ranked.sort_values(ascending=False, kind="stable").index]
