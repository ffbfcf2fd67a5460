"""Runs of a study and published results on one scale: loss divided by the loss of a memoryless predictor, against the gap."""

from __future__ import annotations

from matplotlib.figure import Figure

from rnnbench._analysis.summary import BEST_RULE, mark_best
from rnnbench.plots._frames import Frame, RunsLike, runs_frame
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import CHANCE_LINE, AxesLike, add_legend, make_panels, set_gap_axis, task_rank
from rnnbench.plots._style import FILLS, PALETTE, SEED_DOTS, LineStyle, cell_styles, curve_styles, styled

LOWEST_RATIO = 1e-4
GREY = "#777777"


@styled
def plot_published(rows: Frame, runs: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot published losses and the losses of a study, each divided by the loss at chance.

    Args:
        rows: published results, columns ``panel, panel_gap, our_cell, cell, authors, drawn, at_most``.
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure, a panel per task. For the study: a dot per run, and for each curve a line through the medians at the best
        learning rate. For published results: open or half-filled markers, one shape per paper, in the cell's colour; grey for
        cells that the runs do not contain. A bar below a marker: the paper reports that the loss was reached, not how small it
        became.
    """
    tasks = sorted(set(rows["panel"]), key=task_rank)
    papers = {paper: PALETTE[k % len(PALETTE)][1] for k, paper in enumerate(dict.fromkeys(rows["authors"]))}
    marked = mark_best(runs_frame(runs))
    marked["ratio"] = (marked["eval_loss"] / marked["chance_loss"]).clip(lower=LOWEST_RATIO)
    styles, colors = curve_styles(marked), cell_styles(marked["cell"])
    rows = rows.assign(color=[colors.get(cell, (GREY,))[0] for cell in rows["our_cell"]])
    entries = rows.drop_duplicates(["authors", "cell", "color"]).set_index(["authors", "cell", "color"])
    number = entries.groupby(["authors", "color"]).cumcount()  # of an entry among those of its shape and colour
    figure, axes = make_panels(tasks, ax, width=5.4, height=4.0)
    for panel, task in zip(axes, tasks, strict=True):
        ours = marked[marked["task"] == task]
        for label, curve in ours.groupby("label"):
            line = styles[str(label)] | {"label": f"{label}, rnnbench"}
            for best, alpha in ((False, 0.12), (True, 0.4)):
                seeds = curve[curve["best"] == best]
                panel.plot(seeds["gap"], seeds["ratio"], color=line["color"], alpha=alpha, **SEED_DOTS)
            medians = curve[curve["best"]].groupby("gap")["ratio"].median()
            panel.plot(medians.index, medians.to_numpy(), **line)
        theirs = rows[rows["panel"] == task]
        for row in theirs.to_dict("records"):
            color = row["color"]
            fill = FILLS[1 + number[row["authors"], row["cell"], color] % (len(FILLS) - 1)]
            marker: LineStyle = {"marker": papers[row["authors"]], "color": color, "mfcalt": "white", "mec": color, "mew": 1.4}
            marker |= {"fillstyle": fill, "linestyle": ""}
            label, ratio = f"{row['cell']}, {row['authors']}", max(row["drawn"], LOWEST_RATIO)
            panel.plot(row["panel_gap"], ratio, markersize=8, label=label, **marker)
            if row["at_most"] and ratio < 1:
                panel.vlines(row["panel_gap"], ratio / 2.2, ratio, color=color, linewidth=1)
        panel.axhline(1, label=phrase("chance"), **CHANCE_LINE)
        panel.set_yscale("log")
        set_gap_axis(panel, {*theirs["panel_gap"], *ours["gap"]})
        panel.set(title=task, ylabel=phrase("loss over that without memory"))
    note = phrase(
        "open or half-filled: published; bar below: the loss was reached, and may have become smaller; dots: our runs; losses "
        "below {lowest:g} are drawn there; lines: medians over seeds",
        lowest=LOWEST_RATIO,
    )
    if not marked["best"].all():
        note += phrase(". Curves are at the {rule}", rule=phrase(BEST_RULE))
    add_legend(figure, axes, note, ax is None, title=phrase("Do these losses agree with published ones?"))
    return figure
