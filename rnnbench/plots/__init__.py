"""Figures: a DataFrame in, a Figure out; one file a figure. Never imports torch, never prints, never saves.

What every figure shares stands here: one colour and marker a cell (Okabe & Ito's palette, told apart without colour too), and the
size and type that stay readable in print.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnbench.config import stem

matplotlib.rcParams.update(
    {
        "font.size": 9,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10,
        "legend.frameon": False,
        "svg.hashsalt": "rnnbench",  # the same data gives the same file
        "savefig.dpi": 160,
    }
)

STYLES = {
    "rnn": ("#D55E00", "o"),
    "lstm": ("#0072B2", "s"),
    "gru": ("#009E73", "^"),
    "gru-torch": ("#56B4E9", "v"),
    "memoryless": ("#777777", "x"),
}
SPARE = (("#CC79A7", "D"), ("#E69F00", "P"), ("#000000", "*"), ("#F0E442", "X"))

USUAL = {"chrono": 0, "uniform": 1}

CURVE = ["cell", "init"]
"""What a curve stands for: a cell is never drawn without the name of its initialisation."""


def curve_styles(curves: Iterable[tuple[str, str]]) -> dict[tuple[str, str], dict[str, str]]:
    """Line style of every (cell, init): a cell keeps its colour; its second initialisation is dashed, its third dotted.

    The usual ones, chrono and else uniform, come first.
    """
    styles: dict[tuple[str, str], dict[str, str]] = {}
    strangers: list[str] = []
    seen: dict[str, int] = {}  # how many curves of a cell there are
    for cell, init in sorted(set(curves), key=lambda curve: (curve[0], USUAL.get(curve[1].split(",")[0], 2), curve[1])):
        if cell not in STYLES and cell not in strangers:
            strangers.append(cell)
        color, marker = STYLES.get(cell) or SPARE[strangers.index(cell) % len(SPARE)]
        dash = ("-", "--", ":", "-.")[seen.get(cell, 0) % 4]
        seen[cell] = seen.get(cell, 0) + 1
        styles[cell, init] = {"color": color, "marker": marker, "linestyle": dash, "label": f"{stem(cell)} ({init})"}
    return styles


def open_marker(k: int, count: int) -> dict[str, Any]:
    """Marker of curve ``k`` of ``count``: open, and smaller from curve to curve, so that those which coincide stay visible."""
    return {"markersize": 12 - 8 * k / count, "mfc": "none", "mew": 1.2, "linewidth": 1.4}


def panels(count: int, width: float = 4.2, height: float = 3.2, columns: int = 0) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels, two in a row, or four where there are many, or ``columns``; those left over stay blank."""
    columns = columns or min(count, 2 if count <= 6 else 4)
    rows = -(-count // columns)
    figure = Figure(figsize=(max(width * columns, 5.0), height * rows), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for ax in axes[count:]:
        ax.set_axis_off()
    return figure, axes


def legend(figure: Figure, axes: list[Axes], note: str = "") -> None:
    """One legend below all panels, each label once, and under it a note on how to read the figure."""
    entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    width = figure.get_figwidth()
    longest = max((len(label) for label in entries), default=0)
    columns = max(1, min(len(entries), int(width / max(1.9, 0.6 + 0.075 * longest))))
    note = "\n".join(textwrap.wrap(note, int(width * 17)))
    figure.legend(
        list(entries.values()), list(entries), loc="outside lower center", ncols=columns, title=note or None, title_fontsize=7
    )


def gap_axis(ax: Axes, gaps: Iterable[int], zero: bool = False) -> None:
    """A logarithmic axis of gaps, a tick at every gap of the grid; with a short linear piece for 0 if it is there or asked for."""
    ticks = sorted(set(gaps))
    if ticks[0] > 0 and not zero:
        ax.set_xscale("log")
    else:
        ax.set_xscale("symlog", linthresh=next((gap for gap in ticks if gap > 0), 1), linscale=0.3)
    ax.set_xticks(ticks, [str(gap) for gap in ticks], fontsize=8)
    ax.xaxis.minorticks_off()
    ax.set_xlabel("gap (time steps)")


def draw_chance(ax: Axes, frame: pd.DataFrame, x: str) -> None:
    """The chance line of a panel: the best memoryless predictor."""
    chance = frame.groupby(x)["chance_accuracy"].first()
    ax.plot(chance.index, chance.to_numpy(), color="black", linestyle=(0, (4, 3)), linewidth=1, label="chance", zorder=1)
