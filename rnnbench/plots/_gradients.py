"""Gradient norms against the distance to the answer, on a logarithmic axis."""

from __future__ import annotations

from matplotlib.figure import Figure

from rnnbench.plots._frames import Frame
from rnnbench.plots._labels import label_lines
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import AxesLike, make_panels
from rnnbench.plots._style import cell_and_init, curve_styles, styled

LOWEST_NORM, HIGHEST_NORM = 1e-50, 1e4
"""Limits of the axis: smaller norms cannot be compared, larger bounds are not informative."""
MARKS = 7
"""Number of markers along a curve; each curve has them at different distances, so that equal curves can be distinguished."""


@styled
def plot_gradients(frame: Frame, ax: AxesLike | None = None) -> Figure:
    """Plot the gradient norms of several cells against the distance to the answer.

    Args:
        frame: ``curves`` of :func:`rnnbench.insight.measure_gradients`, of one task and gap.
        ax: axes to draw in: one, or two if the frame has trained networks.

    Returns:
        The figure, with a panel for ``initial`` and one for ``trained``. Curves are the gradient at the state that the cell carries
        on, or at the inputs of a whole-sequence model. Thin lines are the bound of Pascanu et al. 2013. Norms of zero are omitted.
    """
    frame = frame.assign(label=cell_and_init(frame))
    moments = [when for when in ("initial", "trained") if when in set(frame["when"])]
    styles = curve_styles(frame)
    figure, axes = make_panels(moments, ax, width=5.2, height=3.6)
    # whole-sequence models have only a gradient at the inputs; tables of earlier versions lack that column
    norms = frame["grad_state"].fillna(frame["grad_input"]) if "grad_input" in frame else frame["grad_state"]
    frame = frame.assign(norm=norms)
    seen = frame.loc[frame["norm"] > 0, "norm"]
    low = max(float(seen.min()) / 10, LOWEST_NORM) if len(seen) else LOWEST_NORM
    for panel, when in zip(axes, moments, strict=True):
        for k, (label, line) in enumerate(styles.items()):
            curve = frame[(frame["when"] == when) & (frame["label"] == label)].sort_values("distance")
            spacing = max(1, len(curve) // MARKS)
            every = (k * spacing // len(styles), spacing)
            panel.plot(curve["distance"], curve["norm"].where(curve["norm"] > 0), markevery=every, **line)
            bound = curve["bound"].where(curve["bound"] < HIGHEST_NORM)
            if bound.notna().any():
                panel.plot(
                    curve["distance"],
                    bound,
                    ":",
                    color=line["color"],
                    linewidth=0.9,
                    label=phrase("bound for {label}", label=label),
                )
        panel.set_yscale("log")
        panel.set_ylim(low, HIGHEST_NORM)
        here = phrase("{task}, gap {gap}", task=frame["task"].iloc[0], gap=frame["gap"].iloc[0])
        panel.set_title(f"{here}: {phrase({'initial': 'at initialisation', 'trained': 'after training'}[when])}")
        panel.set(xlabel=phrase("distance to the answer (time steps)"), ylabel=phrase("norm of d loss / d state"))
    note = phrase(
        "state: what the cell carries on from step to step; bound: Pascanu et al. 2013, largest singular value to the distance"
    )
    label_lines(figure, axes, note, ax is None, phrase("How much of the error reaches earlier steps?"))
    return figure
