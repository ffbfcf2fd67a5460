"""Labels at the ends of lines, in place of a legend."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Sequence
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Transform

from rnnbench.plots._panels import add_legend, font_size, text_columns
from rnnbench.plots._style import SMALL_TYPE

Box = tuple[float, float, float, float]
"""Left, bottom, right and top of a label."""
LEADER = {"arrowstyle": "-", "linewidth": 0.7, "shrinkA": 0, "shrinkB": 0, "relpos": (0, 0.5)}
"""The thin line from a label inside a panel to its point."""

CHARACTER = 0.6
"""The width of a character in font sizes, on average."""


class _End(NamedTuple):
    """The right end of a labelled line: its label, the line, its last gap and its height there in data coordinates."""

    label: str
    line: Line2D
    x: float
    y: float


def label_lines(figure: Figure, axes: Sequence[Axes], note: str, own: bool, title: str) -> None:
    """Write the label of every line of the panels at the line's right end, and add title, note and legend.

    The panels must have their final limits. Labels of lines that reach the right edge stand in the margin, moved apart where they
    would touch. Labels of lines that end earlier stand at their last marker, where they hide least. If the lines of a panel are too
    many for its height, the legend has their labels.
    """
    written: set[str] = set()
    missing: set[str] = set()
    early: list[tuple[Axes, list[_End]]] = []
    for ax in axes:
        ends = list(_ends(ax))
        edge = max((end.x for end in ends), default=0.0)
        late = [end for end in ends if end.x >= 0.8 * edge]
        if not _label_margin(ax, late):
            missing |= {end.label for end in ends}
            continue
        written |= {end.label for end in ends}
        if len(late) < len(ends):
            early.append((ax, [end for end in ends if end not in late]))
    add_legend(figure, axes, note, own, written - missing, title)
    if early:
        with warnings.catch_warnings(action="ignore"):  # characters without a glyph: rendering names them
            figure.draw_without_rendering()  # gives the panels their final sizes
        for ax, ends in early:
            _label_points(ax, ends)


def _label_margin(ax: Axes, ends: list[_End]) -> bool:
    """Write labels in the right margin, in the order of their heights; return False, and write none, if they do not fit.

    They fit where the panel is high enough for all, and the longest leaves the panel more than a third of the width.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    widest = max((text_columns(end.label) for end in ends), default=0) * CHARACTER * font_size(SMALL_TYPE)
    if widest > 0.65 * ax.get_window_extent().width * 72 / figure.dpi:
        return False
    bottom, top = ax.transData.inverted().transform(ax.get_window_extent().corners())[[0, -1], 1]
    scale = ax.yaxis.get_transform()
    bottom, top = scale.transform([bottom, top])
    step = 1.25 * font_size(SMALL_TYPE) / (ax.get_window_extent().height * 72 / figure.dpi) * (top - bottom)
    if len(ends) * step > top - bottom:
        return False
    heights: list[float] = []
    lowest, highest = bottom + step / 2, top - step / 2
    ordered = sorted(ends, key=lambda end: end.y)
    for end in ordered:  # upwards, each at least one line above the previous
        heights.append(max(float(scale.transform([end.y])[0]), lowest))
        lowest = heights[-1] + step
    for k in reversed(range(len(heights))):  # and back down from the top
        heights[k] = min(heights[k], highest)
        highest = heights[k] - step
    for end, height in zip(ordered, heights, strict=True):
        _write_in_margin(ax, end, float(scale.inverted().transform([height])[0]))
    return True


def _ends(ax: Axes) -> list[_End]:
    found = []
    for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
        line = handle.lines[0] if isinstance(handle, ErrorbarContainer) else handle
        if isinstance(line, Line2D):
            points = np.column_stack([np.asarray(values, dtype=float) for values in line.get_data()])
            low, high = np.transpose([sorted(ax.get_xlim()), sorted(ax.get_ylim())])
            points = points[((low <= points) & (points <= high)).all(axis=1)]  # those that are visible
            if len(points) and (len(points) == 1 or np.ptp(points[:, 0]) > 0):  # a vertical line has no right end
                found.append(_End(label, line, *map(float, points[points[:, 0].argmax()])))
    return found


def _write_in_margin(ax: Axes, end: _End, height: float) -> None:
    right, size = ax.get_yaxis_transform(), font_size(SMALL_TYPE)
    if _has_marker(end):
        _draw_sample(ax, end, [1.03], [height], right)
    else:
        _draw_sample(ax, end, [1.012, 1.048], [height, height], right)
    text = ax.annotate(end.label, (1.03, height), (size, 0), right, "offset points", annotation_clip=False)
    text.set(color=end.line.get_color(), fontsize=size, va="center")


def _has_marker(end: _End) -> bool:
    return end.line.get_marker() not in (None, "None", "", " ")


def _draw_sample(ax: Axes, end: _End, xs: list[float], ys: list[float], place: Transform) -> None:
    """Draw the marker of a line, or a piece of a line without markers, at points of a transform."""
    sample = Line2D(xs, ys)
    sample.update_from(end.line)
    sample.set(transform=place, clip_on=False, label="_end")
    if len(xs) == 1:
        sample.set_linestyle("")
    ax.add_artist(sample)


def _label_points(ax: Axes, ends: list[_End]) -> None:
    """Write each label next to its point, at the place of a few where it covers least of what is drawn.

    A thin line joins it to a marker. A marker beside the label would look like a point of the data.
    """
    figure = ax.get_figure(root=True)
    assert figure is not None
    point, size = figure.dpi / 72, font_size(SMALL_TYPE)
    covered = _drawn_points(ax, 2 * point)
    panel = ax.get_window_extent()
    for end in ends:
        place = end.line.get_transform()
        x, y = place.transform((end.x, end.y))
        wide, tall = CHARACTER * text_columns(end.label) * size * point, 1.3 * size * point
        away = (0.75 * float(matplotlib.rcParams["lines.markersize"]) + 0.5 * size) * point
        places = [(x + away, y - tall / 2)] + [
            (x + across * (away + wide / 2) - wide / 2, y + up * (away + tall / 2) * far - tall / 2)
            for far in (1.0, 1.6, 2.4, 3.2)
            for up in (1, -1)
            for across in (1, 0.5, 0, -0.5, -1)
        ]
        boxes = [(left, low, left + wide, low + tall) for left, low in places]
        inside = [box for box in boxes if panel.x0 <= box[0] and box[2] <= panel.x1 and panel.y0 <= box[1] and box[3] <= panel.y1]
        box = min(inside or boxes, key=lambda box: _count_inside(covered, box))  # the first of equal ones, which is nearest
        right, up = (box[0] - x) / point, ((box[1] + box[3]) / 2 - y) / point
        leader = LEADER | {"color": end.line.get_color()} if _has_marker(end) else None
        text = ax.annotate(end.label, (end.x, end.y), (right, up), place, "offset points", arrowprops=leader)
        text.set(color=end.line.get_color(), fontsize=size, va="center")
        corners = np.linspace(box[0], box[2], 20), np.linspace(box[1], box[3], 5)
        covered = np.vstack([covered, np.column_stack([part.ravel() for part in np.meshgrid(*corners)])])


def _drawn_points(ax: Axes, spacing: float) -> np.ndarray:
    """Return points (N, 2) along all lines, markers and bars of a panel, in pixels."""
    parts = []
    for line in ax.lines:
        corners = line.get_transform().transform(np.column_stack([np.asarray(values, dtype=float) for values in line.get_data()]))
        parts.append(corners if line.get_linestyle() == "None" else _along(corners, spacing))
    for bars in ax.collections:
        parts += [_along(bars.get_transform().transform(path.vertices), spacing) for path in bars.get_paths()]
    points: np.ndarray = np.vstack([np.empty((0, 2)), *parts])
    finite: np.ndarray = points[np.isfinite(points).all(axis=1)]
    return finite


def _along(corners: np.ndarray, spacing: float) -> np.ndarray:
    """Return points (N, 2) along a polyline, at most ``spacing`` apart."""
    corners = corners[np.isfinite(corners).all(axis=1)]
    if len(corners) < 2:
        return corners
    legs = [
        np.linspace(first, last, 2 + int(min(np.hypot(*(last - first)) / spacing, 2000)))
        for first, last in itertools.pairwise(corners)
    ]
    return np.concatenate(legs)


def _count_inside(points: np.ndarray, box: Box) -> int:
    left, low, right, high = box
    return int(((points[:, 0] > left) & (points[:, 0] < right) & (points[:, 1] > low) & (points[:, 1] < high)).sum())
