"""What trained networks remember: predictions under replaced early inputs, and accuracy by gap and position."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnnbench.plots._frames import Frame
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import AxesLike, add_legend, make_panels, task_panels
from rnnbench.plots._style import cell_and_init, curve_styles, styled


@styled
def plot_remembrance(frame: Frame, ax: AxesLike | None = None) -> Figure:
    """Plot the share of answers that change against the number of replaced first inputs.

    Args:
        frame: rows of :func:`rnnbench.insight.measure_remembrance`.
        ax: axes to draw in, one per task.

    Returns:
        The figure, a panel per task. Curves are medians over seeds, one per cell and gap of the training.
    """
    frame = frame.assign(label=cell_and_init(frame) + ", " + frame["gap"].map(lambda gap: phrase("gap {gap}", gap=gap)))
    styles = curve_styles(frame)
    figure, panels = task_panels(frame, ax)
    for task, rows, panel in panels:
        for label, line in styles.items():
            curve = rows[rows["label"] == label].groupby("replaced")["changed"].median()
            if len(curve):
                panel.plot(curve.index, curve.to_numpy(), **(line | {"markevery": max(1, len(curve) // 8)}))
        panel.set_ylim(-0.02, 1.02)
        panel.set(title=task, xlabel=phrase("first inputs replaced (time steps)"), ylabel=phrase("answers that change"))
    note = phrase("0: these inputs have no effect on the answers, because they are forgotten or carry nothing; medians over seeds")
    title = phrase("Do the first inputs still change the answers?")
    add_legend(figure, [panel for _, _, panel in panels], note, ax is None, title=title)
    return figure


@styled
def plot_positions(frame: Frame, ax: AxesLike | None = None) -> Figure:
    """Draw a map of the accuracy by gap and position of the answer.

    Args:
        frame: rows of :func:`rnnbench.insight.measure_positions`.
        ax: axes to draw in, one per cell, initialisation and task.

    Returns:
        The figure, a panel per cell, initialisation and task: gaps of the evaluation from bottom to top, positions from left to
        right. Numbers are per cent, means over runs; colours run from chance to 1.
    """
    frame = frame.assign(label=cell_and_init(frame) + " on " + frame["task"])
    labels = list(dict.fromkeys(frame["label"]))
    figure, axes = make_panels(labels, ax)
    for panel, label in zip(axes, labels, strict=True):
        rows = frame[frame["label"] == label]
        table = rows.pivot_table(index="eval_gap", columns="position", values="accuracy", aggfunc="mean").sort_index()
        low = float(rows["chance_accuracy"].min())
        image = panel.imshow(table.to_numpy(), vmin=low, vmax=1, origin="lower", aspect="auto", cmap="viridis")
        panel.set_yticks(range(len(table)), [f"{gap:,}" for gap in table.index])
        panel.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=12))
        if table.size <= 120:
            for y, values in enumerate(table.to_numpy()):
                for x, value in enumerate(values):
                    if value == value:  # a position that only some gaps have
                        color = "black" if value > (1 + low) / 2 else "white"
                        panel.text(x, y, f"{100 * value:.0f}", ha="center", va="center", color=color, fontsize="x-small")
        panel.set(title=label, xlabel=phrase("position of the answer"), ylabel=phrase("gap of the evaluation (time steps)"))
        figure.colorbar(image, ax=panel, label=phrase("accuracy"))
    return figure
