"""Panels, axes, curves, legends and labels that all figures share."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Annotated, NamedTuple, cast

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter
from pydantic import PlainValidator

from rnnbench._analysis.statistics import FEWEST_VALUES
from rnnbench._analysis.summary import BEST_RULE
from rnnbench._errors import UserError
from rnnbench.plots._style import INTERVAL_BARS, SMALL_TYPE, LineStyle

CHANCE_LINE: LineStyle = {"color": "black", "linestyle": (0, (4, 3)), "linewidth": 1}


def font_size(share: float = 1.0) -> float:
    """Return a share of the current style's font size, in points."""
    return share * float(matplotlib.rcParams["font.size"])


_gap_label: ContextVar[str] = ContextVar("gap_label", default="gap (time steps)")


@contextmanager
def gap_axis(label: str | None) -> Iterator[None]:
    """Label the axes of gaps inside the block: there they show something else, such as an option of the task. None: as usual."""
    token = _gap_label.set(label or _gap_label.get())
    try:
        yield
    finally:
        _gap_label.reset(token)


def axes_of(value: object) -> list[Axes]:
    """Return the axes of a caller as a list; raise ValueError for anything else. The message is what is expected."""
    axes = [value] if isinstance(value, Axes) else list(np.ravel(np.asarray(value, dtype=object)))
    if not (axes and all(isinstance(one, Axes) for one in axes)):
        raise ValueError("axes of matplotlib, or a list or an array of them")
    return axes


AxesLike = Annotated[Axes | Iterable[Axes], PlainValidator(axes_of)]
"""Axes of the caller: one, or as many as the figure has panels, such as an array of ``subplots``."""


def make_panels(
    names: Sequence[str], ax: AxesLike | None = None, *, width: float = 5.0, height: float = 3.2, columns: int = 0
) -> tuple[Figure, list[Axes]]:
    """Create a figure with one panel per name: two in a row, or four if there are more than six, or ``columns``.

    Width and height of a panel are in inches at the font size of ``paper``; panels grow with the font. With ``ax`` the panels are
    the caller's axes; raises UserError if their number is wrong.
    """
    if ax is not None:
        return callers_axes(names, ax)
    count = len(names)
    columns = columns or min(count, 2 if count <= 6 else 4)
    rows = -(-count // columns)
    grown = (font_size() / 9) ** 0.5
    figure = Figure(figsize=(max(width * columns, 5.0) * grown, height * rows * grown), layout="constrained")
    axes = list(figure.subplots(rows, columns, squeeze=False).flat)
    for blank in axes[count:]:
        blank.set_axis_off()
    return figure, axes[:count]


def callers_axes(names: Sequence[str], ax: AxesLike) -> tuple[Figure, list[Axes]]:
    """Return the caller's axes, one per name, and their figure; raise UserError if their number is wrong."""
    axes = axes_of(ax)
    if len(axes) != len(names):
        expected = f"one for each panel ({', '.join(names)})" if len(names) > 1 else f"for {names[0]}"
        raise UserError(f"ax has {len(axes)} axes but the figure needs {len(names)}: pass {expected}")
    figure = axes[0].get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure, axes


def task_panels(
    frame: pd.DataFrame, ax: AxesLike | None, *, width: float = 5.0, height: float = 3.2
) -> tuple[Figure, list[tuple[str, pd.DataFrame, Axes]]]:
    """Create a panel per task; return the figure, and name, rows and axes of each panel."""
    groups = [(str(task), rows) for task, rows in frame.groupby("task")]
    figure, axes = make_panels([task for task, _ in groups], ax, width=width, height=height)
    return figure, [(task, rows, panel) for (task, rows), panel in zip(groups, axes, strict=True)]


def add_legend(figure: Figure, axes: Sequence[Axes], note: str, own: bool, labelled: Iterable[str] = ()) -> None:
    """Add a legend and a note below all panels, or a small legend in the first of the caller's axes if the figure is not ``own``.

    Labels in ``labelled`` are written at their lines and need no entry.
    """
    entries = {label: handle for ax in axes for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    entries = {label: handle for label, handle in entries.items() if label not in set(labelled)}
    if not own:
        if entries:
            axes[0].legend(list(entries.values()), list(entries), fontsize=font_size(SMALL_TYPE))
        return
    width = figure.get_figwidth() * 9 / font_size()
    longest = max((len(label) for label in entries), default=0)
    columns = max(1, min(len(entries), int(width / max(1.6, 0.6 + 0.068 * longest))))
    lines = textwrap.wrap(note, int(width * 17))
    points = 1.3 * font_size(SMALL_TYPE) * len(lines) + 1.5 * font_size() * -(-len(entries) // columns)
    figure.set_figheight(figure.get_figheight() + points / 72)  # the panels keep their size
    figure.legend(
        list(entries.values()),
        list(entries),
        loc="outside lower center",
        ncols=columns,
        title="\n".join(lines) or None,
        title_fontsize=font_size(SMALL_TYPE),
    )


def set_gap_axis(ax: Axes, gaps: Iterable[int], zero: bool = False) -> None:
    """Set a logarithmic axis of gaps with a tick at every gap; a short linear part shows 0 if needed or requested by ``zero``."""
    ticks = sorted(set(gaps))
    if ticks[0] > 0 and not zero:
        ax.set_xscale("log")
    else:
        ax.set_xscale("symlog", linthresh=next((gap for gap in ticks if gap > 0), 1), linscale=0.3)
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(_SpacedTicks(font_size(0.9)))
    ax.tick_params(axis="x", labelsize=font_size(0.9))
    ax.xaxis.minorticks_off()
    ax.set_xlabel(_gap_label.get())


class _SpacedTicks(Formatter):
    """Tick labels of gaps; when the figure is drawn, labels that would touch the next one are left out."""

    def __init__(self, size: float) -> None:
        self.size = size

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:.0f}"

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        ax = cast(Axis, self.axis).axes
        places = ax.transData.transform([(value, 0) for value in values])[:, 0] * 72 / ax.get_figure(root=True).dpi  # type: ignore[union-attr]
        texts = [self(value) for value in values]
        wide = [0.66 * self.size * (len(text) + 0.6) for text in texts]  # plus about half a space
        shown = [len(texts) - 1]
        for k in reversed(range(len(texts) - 1)):
            if places[shown[-1]] - places[k] >= (wide[shown[-1]] + wide[k]) / 2:
                shown.append(k)
        return [text if k in shown else "" for k, text in enumerate(texts)]


def set_accuracy_axis(ax: Axes) -> None:
    """Set the vertical axis of accuracies from 0 to 1."""
    ax.set(ylabel="accuracy", ylim=(-0.03, 1.05))
    ax.set_yticks(np.linspace(0, 1, 6))


def dodge(gaps: pd.Series[int], k: int, count: int) -> pd.Series[float]:
    """Shift the gaps of curve ``k`` of ``count`` a little sideways, so that equal curves do not hide each other."""
    shift = 0.0 if count == 1 else 2 * k / (count - 1) - 1
    return gaps + shift * np.maximum(0.5, 0.1 * gaps)


def draw_chance_line(ax: Axes, frame: pd.DataFrame, x: str) -> None:
    """Draw the chance line of a panel: the accuracy of the best memoryless predictor."""
    chance = frame.groupby(x)["chance_accuracy"].first()
    ax.plot(chance.index, chance.to_numpy(), label="chance", zorder=1, **CHANCE_LINE)


class Curve(NamedTuple):
    """One curve of a panel.

    Attributes:
        label: its label.
        rows: its rows of the frame.
        line: its line style.
        shift: function that shifts its gaps a little sideways.
    """

    label: str
    rows: pd.DataFrame
    line: LineStyle
    shift: Callable[[pd.Series[int]], pd.Series[float]]


def split_curves(rows: pd.DataFrame, styles: Mapping[str, LineStyle]) -> list[Curve]:
    """Split the rows of a panel into its curves by ``label``, in the order of ``styles``."""
    labels = [label for label in styles if label in set(rows["label"])]
    return [
        Curve(label, rows[rows["label"] == label], styles[label], partial(dodge, k=k, count=len(labels)))
        for k, label in enumerate(labels)
    ]


def draw_intervals(ax: Axes, curve: Curve, column: str, bounds: str) -> None:
    """Draw a column of a curve against its gaps, with bars from the column ``{bounds}_low`` to ``{bounds}_high``.

    Points of :data:`rnnbench._analysis.statistics.FEWEST_VALUES` seeds or fewer have no bars: the dots show every seed.
    """
    ax.errorbar(
        curve.shift(curve.rows["gap"]), curve.rows[column], bar_lengths(curve.rows, column, bounds), **INTERVAL_BARS, **curve.line
    )


def bar_lengths(rows: pd.DataFrame, column: str, bounds: str) -> np.ndarray | None:
    """Return how far the bars reach below and above a column, (2, n); NaN where there is none, None where no point has bars."""
    shown = rows["seeds"] > FEWEST_VALUES
    reach = (rows[column] - rows[f"{bounds}_low"], rows[f"{bounds}_high"] - rows[column])
    lengths = np.array([each.clip(lower=0).where(shown) for each in reach])  # (2, n)
    return None if np.isnan(lengths).all() else lengths


def bars_note(table: pd.DataFrame, what: str) -> str:
    """Return the part of a note that explains the bars, if there are any, and the dots."""
    bars = f"bars: {what}, where there are more than {FEWEST_VALUES} seeds; " if table["seeds"].gt(FEWEST_VALUES).any() else ""
    return f"{bars}dots: seeds"


def best_rate_note(table: pd.DataFrame) -> str:
    """Return the end of a note that names the rule for the best learning rate; empty if only one rate was tried."""
    return f". Curves are at the {BEST_RULE}" if table["rates"].gt(1).any() else ""


def label_ends(ax: Axes, curves: Sequence[Curve], column: str) -> set[str]:
    """Write labels at the right end of their lines, each after its marker, moved apart where they would touch.

    The panel must have its final limits. Returns the labels that were written: those of lines that reach the right edge, or none if
    they do not fit.
    """
    ends = {curve.label: (float(curve.rows["gap"].iloc[-1]), float(curve.rows[column].iloc[-1]), curve.line) for curve in curves}
    edge = max((x for x, _, _ in ends.values()), default=0)
    there = sorted((y, label) for label, (x, y, _) in ends.items() if x >= 0.8 * edge)
    size, right = font_size(SMALL_TYPE), ax.get_yaxis_transform()
    bottom, top = ax.get_ylim()
    room = ax.get_window_extent().height * 72 / ax.get_figure(root=True).dpi  # type: ignore[union-attr]  # it has one
    step = 1.25 * size / room * (top - bottom)
    if len(there) * step > top - bottom:
        return set()
    heights: list[float] = []
    lowest, highest = bottom + step / 2, top - step / 2
    for y, _ in there:  # upwards, each at least one line above the previous
        heights.append(max(y, lowest))
        lowest = heights[-1] + step
    for k in reversed(range(len(heights))):  # and back down from the top
        heights[k] = min(heights[k], highest)
        highest = heights[k] - step
    for (_, label), height in zip(there, heights, strict=True):
        line = ends[label][2] | {"label": "_", "linestyle": ""}
        ax.plot([1.03], [height], **line, transform=right, clip_on=False)
        text = ax.annotate(label, (1.03, height), (0.7 * size, 0), right, "offset points", annotation_clip=False)
        text.set(color=line["color"], fontsize=size, va="center")
    return {label for _, label in there}
