"""How figures look: the style of type and lines, and one colour and marker per cell, told apart with and without colour."""

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
"""``paper`` is small type for a page, ``slide`` larger type and thicker lines for a screen across a room."""

SMALL = 0.8
"""Notes and labels at lines, as a share of the type's size."""

Marker = str | tuple[int, int, int]
Dash = str | tuple[float, tuple[float, ...]]


class Line(TypedDict, total=False):
    """How a line is drawn: matplotlib's own keywords."""

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


class Bars(TypedDict):
    """How the bars of an interval are drawn."""

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
"""Sixteen colours and shapes (Okabe & Ito 2008 and Tol 2021, without what is pale on white; black is chance's)."""
SIZES: dict[Marker, float] = {"*": 1.45, (4, 1, 0): 1.35, "d": 1.15, "P": 1.1, "X": 1.1, "^": 1.1, "v": 1.1, "<": 1.1, ">": 1.1}
"""By how much a shape is drawn larger, so that all look of one size."""
DASHES: tuple[Dash, ...] = ("-", "--", ":", "-.", (0, (6, 1, 1, 1, 1, 1)), (0, (1, 2.5)))
"""A cell's curves, in the order of their labels."""

SEEDS: Line = {"marker": "o", "linestyle": "", "markersize": 3.0, "mew": 0, "label": "_seeds"}
"""Dots of single runs, behind the lines."""
BARS: Bars = {"elinewidth": 0.9, "capsize": 2}


@contextmanager
def style(name: str) -> Iterator[None]:
    """Draw and save figures in one of :data:`STYLES` inside the block; the caller's matplotlib is the same after it.

    Raises:
        ValueError: there is no such style.
    """
    if name not in STYLES:
        raise ValueError(f"no style {name!r}: there are {', '.join(STYLES)}")
    token = _current.set(STYLES[name])
    try:
        with matplotlib.rc_context(STYLES[name]):  # type: ignore[arg-type]  # typed by the keys of one version of matplotlib
            yield
    finally:
        _current.reset(token)


def styled(draw: Callable[P, T]) -> Callable[P, T]:
    """The same function, drawing in the style of the block that it is called in."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        with matplotlib.rc_context(_current.get()):  # type: ignore[arg-type]  # as above
            return draw(*args, **kwargs)

    return wrapped


class Runs(Protocol):
    """What has a frame of runs, such as a :class:`rnnbench.Study`."""

    def runs(self) -> pd.DataFrame: ...


def runs_of(given: pd.DataFrame | Runs) -> pd.DataFrame:
    """A frame as it is, a study as the frame of its runs."""
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


def cell_looks(cells: Iterable[str]) -> dict[str, tuple[str, Marker]]:
    """Colour and marker of every cell, found from its name alone, so that a cell looks alike in all figures.

    A name's checksum says which of the sixteen; where that one is taken, by a shorter name or one earlier in the alphabet, the
    next. Beyond sixteen cells looks repeat.
    """
    found: dict[str, tuple[str, Marker]] = {}
    for cell in sorted(set(cells), key=lambda name: (len(name), name)):
        slot = zlib.crc32(cell.encode()) % len(PALETTE)
        if len(found) < len(PALETTE):
            while PALETTE[slot] in found.values():
                slot = (slot + 1) % len(PALETTE)
        found[cell] = PALETTE[slot]
    return found


def curve_looks(frame: pd.DataFrame) -> dict[str, Line]:
    """Line style of every curve by its label; a cell keeps its colour, and has a dash for each of its curves.

    Args:
        frame: columns ``cell``, ``label`` and ``gap``, each row of some curve. The curve of most gaps is a cell's solid line.
    """
    looks = cell_looks(str(cell) for cell in frame["cell"])
    found: dict[str, Line] = {}
    for cell, label, k in numbered(frame):
        color, marker = looks[cell]
        found[label] = {
            "color": color,
            "marker": marker,
            "markersize": SIZES.get(marker, 1.0) * float(matplotlib.rcParams["lines.markersize"]),
            "linestyle": DASHES[k % len(DASHES)],
            "label": label,
            "mec": "white",
            "mew": 0.6,
        }
    return found


def numbered(frame: pd.DataFrame) -> Iterator[tuple[str, str, int]]:
    """``(cell, label, number)`` of every curve of a frame, numbered within its cell, that of most gaps first, then of most rows."""
    counts = frame.groupby(["cell", "label"])["gap"].agg(["nunique", "size"]).reset_index()
    counts = counts.sort_values(["cell", "nunique", "size", "label"], ascending=[True, False, False, True])
    counts["number"] = counts.groupby("cell").cumcount()
    for cell, label, k in counts[["cell", "label", "number"]].itertuples(index=False, name=None):
        yield str(cell), str(label), int(k)


def cell_and_init(frame: pd.DataFrame) -> pd.Series[str]:
    """The shortest label of every row: ``lstm (chrono)``."""
    labels: pd.Series[str] = frame["cell"].astype(str) + " (" + frame["init"].astype(str) + ")"
    return labels


def cell_or_label(frame: pd.DataFrame) -> pd.Series[str]:
    """The shortest names that tell the curves of every task apart: their cells if no cell has two in a task, else their labels."""
    single = frame.groupby(["task", "cell"])["label"].nunique().max() == 1
    names: pd.Series[str] = frame["cell" if single else "label"].astype(str)
    return names


def seeds_told(frame: pd.DataFrame) -> str:
    """``5 seeds``, ``1 to 5 seeds``: how many the rows of a summary have."""
    least, most = int(frame["seeds"].min()), int(frame["seeds"].max())
    return f"{least} to {most} seeds" if least < most else f"{most} seed{'s' if most > 1 else ''}"
