"""Styles of figures: fonts and lines, and a colour and marker per cell that can be distinguished without colour."""

from __future__ import annotations

import functools
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import ParamSpec, Protocol, TypedDict, TypeVar

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

P = ParamSpec("P")
T = TypeVar("T")

PAPER = {
    "font.size": 9.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.0,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.4,
    "lines.markersize": 6.0,
    "svg.hashsalt": "rnnbench",  # the same data gives the same file
    "svg.fonttype": "path",
    "savefig.dpi": 160.0,
}
SLIDE = PAPER | {
    "font.size": 13.0,
    "axes.titlesize": 15.0,
    "legend.fontsize": 12.0,
    "lines.linewidth": 2.4,
    "lines.markersize": 8.0,
    "savefig.dpi": 200.0,
}
STYLES = {"paper": PAPER, "slide": SLIDE}
"""``paper``: small fonts for a page. ``slide``: larger fonts and thicker lines for a projector."""

SMALL_TYPE = 0.8
"""Font size of notes and labels at lines, as a share of the normal size."""

Marker = str | tuple[int, int, int]
Dash = str | tuple[float, tuple[float, ...]]


class LineStyle(TypedDict, total=False):
    """Keyword arguments of matplotlib for a line."""

    color: str
    linestyle: Dash
    linewidth: float
    marker: Marker
    markersize: float
    markevery: tuple[int, int]
    mec: str
    mew: float
    mfc: str
    alpha: float
    label: str


class BarStyle(TypedDict):
    """Keyword arguments of matplotlib for the bars of an interval."""

    elinewidth: float
    capsize: float


_current: ContextVar[dict[str, object]] = ContextVar("style", default=PAPER)

PALETTE: tuple[tuple[str, Marker], ...] = (
    ("#009E73", "^"),
    ("#56B4E9", "v"),
    ("#AA4499", "P"),
    ("#332288", "D"),
    ("#E69F00", "<"),
    ("#882255", "p"),
    ("#117733", "h"),
    ("#4A6FE3", "8"),
    ("#661100", ">"),
    ("#0072B2", "s"),
    ("#D55E00", "o"),
    ("#44AA99", "d"),
    ("#777777", "X"),
    ("#CC79A7", "*"),
    ("#999933", "H"),
    ("#DC267F", (4, 1, 0)),
)
"""Sixteen colours and shapes (Okabe & Ito 2008 and Tol 2021, without colours that are pale on white; black is for chance)."""
MARKER_SCALES: dict[Marker, float] = {
    "*": 1.45,
    (4, 1, 0): 1.35,
    "d": 1.15,
    "P": 1.1,
    "X": 1.1,
    "^": 1.1,
    "v": 1.1,
    "<": 1.1,
    ">": 1.1,
}
"""Factors that make all shapes look equally large."""
DASHES: tuple[Dash, ...] = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 2.5)))
"""Line styles of a cell's curves, in the order of their labels."""

SEED_DOTS: LineStyle = {"marker": "o", "linestyle": "", "markersize": 3.0, "mew": 0, "label": "_seeds"}
"""Dots of single runs, behind the lines."""
INTERVAL_BARS: BarStyle = {"elinewidth": 0.9, "capsize": 2}


@contextmanager
def style(name: str) -> Iterator[None]:
    """Draw and save figures inside the block in one of :data:`STYLES`; the caller's settings are restored after it.

    Args:
        name: ``paper`` or ``slide``.

    Raises:
        ValueError: the style does not exist.
    """
    if name not in STYLES:
        raise ValueError(f"unknown style {name!r}: choose one of {', '.join(STYLES)}")
    token = _current.set(STYLES[name])
    try:
        with matplotlib.rc_context(STYLES[name]):  # type: ignore[arg-type]  # typed by the keys of one version of matplotlib
            yield
    finally:
        _current.reset(token)


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """Return a function that draws in the style of the surrounding ``with style(...)`` block."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with matplotlib.rc_context(_current.get()):  # type: ignore[arg-type]  # as above
            return draw(*args, **kwargs)

    return wrapped


class HasRuns(Protocol):
    """An object with a frame of runs, such as a :class:`rnnbench.Study`."""

    def runs(self) -> pd.DataFrame: ...


def runs_frame(given: pd.DataFrame | HasRuns) -> pd.DataFrame:
    """Return a frame unchanged, or the runs of a study."""
    return given if isinstance(given, pd.DataFrame) else given.runs()


@styled
def render(figure: Figure, file_format: str = "png") -> bytes:
    """Return a figure as the bytes of a ``png`` or ``svg`` file; the same data gives the same bytes.

    Example:
        >>> from matplotlib.figure import Figure
        >>> render(Figure())[:4]
        b'\\x89PNG'
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format=file_format, metadata={"Date": None} if file_format == "svg" else None)
    return buffer.getvalue()


def cell_styles(cells: Iterable[str]) -> dict[str, tuple[str, Marker]]:
    """Return colour and marker of every cell; they depend only on the names, so that a cell looks alike in all figures.

    The checksum of the name selects one of sixteen pairs. If a shorter name, or one earlier in the alphabet, has taken it, the next
    free pair is used. With more than sixteen cells pairs repeat.
    """
    found: dict[str, tuple[str, Marker]] = {}
    for cell in sorted(set(cells), key=lambda name: (len(name), name)):
        slot = zlib.crc32(cell.encode()) % len(PALETTE)
        if len(found) < len(PALETTE):
            while PALETTE[slot] in found.values():
                slot = (slot + 1) % len(PALETTE)
        found[cell] = PALETTE[slot]
    return found


def curve_styles(frame: pd.DataFrame) -> dict[str, LineStyle]:
    """Return the line style of every curve by its label: one colour per cell, one dash pattern per curve of a cell.

    Args:
        frame: columns ``cell``, ``label`` and ``gap``. The curve with most gaps is the solid line of its cell.
    """
    styles = cell_styles(str(cell) for cell in frame["cell"])
    found: dict[str, LineStyle] = {}
    for cell, label, k in number_curves(frame):
        color, marker = styles[cell]
        found[label] = {
            "color": color,
            "marker": marker,
            "markersize": MARKER_SCALES.get(marker, 1.0) * float(matplotlib.rcParams["lines.markersize"]),
            "linestyle": DASHES[k % len(DASHES)],
            "label": label,
            "mec": "white",
            "mew": 0.6,
        }
    return found


def number_curves(frame: pd.DataFrame) -> Iterator[tuple[str, str, int]]:
    """Yield ``(cell, label, number)`` of every curve; a cell's curves are numbered by most gaps, then most rows."""
    counts = frame.groupby(["cell", "label"])["gap"].agg(["nunique", "size"]).reset_index()
    counts = counts.sort_values(["cell", "nunique", "size", "label"], ascending=[True, False, False, True])
    counts["number"] = counts.groupby("cell").cumcount()
    for cell, label, k in counts[["cell", "label", "number"]].itertuples(index=False, name=None):
        yield str(cell), str(label), int(k)


def cell_and_init(frame: pd.DataFrame) -> pd.Series[str]:
    """Return the shortest label of every row: ``lstm (chrono)``."""
    labels: pd.Series[str] = frame["cell"].astype(str) + " (" + frame["init"].astype(str) + ")"
    return labels


def cell_or_label(frame: pd.DataFrame) -> pd.Series[str]:
    """Return the shortest unique names of curves: the cell if each cell has one curve per task, else the label."""
    single = frame.groupby(["task", "cell"])["label"].nunique().max() == 1
    names: pd.Series[str] = frame["cell" if single else "label"].astype(str)
    return names


def seed_count_text(frame: pd.DataFrame) -> str:
    """Return the number of seeds in a summary as text: ``5 seeds``, ``1 to 5 seeds``."""
    low, high = int(frame["seeds"].min()), int(frame["seeds"].max())
    return f"{low} to {high} seeds" if low < high else f"{high} seed{'s' if high > 1 else ''}"
