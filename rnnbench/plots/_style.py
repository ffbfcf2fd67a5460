"""Styles of figures: fonts and lines, and a colour and marker per cell that can be distinguished without colour."""

from __future__ import annotations

import functools
import inspect
import io
import re
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Literal, ParamSpec, TypeVar

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogFormatter, ScalarFormatter

from rnnbench._analysis.declared import is_default_init
from rnnbench._errors import UserError, visible
from rnnbench._spec.arguments import checked
from rnnbench.plots._frames import FRAME_ERRORS, frame_error
from rnnbench.plots._language import chinese_fonts, phrase
from rnnbench.plots._language import language as in_language

P = ParamSpec("P")
T = TypeVar("T")

PAPER = {
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "legend.handlelength": 3.2,
    "lines.linewidth": 1.4,
    "lines.markersize": 6.0,
    "svg.hashsalt": "rnnbench",  # the same data gives the same file
    "svg.fonttype": "path",
    "text.usetex": False,  # LaTeX would run commands in the names of a study
    "savefig.dpi": 160.0,
}
SLIDE = PAPER | {
    "font.size": 18.0,
    "axes.titlesize": 20.0,
    "figure.titlesize": 22.0,
    "legend.fontsize": 16.0,
    "axes.linewidth": 1.4,
    "lines.linewidth": 3.0,
    "lines.markersize": 11.0,
    "savefig.dpi": 144.0,
}
SLIDE_SIZE = (40 / 3, 7.5)
"""The size of a slide, 16:9, in inches."""
STYLES = {"paper": PAPER, "slide": SLIDE}
"""``paper``: small fonts for a page. ``slide``: larger fonts and thicker lines for a projector; a figure of one panel is 16:9."""

SMALL_TYPE = 0.8
"""Font size of notes and labels at lines, as a share of the normal size."""

Marker = str | tuple[int, int, int]
Dash = str | tuple[float, tuple[float, ...]]
LineStyle = dict[str, Any]
"""Keyword arguments of matplotlib for a line."""

_current: ContextVar[dict[str, object]] = ContextVar("style", default=PAPER)

_COLORS = (
    *("#009E73", "#56B4E9", "#AA4499", "#332288", "#E69F00", "#882255", "#117733", "#4A6FE3"),
    *("#661100", "#0072B2", "#D55E00", "#44AA99", "#777777", "#CC79A7", "#999933", "#DC267F"),
)
_MARKERS: tuple[Marker, ...] = (*"^vPD<ph8>sodX*H", (4, 1, 0))
PALETTE = tuple(zip(_COLORS, _MARKERS, strict=True))
"""Sixteen colours and shapes (Okabe & Ito 2008 and Tol 2021, without colours that are pale on white; black is for chance)."""
MORE = tuple(zip(_COLORS, _MARKERS[5:] + _MARKERS[:5], strict=True))
"""The same colours with other shapes and dashes, for figures of more than sixteen cells."""
MARKER_SCALES: dict[Marker, float] = {**dict.fromkeys("PX^v<>", 1.1), "*": 1.45, (4, 1, 0): 1.35, "d": 1.15}
"""Factors that make all shapes look equally large."""
DASHES: tuple[Dash, ...] = (
    "-",
    (0, (5, 2)),
    (0, (1.4, 1.4)),
    (0, (6, 1.6, 1.6, 1.6)),
    (0, (9, 3)),
    (0, (6, 1.4, 1.4, 1.4, 1.4, 1.4)),
)
"""Line styles of a cell's curves, in the order of their labels."""
FILLS = ("full", "none", "left", "top", "right", "bottom")
"""Fill styles of the markers of a cell's curves, in the same order."""

SEED_DOTS: LineStyle = {"marker": "o", "linestyle": "", "markersize": 3.0, "mew": 0, "label": "_seeds"}
"""Dots of single runs, behind the lines."""
INTERVAL_BARS: LineStyle = {"elinewidth": 0.9, "capsize": 2}


@checked
@contextmanager
def style(name: str, language: str = "en") -> Iterator[None]:
    """Draw and save figures inside the block in one of :data:`STYLES`; the caller's settings are restored after it.

    Args:
        name: ``paper`` or ``slide``.
        language: ``en`` or ``zh``, the language of titles, axes, legends and notes.

    Raises:
        UserError: the style or the language does not exist, or no font with Chinese characters is installed.
    """
    if name not in STYLES:
        raise UserError(f"unknown style {name!r}: choose one of {', '.join(STYLES)}")
    token = _current.set(STYLES[name])
    try:
        with in_language(language), matplotlib.rc_context(_settings()):  # type: ignore[arg-type]  # typed by one version's keys
            yield
    finally:
        _current.reset(token)


def _settings() -> dict[str, object]:
    """Return matplotlib's settings of the current style; characters that its own font lacks come from a Chinese font."""
    return _current.get() | {"font.family": ["sans-serif", *chinese_fonts()]}


def is_slide() -> bool:
    """Return True inside a ``with style("slide")`` block."""
    return _current.get() is SLIDE


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Return a function that draws in the style of the surrounding ``with style(...)`` block.

    It raises UserError, which names the argument, for a wrong argument and for a frame without rows or without a column.
    """
    names, draw_checked = list(inspect.signature(draw).parameters), checked(draw)

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        before = _texts(kwargs.get("ax"))
        with matplotlib.rc_context(_settings()):  # type: ignore[arg-type]  # as above
            try:
                drawn = draw_checked(*args, **kwargs)
                if isinstance(drawn, Figure):
                    for text in _texts(drawn) - before:  # places the ticks, which fails for texts on an axis of numbers
                        text.set_parse_math(False)
            except FRAME_ERRORS as error:
                given = dict(zip(names, args, strict=False)) | kwargs
                frames = {name: one for name, one in given.items() if isinstance(one, pd.DataFrame)}
                raise frame_error(frames, error) from error
        return drawn

    return wrapped


def _texts(drawn: Any) -> set[Text]:
    """Return the texts of a figure, or of a caller's axes, that may come from a study: in them ``$`` starts no mathematics.

    The numbers at an axis are left out, whose powers of ten matplotlib writes as mathematics.
    """
    axes = drawn.axes if isinstance(drawn, Figure) else [one for one in np.ravel(drawn) if isinstance(one, Axes)]
    figures = {figure for figure in (drawn, *(one.get_figure(root=True) for one in axes)) if isinstance(figure, Figure)}
    numbers = {
        text
        for one in axes
        for axis in (one.xaxis, one.yaxis)
        if isinstance(axis.get_major_formatter(), LogFormatter | ScalarFormatter)
        for text in axis.findobj(Text)
        if text is not axis.label
    }
    return {text for figure in figures for text in figure.findobj(Text)} - numbers


MISSING = "no installed font has the characters {}: they are boxes in the figure; install a font such as Noto Sans CJK"


@styled
def render(figure: Figure, file_format: Literal["png", "svg"] = "png") -> bytes:
    """Return a figure as the bytes of a ``png`` or ``svg`` file; the same data gives the same bytes.

    Characters that no installed font has are boxes, and cause one warning.

    Example:
        >>> from matplotlib.figure import Figure
        >>> render(Figure())[:4]
        b'\\x89PNG'
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        figure.savefig(buffer, format=file_format, metadata={"Date": None} if file_format == "svg" else None)
    messages = dict.fromkeys((str(warning.message), warning.category) for warning in caught)
    glyphs = [chr(int(found[1])) for message, _ in messages if (found := re.match(r"Glyph (\d+) ", message))]
    missing = "".join(glyph for glyph in glyphs if glyph.isprintable())  # control characters have no glyph in any font
    for message, category in messages:
        if not message.startswith("Glyph "):
            warnings.warn(message, category, stacklevel=3)
    if missing:
        warnings.warn(MISSING.format(missing[:10]), stacklevel=3)
    return visible(buffer.getvalue().decode()).encode() if file_format == "svg" else buffer.getvalue()


def cell_styles(cells: Iterable[str]) -> dict[str, tuple[str, Marker]]:
    """Return colour and marker of every cell; they depend only on the names in a figure.

    The checksum of the name selects one of sixteen pairs. If a shorter name, or one earlier in the alphabet, has taken it, the next
    free pair is used. The next sixteen cells have other shapes; after these, pairs repeat.
    """
    found: dict[str, tuple[str, Marker]] = {}
    taken: set[tuple[str, Marker]] = set()
    for cell in sorted({str(cell) for cell in cells}, key=lambda name: (len(name), name)):
        palette = PALETTE if len(found) % (2 * len(PALETTE)) < len(PALETTE) else MORE
        slot = zlib.crc32(cell.encode()) % len(palette)
        while palette[slot] in taken:
            slot = (slot + 1) % len(palette)
        found[cell] = palette[slot]
        taken.add(palette[slot])
        if len(taken) == len(PALETTE) + len(MORE):
            taken.clear()
    return found


def curve_styles(frame: pd.DataFrame) -> dict[str, LineStyle]:
    """Return the line style of every curve by its label: one colour and shape per cell, one dash and fill per curve of a cell.

    Args:
        frame: columns ``cell``, ``label`` and ``gap``. The curve with most gaps is the solid line of its cell, of equal ones that
            with the default initialisation. With a column ``informed`` that has both values, the label of a curve that is given
            the gap states it.
    """
    informed = informed_labels(frame)
    styles = cell_styles(frame["cell"])
    size = float(matplotlib.rcParams["lines.markersize"])
    found: dict[str, LineStyle] = {}
    for cell, label, k in number_curves(frame):
        color, marker = styles[cell]
        dash = k + len(DASHES) // 2 * ((color, marker) in MORE)  # lines without markers differ from those of the same colour
        line: LineStyle = {"color": color, "linestyle": DASHES[dash % len(DASHES)]}
        line["label"] = phrase("{label}, informed", label=label) if label in informed else label
        line |= {"marker": marker, "markersize": MARKER_SCALES.get(marker, 1.0) * size, "fillstyle": FILLS[k % len(FILLS)]}
        edge: LineStyle = {"mfcalt": "white", "mec": color, "mew": 1.1} if k % len(FILLS) else {"mec": "white", "mew": 0.6}
        found[label] = line | edge
    return found


def informed_labels(frame: pd.DataFrame) -> set[str]:
    """Return the labels of the curves whose initialisation is given the gap, if there are others too; else none."""
    if "informed" not in frame or frame["informed"].nunique() < 2:
        return set()
    return set(frame.loc[frame["informed"] == "yes", "label"])


def number_curves(frame: pd.DataFrame) -> Iterator[tuple[str, str, int]]:
    """Yield ``(cell, label, number)`` of every curve; those of a cell by most gaps, default initialisation, most rows."""
    counts = frame.groupby(["cell", "label"])["gap"].agg(["nunique", "size"]).reset_index()
    pairs = frame.reindex(columns=["label", "cell", "init"]).drop_duplicates()
    default = {label for label, cell, init in pairs.itertuples(index=False) if is_default_init(str(cell), str(init))}
    counts["default"] = counts["label"].isin(default)
    counts = counts.sort_values(["cell", "nunique", "default", "size", "label"], ascending=[True, False, False, False, True])
    yield from zip(counts["cell"].astype(str), counts["label"], counts.groupby("cell").cumcount(), strict=True)


def cell_and_init(frame: pd.DataFrame) -> pd.Series[str]:
    """Return the shortest label of every row: ``lstm (chrono)``."""
    labels: pd.Series[str] = frame["cell"].astype(str) + " (" + frame["init"].astype(str) + ")"
    return labels
