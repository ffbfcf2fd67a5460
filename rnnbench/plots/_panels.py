"""Panels, axes, curves, legends and labels that all figures share."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextvars import ContextVar
from typing import Annotated, NamedTuple, cast

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter
from matplotlib.transforms import ScaledTranslation, Transform
from numpy.typing import NDArray
from pydantic import PlainValidator

from rnnbench._analysis.declared import baselines
from rnnbench._analysis.statistics import FEWEST_VALUES
from rnnbench._analysis.summary import BEST_RULE
from rnnbench._config import file_word
from rnnbench._errors import UserError
from rnnbench.plots._language import has_chinese, phrase
from rnnbench.plots._style import INTERVAL_BARS, SLIDE_SIZE, SMALL_TYPE, LineStyle, informed_labels, is_slide

TASK_ORDER = ("beijing", "recall", "adding", "copy")
"""The order of panels, from the least to be remembered to the most; other tasks follow by name."""
CHANCE_LINE: LineStyle = {"color": "black", "linestyle": (0, (4, 3)), "linewidth": 1, "zorder": 2.5}
BASELINE: LineStyle = {"color": "0.25", "linestyle": (0, (1, 2)), "linewidth": 1.2, "zorder": 2.5}
"""The lines of chance and of other baselines, above curves that lie on them."""


def font_size(share: float = 1.0) -> float:
    """Return a share of the current style's font size, in points."""
    return share * float(matplotlib.rcParams["font.size"])


def axis_name(rows: pd.DataFrame) -> str:
    """Return what the gaps of a task hold: ``gap``, or ``length`` or an option of the task (:func:`with_axis`)."""
    return str(rows["axis"].iloc[0]) if "axis" in rows else "gap"


def gap_label(rows: pd.DataFrame) -> str:
    """Return the label of the axis of a task's gaps."""
    axis = axis_name(rows)
    return f"{axis} (time steps)" if axis in ("gap", "length") else axis


def gap_text(rows: pd.DataFrame, gap: object) -> str:
    """Return a gap of a task with its name: ``gap 50``, ``length 8``."""
    return phrase(f"{axis_name(rows)} {{gap}}", gap=gap)


def axes_of(value: object) -> list[Axes]:
    """Return the axes of a caller as a list; raise ValueError for anything else. The message is what is expected."""
    axes = [value] if isinstance(value, Axes) else list(np.ravel(np.asarray(value, dtype=object)))
    if not (axes and all(isinstance(one, Axes) for one in axes)):
        raise ValueError("axes of matplotlib, or a list or an array of them")
    return axes


AxesLike = Annotated[Axes | Iterable[Axes], PlainValidator(axes_of)]
"""Axes of the caller: one, or as many as the figure has panels, such as an array of ``subplots``."""


class _Slide(NamedTuple):
    """The panel that a slide shows, by its number, and the names of all panels of the figure, once it is drawn."""

    number: int
    names: list[str]


_slide: ContextVar[_Slide | None] = ContextVar("slide", default=None)


def slides(draw: Callable[[], Figure]) -> Iterator[tuple[str, Figure]]:
    """Yield one figure per panel of a figure.

    Args:
        draw: function that draws the figure; it is called once per panel.

    Yields:
        The name of the panel as part of a file name, empty if there is only one, and its figure.
    """
    number, names = 0, [""]
    while number < len(names):
        token = _slide.set(_Slide(number, names := []))
        try:
            figure = draw()
        finally:
            _slide.reset(token)
        name = str(number + 1) if has_chinese(names[number]) else file_word(names[number].replace(", ", " ").replace(" ", "_"))
        yield name if len(names) > 1 else "", figure
        number += 1


def task_rank(task: str) -> tuple[int, str]:
    """Return the sort key of a task's panel: the place in :data:`TASK_ORDER`, then the name."""
    return TASK_ORDER.index(task) if task in TASK_ORDER else len(TASK_ORDER), task


def make_panels(
    names: Sequence[str], ax: AxesLike | None = None, *, width: float = 5.0, height: float = 3.2, columns: int = 0
) -> tuple[Figure, list[Axes]]:
    """Create a figure with one panel per name: two in a row, or four if there are more than six, or ``columns``.

    Width and height of a panel are in inches at the font size of ``paper``; panels grow with the font. A figure of one panel has
    the size of a slide in that style. With ``ax`` the panels are the caller's axes; raises UserError if their number is wrong.
    """
    if ax is not None:
        return callers_axes(names, ax)
    count = len(names)
    if slide := _slide.get():
        slide.names[:] = names
        figure = Figure(figsize=SLIDE_SIZE, layout="constrained")
        hidden = Figure()  # the other panels are drawn, and not shown
        return figure, [figure.subplots() if k == slide.number else hidden.subplots() for k in range(count)]
    columns = columns or min(count, 2 if count <= 6 else 4)
    rows = -(-count // columns)
    grown = (font_size() / 9) ** 0.5
    size = SLIDE_SIZE if is_slide() and count == 1 else (max(width * columns, 5.0) * grown, height * rows * grown)
    figure = Figure(figsize=size, layout="constrained")
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
    """Create a panel per task, in :func:`task_rank`'s order; return the figure, and name, rows and axes of each panel."""
    groups = sorted(((str(task), rows) for task, rows in frame.groupby("task")), key=lambda group: task_rank(group[0]))
    figure, axes = make_panels([task for task, _ in groups], ax, width=width, height=height)
    return figure, [(task, rows, panel) for (task, rows), panel in zip(groups, axes, strict=True)]


def title_panel(ax: Axes, text: str) -> None:
    """Set the title of a panel, in as many lines as its width requires."""
    inches = ax.get_figure(root=True).get_figwidth() * ax.get_position().width * 1.15  # type: ignore[union-attr]  # it has one
    size = float(matplotlib.rcParams["axes.titlesize"])
    ax.set_title("\n".join(wrap_text(text, int(inches * 72 / (0.56 * size)))))


def wrap_text(text: str, columns: int) -> list[str]:
    """Return the lines of a text; Chinese characters count as two columns, and a line may end after each of them."""
    if not has_chinese(text):
        return textwrap.wrap(text, columns)
    lines = [""]
    for part in re.findall(r"[\u2e80-\uffef][，。、；：）”]*|[^\u2e80-\uffef ]+[，。、；：）”]*| +", text):
        if text_columns(lines[-1] + part) > columns:
            lines.append("")
        lines[-1] += part
    return [line.strip() for line in lines]


def text_columns(text: str) -> int:
    """Return the width of a text in columns; Chinese characters are two columns wide."""
    return sum(1 + (ord(character) >= 0x2E80) for character in text)


def add_legend(
    figure: Figure, axes: Sequence[Axes], note: str, own: bool, labelled: Iterable[str] = (), title: str | None = None
) -> None:
    """Add a title above, and a legend and a note below all panels of an ``own`` figure, else a small legend in the first panel.

    Labels in ``labelled`` are written at their lines and need no entry. Labels that are wider than the figure are wrapped.
    """
    shown = [ax for ax in axes if ax.get_figure(root=True) is figure]
    entries = {label: handle for ax in shown for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)}
    entries = {label: handle for label, handle in entries.items() if label not in set(labelled)}
    if not own:
        if entries:
            axes[0].legend(list(entries.values()), list(entries), fontsize=font_size(SMALL_TYPE))
        return
    width = figure.get_figwidth() * 9 / font_size()
    wrapped = [wrap_text(label, int((width - 0.8) / 0.068)) for label in entries]
    longest = max((text_columns(line) for label in wrapped for line in label), default=0)
    columns = max(1, min(len(entries), int(width / max(1.6, 0.8 + 0.068 * longest))))
    lines = wrap_text(note, int(width * 17))
    points = 1.3 * font_size(SMALL_TYPE) * len(lines) + 1.5 * font_size() * -(-len(entries) // columns)
    points += 1.2 * font_size() * sum(len(label) - 1 for label in wrapped) / columns
    if title is not None:
        size = 1.2 * float(matplotlib.rcParams["axes.titlesize"])
        above = wrap_text(title, int(figure.get_figwidth() * 72 / (0.56 * size)))
        figure.suptitle("\n".join(above), fontsize=size)
        points += 1.6 * size * len(above)
    if tuple(figure.get_size_inches()) != SLIDE_SIZE:
        figure.set_figheight(figure.get_figheight() + points / 72)  # the panels keep their size
    figure.legend(
        list(entries.values()),
        ["\n".join(label) for label in wrapped],
        loc="outside lower center",
        ncols=columns,
        title="\n".join(lines) or None,
        title_fontsize=font_size(SMALL_TYPE),
    )


def set_gap_axis(ax: Axes, gaps: Iterable[int], zero: bool = False, label: str = "gap (time steps)") -> None:
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
    scale = ax.xaxis.get_transform()
    first, last = scale.transform([ticks[0], ticks[-1]])
    edge = 0.07 * (last - first) or 0.1
    ax.set_xlim(*scale.inverted().transform([first - edge, last + edge]))
    ax.set_xlabel(phrase(label))


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
    ax.set(ylabel=phrase("accuracy"), ylim=(-0.03, 1.05))
    ax.set_yticks(np.linspace(0, 1, 6))


def draw_chance_line(ax: Axes, frame: pd.DataFrame, x: str) -> None:
    """Draw the chance line of a panel, the accuracy of the best memoryless predictor, and the other baselines of its task."""
    chance = frame.groupby(x)["chance_accuracy"].first()
    ax.plot(chance.index, chance.to_numpy(), label=phrase("chance"), **CHANCE_LINE)
    for name, rows in baselines(frame).groupby("name"):
        at = frame[[x, "gap"]].merge(rows[["gap", "accuracy"]], on="gap") if x != "gap" else rows
        level = at.groupby(x)["accuracy"].first()
        ax.plot(level.index, level.to_numpy(), label=phrase(str(name)), **BASELINE)


class Curve(NamedTuple):
    """One curve of a panel.

    Attributes:
        label: its label.
        rows: its rows of the frame.
        line: its line style.
        shift: points by which it is drawn to the right, so that equal curves do not hide each other.
    """

    label: str
    rows: pd.DataFrame
    line: LineStyle
    shift: float

    def place(self, ax: Axes) -> Transform:
        """Return the transform of the curve's data in a panel, with the shift."""
        figure = ax.get_figure(root=True)
        assert figure is not None
        return ax.transData + ScaledTranslation(self.shift / 72, 0, figure.dpi_scale_trans)


def split_curves(rows: pd.DataFrame, styles: Mapping[str, LineStyle]) -> list[Curve]:
    """Split the rows of a panel into its curves by ``label``, in the order of ``styles``."""
    labels = [label for label in styles if label in set(rows["label"])]
    size = float(matplotlib.rcParams["lines.markersize"])
    step = min(size, 3.5 * size / max(len(labels) - 1, 1))
    return [
        Curve(label, rows[rows["label"] == label], styles[label], (k - (len(labels) - 1) / 2) * step)
        for k, label in enumerate(labels)
    ]


def draw_intervals(ax: Axes, curve: Curve, column: str, bounds: str) -> None:
    """Draw a column of a curve against its gaps, with bars from the column ``{bounds}_low`` to ``{bounds}_high``.

    Points of :data:`rnnbench._analysis.statistics.FEWEST_VALUES` seeds or fewer have no bars: the dots show every seed.
    """
    rows, reach = curve.rows, bar_lengths(curve.rows, column, bounds)
    ax.errorbar(rows["gap"], rows[column], reach, transform=curve.place(ax), **INTERVAL_BARS, **curve.line)


def bar_lengths(rows: pd.DataFrame, column: str, bounds: str) -> np.ndarray | None:
    """Return how far the bars reach below and above a column, (2, n); NaN where there is none, None where no point has bars."""
    shown = rows["seeds"] > FEWEST_VALUES
    reach = (rows[column] - rows[f"{bounds}_low"], rows[f"{bounds}_high"] - rows[column])
    lengths = np.array([each.clip(lower=0).where(shown) for each in reach])  # (2, n)
    return None if np.isnan(lengths).all() else lengths


def bars_note(table: pd.DataFrame, what: str) -> str:
    """Return the part of a note that explains the bars, if there are any, and the dots."""
    if not table["seeds"].gt(FEWEST_VALUES).any():
        return phrase("dots: seeds")
    return phrase("bars: {what}, where there are more than {count} seeds; dots: seeds", what=phrase(what), count=FEWEST_VALUES)


def best_rate_note(table: pd.DataFrame) -> str:
    """Return the end of a note that names the rule for the best learning rate; empty if only one rate was tried."""
    return phrase(". Curves are at the {rule}", rule=phrase(BEST_RULE)) if table["rates"].gt(1).any() else ""


def informed_note(table: pd.DataFrame) -> str:
    """Return the end of a note that explains the marked curves; empty if none is marked."""
    note = ". Informed: the initialisation is given the gap; that of the others is the same at all gaps"
    return phrase(note) if informed_labels(table) else ""


def shift_note(table: pd.DataFrame) -> str:
    """Return the end of a note that explains the places of :func:`split_curves`; empty for one curve per task."""
    several = table.groupby("task")["label"].nunique().gt(1).any()
    return phrase(". Curves are side by side at each gap, so that none hides another") if several else ""


def spread(places: NDArray[np.float64], apart: float) -> NDArray[np.float64]:
    """Return rising places moved so that neighbours are at least ``apart``; places far from all others stay.

    >>> spread(np.array([0.0, 0.0, 5.0]), 1.0).tolist()
    [-0.5, 0.5, 5.0]
    """
    blocks: list[tuple[float, int]] = []  # the middle of a row of markers that touch, and their number
    for place in places:
        blocks.append((float(place), 1))
        while len(blocks) > 1 and blocks[-1][0] - blocks[-2][0] < apart * (blocks[-1][1] + blocks[-2][1]) / 2:
            (right, after), (left, before) = blocks.pop(), blocks.pop()
            blocks.append(((left * before + right * after) / (before + after), before + after))
    return np.concatenate([middle + apart * (np.arange(count) - (count - 1) / 2) for middle, count in blocks])
