"""Gates and state of one network along one sequence, with its words below the axis, and the half-lives of its units."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import rnnbench.plots  # noqa: F401  # the type and the size that all figures share

EDGE = 14
"""Of a long sequence this many steps are shown at either end."""
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000")


def gates(values: pd.DataFrame, means: pd.DataFrame, lives: pd.DataFrame, title: str) -> Figure:
    """Draw what the gates do.

    Args:
        values: as :func:`rnnbench.insight.gates.gate_values` gives it.
        means: as :func:`rnnbench.insight.gates.means` makes of it.
        lives: columns ``when, unit, half_life``; may be empty.
        title: what run this is.

    Returns:
        Left a heat map a quantity, units against steps, those that keep longest on top; a long sequence without its middle. Right
        the gates' mean over units at every step (the state's, without gates) with the band of the middle 80 %, and the histogram
        of half-lives.
    """
    ranges = {quantity: (low, high) for quantity, low, high in values[["quantity", "low", "high"]].drop_duplicates().to_numpy()}
    quantities = list(ranges)
    steps = int(values["step"].max()) + 1
    shown = list(range(steps)) if steps <= 2 * EDGE + 4 else [*range(EDGE), *range(steps - EDGE, steps)]
    broken = len(shown) < steps
    order = _longest_first(values, lives)
    figure = Figure(figsize=(11.5, 1.2 + 1.45 * len(quantities) + 0.6), layout="constrained")
    grid = figure.add_gridspec(len(quantities), 2, width_ratios=(1.7, 1))
    maps = [figure.add_subplot(grid[k, 0]) for k in range(len(quantities))]
    for ax, quantity in zip(maps, quantities, strict=True):
        table = values[values["quantity"] == quantity].pivot(index="unit", columns="step", values="value").loc[order, shown]
        picture = table.to_numpy()
        if broken:
            picture = np.insert(picture, [EDGE, EDGE], np.nan, axis=1)
        low, high = ranges[quantity]
        if np.isnan(low):  # a state: a few units may hold far more than all others, and are cut off
            top = float(np.nanquantile(np.abs(picture), 0.98)) or 1.0
            look: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -top, "vmax": top}
        else:
            look = {"cmap": "viridis", "vmin": low, "vmax": high}
        image = ax.imshow(picture, aspect="auto", interpolation="nearest", **look)
        figure.colorbar(image, ax=ax, pad=0.01)
        ax.set(title=quantity, ylabel="units", yticks=[])
        ax.set_xticks([])
    words = values.drop_duplicates("step").set_index("step")
    labels = [f"{word} \u2192 {answer}" if answer else word for word, answer in words.loc[shown, ["word", "answer"]].to_numpy()]
    if broken:
        labels[EDGE:EDGE] = ["", f"{steps - 2 * EDGE} more"]
    maps[-1].set_xticks(range(len(labels)), labels, rotation=90, fontsize=7)
    curves = figure.add_subplot(grid[: -(-len(quantities) // 2), 1] if len(lives) else grid[:, 1])
    opened = [quantity for quantity in quantities if not np.isnan(ranges[quantity][0])]
    for color, quantity in zip(COLORS, opened or quantities, strict=False):
        curve = means[means["quantity"] == quantity]
        curves.plot(curve["step"], curve["mean"], color=color, linewidth=1.4, label=quantity)
        curves.fill_between(curve["step"], curve["low"], curve["high"], color=color, alpha=0.15, linewidth=0)
    curves.set(xlabel="time step", title="mean over units, band: middle 80 %")
    curves.legend(fontsize=7, loc="best" if opened else "center right")
    if len(lives):
        histogram = figure.add_subplot(grid[-(-len(quantities) // 2) :, 1])
        short, long = max(lives["half_life"].min(), 0.1), min(lives["half_life"].max(), 1e6)
        bins = np.geomspace(short / 1.05, long * 1.05, 24)
        for when, color, fill in (("initial", "#777777", "stepfilled"), ("trained", "#D55E00", "step")):
            lengths = lives.loc[lives["when"] == when, "half_life"].clip(short, long)
            label = "at initialisation" if when == "initial" else "after training"
            alpha = 0.45 if when == "initial" else 1.0
            histogram.hist(lengths, bins, histtype=fill, color=color, alpha=alpha, linewidth=1.6, label=label)  # type: ignore[arg-type]
        histogram.set_xscale("log")
        histogram.set(xlabel="half-life of what a unit holds (time steps)", ylabel="units", title="how long the gates keep")
        histogram.legend(fontsize=7)
    figure.suptitle(title, fontsize=10)
    return figure


def _longest_first(values: pd.DataFrame, lives: pd.DataFrame) -> list[int]:
    """Units by half-life after training, or by their last state where no gate keeps it."""
    if len(lives):
        ranked = lives[lives["when"] == "trained"].set_index("unit")["half_life"]
    else:
        last = values[values["step"] == values["step"].max()]
        ranked = last[last["quantity"] == last["quantity"].iloc[-1]].set_index("unit")["value"]
    return [int(unit) for unit in ranked.sort_values(ascending=False, kind="stable").index]
