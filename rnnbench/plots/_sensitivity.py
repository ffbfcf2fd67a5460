"""The curse of memory: slope of the output in the parameters, and in the state a gap earlier, against the gap."""

from __future__ import annotations

from matplotlib.figure import Figure

from rnnbench.plots._frames import Frame
from rnnbench.plots._labels import label_lines
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import AxesLike, make_panels, set_gap_axis
from rnnbench.plots._style import cell_and_init, curve_styles, styled

LOWEST_SLOPE = 1e-12
"""Lower limit of the axes."""


@styled
def plot_sensitivity(frame: Frame, ax: AxesLike | None = None) -> Figure:
    """Plot the sensitivity of several cells against the gap, medians over seeds.

    Args:
        frame: rows of :func:`rnnbench.insight.measure_sensitivity`, of one task.
        ax: two axes to draw in.

    Returns:
        The figure, two panels on logarithmic axes: slope in the parameters, and slope in the state a gap earlier.
    """
    frame = frame.assign(label=cell_and_init(frame))
    if "when" in frame:
        frame["label"] += ", " + frame["when"]
    styles = curve_styles(frame)
    kinds = {"sensitivity": "d output / d parameters", "through_time": "d output / d state, a gap earlier"}
    figure, axes = make_panels(list(kinds), ax, width=4.6, height=3.4)
    for panel, (column, what) in zip(axes, kinds.items(), strict=True):
        for label, line in styles.items():
            curve = frame[frame["label"] == label].groupby("gap")[column].median()
            panel.plot(curve.index, curve.where(curve > LOWEST_SLOPE).to_numpy(), **line)
        set_gap_axis(panel, frame["gap"])
        if not (frame[column] > LOWEST_SLOPE).any():  # as in the state of a cell without steps
            panel.set_ylim(LOWEST_SLOPE, 1)
            panel.annotate(phrase("no slope above 1e-12"), (0.5, 0.5), xycoords="axes fraction", ha="center")
        panel.set_yscale("log")
        panel.set(title=f"{frame['task'].iloc[0]}: {phrase(what)}", ylabel=phrase("norm"))
    note = "" if "when" in frame else phrase("before training; ")
    note += phrase(
        "slopes below 1e-12 are not drawn. A memory that is kept (right, level) makes the output sensitive to every parameter "
        "(left), unless its input is shut in proportion (Zucchet & Orvieto 2024)"
    )
    label_lines(figure, axes, note, ax is None, phrase("How sensitive is the output, and does the state hold across the gap?"))
    return figure
