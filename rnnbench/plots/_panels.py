"""Panels, axes, legends and labels that all figures share."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from typing import cast

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter

from rnnbench.plots._style import SMALL, Line

CHANCE: Line = {"color": "black", "linestyle": (0, (4, 3)), "linewidth": 1}


def type_size(share: float = 1.0) -> float:
    """Points of the current style's type."""
    return share * float(matplotlib.rcParams["font.size"])


Places = Axes | Iterable[Axes]
"""The caller's axes: one, or as many as the figure has panels, such as an array of ``subplots``."""


def panels(
    names: Sequence[str], ax: Places | None = None, *, width: float = 5.0, height: float = 3.2, columns: int = 0
) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each of ``names``, two in a row, or four where there are many, or ``columns``.

    Args:
        names: what the panels show.
        ax: the caller's axes, to draw there instead: one per panel, in that order.
        width, height: inches of a panel at the type of ``paper``; larger type makes larger panels.

    Raises:
        ValueError: ``ax`` has more or fewer axes than there are panels.
    """
    if ax is not None:
        return theirs(names, ax)
    count = len(names)
    columns = columns or min(count, 2 if count <= 6 else 4)
    rows = -(-count // columns)
    grown = (type_size() / 9) ** 0.5
    figure = Figure(figsize=(max(width * columns, 5.0) * grown, height * rows * grown), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for blank in axes[count:]:
        blank.set_axis_off()
    return figure, axes[:count]


def theirs(names: Sequence[str], ax: Places) -> tuple[Figure, list[Axes]]:
    """The caller's axes, one for each of ``names``, and the figure they belong to; raises ValueError as :func:`panels`."""
    axes = [ax] if isinstance(ax, Axes) else list(np.ravel(np.asarray(ax, dtype=object)))
    if len(axes) != len(names):
        wanted = f"one for each panel ({', '.join(names)})" if len(names) > 1 else f"for {names[0]}"
        raise ValueError(f"ax takes {len(names)} axes, {wanted}, not {len(axes)}")
    figure = axes[0].get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure, axes


def by_task(
    frame: pd.DataFrame, ax: Places | None, *, width: float = 5.0, height: float = 3.2
) -> tuple[Figure, list[tuple[str, pd.DataFrame, Axes]]]:
    """A panel per task, with its name and its rows, as :func:`panels`."""
    groups = [(str(task), rows) for task, rows in frame.groupby("task")]
    figure, axes = panels([task for task, _ in groups], ax, width=width, height=height)
    return figure, [(task, rows, panel) for (task, rows), panel in zip(groups, axes, strict=True)]


def finish(figure: Figure, axes: Sequence[Axes], note: str, own: bool, direct: Iterable[str] = ()) -> None:
    """The legend below all panels with the note on how to read them, or a small one inside the first of the caller's axes.

    Args:
        figure: the figure.
        axes: its panels.
        note: how to read it.
        own: whether the figure is ours.
        direct: labels that stand at their lines, and need no entry.
    """
    entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    entries = {label: handle for label, handle in entries.items() if label not in set(direct)}
    if not own:
        if entries:
            axes[0].legend(list(entries.values()), list(entries), fontsize=type_size(SMALL))
        return
    width = figure.get_figwidth() * 9 / type_size()
    longest = max((len(label) for label in entries), default=0)
    columns = max(1, min(len(entries), int(width / max(1.6, 0.6 + 0.068 * longest))))
    lines = textwrap.wrap(note, int(width * 17))
    points = 1.3 * type_size(SMALL) * len(lines) + 1.5 * type_size() * -(-len(entries) // columns)
    figure.set_figheight(figure.get_figheight() + points / 72)  # so that the panels keep their size
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=columns,
        title="\n".join(lines) or None,
        title_fontsize=type_size(SMALL),
    )


def gap_axis(ax: Axes, gaps: Iterable[int], zero: bool = False) -> None:
    """A logarithmic axis of gaps, a tick at every gap of the grid; with a short linear piece for 0 if it is there or asked for."""
    ticks = sorted(set(gaps))
    if ticks[0] > 0 and not zero:
        ax.set_xscale("log")
    else:
        ax.set_xscale("symlog", linthresh=next((gap for gap in ticks if gap > 0), 1), linscale=0.3)
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(_Spaced(type_size(0.9)))
    ax.tick_params(axis="x", labelsize=type_size(0.9))
    ax.xaxis.minorticks_off()
    ax.set_xlabel("gap (time steps)")


class _Spaced(Formatter):
    """The gaps as texts, without those that would touch the next one, found when the figure is drawn; the last one always."""

    def __init__(self, size: float) -> None:
        self.size = size

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:.0f}"

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        ax = cast(Axis, self.axis).axes
        places = ax.transData.transform([(value, 0) for value in values])[:, 0] * 72 / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
        texts = [self(value) for value in values]
        wide = [0.66 * self.size * (len(text) + 0.6) for text in texts]  # and somewhat more than half a space
        shown = [len(texts) - 1]
        for k in reversed(range(len(texts) - 1)):
            if places[shown[-1]] - places[k] >= (wide[shown[-1]] + wide[k]) / 2:
                shown.append(k)
        return [text if k in shown else "" for k, text in enumerate(texts)]


def accuracy_axis(ax: Axes) -> None:
    ax.set(ylabel="accuracy", ylim=(-0.03, 1.05))
    ax.set_yticks(np.linspace(0, 1, 6))


def beside(gaps: pd.Series[int], k: int, count: int) -> pd.Series[float]:
    """The gaps of curve ``k`` of ``count``, set a little to the side, so that curves which coincide do not hide each other."""
    shift = 0.0 if count == 1 else 2 * k / (count - 1) - 1
    return gaps + shift * np.maximum(0.5, 0.1 * gaps)


def draw_chance(ax: Axes, frame: pd.DataFrame, x: str) -> None:
    """The chance line of a panel: the best memoryless predictor."""
    chance = frame.groupby(x)["chance_accuracy"].first()
    ax.plot(chance.index, chance.to_numpy(), label="chance", zorder=1, **CHANCE)


def label_ends(ax: Axes, ends: dict[str, tuple[float, float, Line]]) -> set[str]:
    """Write labels beside the right end of their lines, each after its marker, moved apart where they would touch.

    Args:
        ax: the panel, its limits final.
        ends: by label where its line ends, and its style.

    Returns:
        The labels written: those of lines that reach the right edge of what is drawn, or none if they do not fit.
    """
    if not ends:
        return set()
    edge = max(x for x, _, _ in ends.values())
    there = sorted((y, label) for label, (x, y, _) in ends.items() if x >= 0.8 * edge)
    size = type_size(SMALL)
    bottom, top = ax.get_ylim()
    room = ax.get_window_extent().height * 72 / ax.get_figure(root=True).dpi  # type: ignore[union-attr]  # it has one
    step = 1.25 * size / room * (top - bottom)
    if len(there) * step > top - bottom:
        return set()
    heights: list[float] = []
    for y, _ in there:  # upward, each at least a line above the last
        heights.append(max(y, heights[-1] + step) if heights else max(y, bottom + step / 2))
    over = heights[-1] - (top - step / 2)
    for k in reversed(range(len(heights))):  # and back down where the top is reached
        limit = top - step / 2 if k == len(heights) - 1 else heights[k + 1] - step
        heights[k] = min(heights[k], limit) if over > 0 else heights[k]
    for (_, label), height in zip(there, heights, strict=True):
        look = ends[label][2] | {"label": "_", "linestyle": ""}
        ax.plot([1.03], [height], **look, transform=ax.get_yaxis_transform(), clip_on=False)
        ax.annotate(
            label,
            (1.03, height),
            xytext=(0.7 * size, 0),
            xycoords=ax.get_yaxis_transform(),
            textcoords="offset points",
            color=look["color"],
            fontsize=size,
            va="center",
            annotation_clip=False,
        )
    return {label for _, label in there}
