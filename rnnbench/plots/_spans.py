"""Spans: an overview of all of them, a bar per curve, and the span against the size of the state."""

from __future__ import annotations

from typing import Literal

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from rnnbench._analysis.scores import CEILING, LOWER_BOUND, SCORE_RULE, format_grids, format_score
from rnnbench._analysis.statistics import SPAN_RULE
from rnnbench._analysis.summary import CURVE, FrameRow, format_span, spans, summarise
from rnnbench._analysis.tables import format_state_size
from rnnbench.plots._frames import RunsLike, axis_frame
from rnnbench.plots._language import phrase
from rnnbench.plots._panels import (
    AxesLike,
    add_legend,
    best_rate_note,
    font_size,
    gap_label,
    informed_note,
    make_panels,
    set_gap_axis,
    spread,
    task_panels,
)
from rnnbench.plots._style import SMALL_TYPE, curve_styles, informed_labels, styled

SHADES = matplotlib.colormaps["YlGnBu"]
SIZE_LABELS = {"state_size": "numbers carried from step to step", "parameters": "trainable parameters"}


@styled
def plot_overview(runs: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot the memory score of every curve on every task on a shade, best curve at the top, easiest task at the left.

    If a curve lacks runs at a gap of its task's grid, there is no score that ranks all, and the spans are plotted instead.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in.

    Returns:
        The figure. Below each score are its 95 % interval and the span, below a span the number of seeds. The row labels give the
        state size, the number of values carried from step to step, and mark a cell that is given the gap, or that has another
        budget or another number of seeds than most. Blank: no run.
    """
    table, rows, tasks, scored = rank_overview(spans(axis_frame(runs)))
    height = 0.9 + 0.34 * len(rows)
    figure, (panel,) = make_panels(["the overview"], ax, width=max(5.0, 1.9 + 1.5 * len(tasks)), height=height)
    size = min(font_size(0.95), 0.44 * 72 * 0.72 * figure.get_figheight() / len(rows))
    for row in table.to_dict("records"):
        shade = row["reached"]
        x, y = tasks.index(row["task"]), rows.index(row["row"])
        color = SHADES(0.05 + 0.8 * shade)
        panel.add_patch(matplotlib.patches.Rectangle((x - 0.48, y - 0.46), 0.96, 0.92, color=color, linewidth=0))
        ink = "white" if shade > 0.6 else "0.15"
        large, small = _score_texts(row) if scored else _span_texts(row)
        panel.text(x, y - (0.16 if small else 0), large, ha="center", va="center", color=ink, fontsize=size)
        panel.text(x, y + 0.25, small, ha="center", va="center", color=ink, fontsize=0.65 * size)
    states = table.groupby("row")["state_size"].median()
    panel.set_yticks(
        range(len(rows)), [row if pd.isna(states[row]) else f"{row}  {format_state_size(states[row])}" for row in rows]
    )
    panel.set_xticks(range(len(tasks)), tasks)
    panel.xaxis.tick_top()
    panel.tick_params(length=0)
    panel.tick_params("y", labelsize=1.05 * size)
    panel.set(xlim=(-0.5, len(tasks) - 0.5), ylim=(len(rows) - 0.5, -0.5))
    panel.spines[:].set_visible(False)
    differ = table.groupby("row")["state_size"].nunique().gt(1).any()
    what = "curve, and the size of its state, the median over tasks" if differ else "curve, and the size of its state"
    panel.set_ylabel(phrase(what), fontsize=font_size(SMALL_TYPE))
    note = phrase("{seeds}. {rule}", seeds=seed_count_text(table), rule=_score_note(table) if scored else _span_note(table))
    title = phrase("How far back does each network remember?")
    add_legend(figure, [panel], note + best_rate_note(table) + informed_note(table), ax is None, title=title)
    return figure


def rank_overview(table: pd.DataFrame) -> tuple[pd.DataFrame, list[str], list[str], bool]:
    """Rank the rows of ``spans`` by memory score, or by span if a curve has none.

    Returns:
        The rows with ``row``, their name, and ``reached``, from 0 to 1; names and tasks, best first; True if scores rank them.
    """
    table = table.assign(row=overview_rows(table))
    scored = bool(table["memory_score"].notna().all())
    spanned = np.log10(1 + table["span"].astype(float).fillna(0.0))
    table["reached"] = table["memory_score"] if scored else spanned / max(float(np.log10(1 + table["largest_gap"].max())), 1e-9)
    means = (table.groupby(column)["reached"].mean() for column in ("row", "task"))
    names, tasks = (list(map(str, mean.sort_values(ascending=False, kind="stable").index)) for mean in means)
    return table, names, tasks, scored


def _score_texts(row: FrameRow) -> tuple[str, str]:
    words = phrase("span {span}", span=_span_text(row))
    if pd.notna(row["score_low"]):
        words = phrase("{low:.2f} to {high:.2f}, {span}", low=row["score_low"], high=row["score_high"], span=words)
    return phrase("≥ {score}", score=phrase(format_score(row)[2:])) if row["stopped"] else phrase(format_score(row)), words


def _span_texts(row: FrameRow) -> tuple[str, str]:
    seeds = phrase("1 seed") if row["seeds"] == 1 else phrase("{count} seeds", count=row["seeds"])
    return _span_text(row), seeds


def _span_text(row: FrameRow) -> str:
    return phrase("below {gap}", gap=row["smallest_gap"]) if pd.isna(row["span"]) else format_span(row)


def _score_note(table: pd.DataFrame) -> str:
    note = phrase(
        "{score}. Below a score: its 95 % interval over seeds, and the span. {span}. Grid: {grid}",
        score=phrase(SCORE_RULE),
        span=phrase(SPAN_RULE),
        grid=format_grids(table),
    )
    if table["memory_score"].ge(CEILING).any():
        note += phrase(". At ceiling: a score that rounds to 1.000")
    return note + phrase(". {bound}", bound=phrase(LOWER_BOUND)) if table["stopped"].any() else note


def _span_note(table: pd.DataFrame) -> str:
    lacking = int(table["memory_score"].isna().sum())
    reason = phrase(
        "no memory scores: {lacking} of {count} curves have no run at a gap of their task's grid", lacking=lacking, count=len(table)
    )
    seen = phrase("{rule}; ≥: no larger gap was tried; below a span: the seeds at that gap", rule=phrase(SPAN_RULE))
    return phrase("{seen}; {reason}", seen=seen, reason=reason)


@styled
def plot_span(runs: RunsLike, ax: AxesLike | None = None) -> Figure:
    """Plot the span of every curve on every task as a bar.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.

    Returns:
        The figure. An arrow marks a span that equals the largest gap tried, and may be larger. "below 10": the smallest gap tried,
        10, is not solved.
    """
    runs = axis_frame(runs)
    summary = summarise(runs)
    table = summary.drop_duplicates(CURVE)
    styles = curve_styles(table)
    tallest = max(len(rows) for _, rows in table.groupby("task"))
    figure, panels = task_panels(table, ax, width=4.8, height=1.2 + 0.3 * tallest)
    for task, rows, panel in panels:
        gaps = sorted(summary[summary["task"] == rows["task"].iloc[0]]["gap"].unique())
        set_gap_axis(panel, gaps, zero=True, label=gap_label(rows))
        panel.grid(axis="x", color="0.9", linewidth=0.8)
        panel.set_axisbelow(True)
        columns = ["label", "span", "smallest_gap", "largest_gap"]
        for y, (label, reach, smallest, largest) in enumerate(rows[columns].itertuples(index=False, name=None)):
            line = styles[label]
            if pd.isna(reach):
                panel.annotate(
                    phrase("below {gap}", gap=smallest),
                    (0, y),
                    (4, 0),
                    textcoords="offset points",
                    va="center",
                    color=str(line["color"]),
                    fontsize=font_size(0.9),
                )
                continue
            panel.plot([0, reach], [y, y], color=line["color"], linestyle=line["linestyle"], solid_capstyle="butt")
            panel.plot(
                reach, y, ">" if reach == largest else "o", color=line["color"]
            )  # the cell's own marker may look like an arrow
        panel.set_yticks(range(len(rows)), [styles[label]["label"] for label in rows["label"]])
        panel.set(title=task, ylim=(len(rows) - 0.4, -0.6), xlim=(0, 1.25 * gaps[-1] + 1))
    note = phrase("{rule}; an arrow: or more", rule=phrase(SPAN_RULE)) + best_rate_note(summary) + informed_note(summary)
    title = phrase("Up to which gap does each network solve the task?")
    add_legend(figure, [panel for _, _, panel in panels], note, ax is None, title=title)
    return figure


@styled
def plot_span_by_size(
    runs: RunsLike, ax: AxesLike | None = None, size: Literal["state_size", "parameters"] = "state_size"
) -> Figure:
    """Plot the span of every curve against its size, a panel per task.

    Args:
        runs: a study, or rows of :meth:`rnnbench.Study.runs`.
        ax: axes to draw in, one per task.
        size: column of the horizontal axis.

    Returns:
        The figure. Curves of equal span whose markers would touch are side by side. An arrow marks a span that equals the largest
        gap tried, and may be larger.
    """
    table = spans(axis_frame(runs))
    table = table[table[size] >= 0].reset_index(drop=True)  # neither missing nor a state that grows with the sequence
    table["label"] = cell_or_label(table)
    styles = curve_styles(table)
    solved = table["span"].notna().groupby(table["task"]).transform("any")
    table = table[solved] if ax is None and solved.any() else table  # a task that no curve solves shows nothing
    figure, panels = task_panels(table, ax, height=3.4)
    sizes = table[size][table[size] > 0]
    smallest, largest = (sizes.min(), sizes.max()) if len(sizes) else (1, 1)
    has_zero = bool((table[size] == 0).any())  # a curve without a state
    powers = [2**k for k in range(40) if smallest / 1.4 <= 2**k <= largest * 1.4]
    shifted = False
    for task, rows, panel in panels:
        values = rows.assign(span=rows["span"].astype(float).fillna(0.0))
        gaps = sorted({*rows["smallest_gap"], *rows["largest_gap"], *rows["span"].dropna()} - {0}) or [1]
        panel.set_yscale("symlog", linthresh=gaps[0], linscale=0.3)
        panel.set_yticks([0, *gaps], [phrase("below {gap}", gap=gaps[0]), *map(str, gaps)], fontsize=font_size(0.9))
        panel.yaxis.minorticks_off()
        panel.set_ylim(-0.3 * gaps[0], 1.6 * gaps[-1])
        panel.set_xscale("symlog", base=2, linthresh=smallest / 2, linscale=0.5)
        panel.set_xlim(-0.1 * smallest if has_zero else smallest / 1.4, largest * 1.4)
        panel.set_xticks([0, *powers] if has_zero else powers)
        panel.xaxis.set_major_formatter("{x:,.0f}")
        panel.xaxis.minorticks_off()
        values["shift"] = 0.0
        for _, level in values.sort_values([size, "label"]).groupby("span"):
            places = panel.transData.transform([(value, 0.0) for value in level[size]])[:, 0] / figure.dpi
            values.loc[level.index, "shift"] = spread(places, 1 / 11) - places
        shifted |= bool(values["shift"].ne(0).any())
        for row in values.to_dict("records"):
            apart = panel.transData + ScaledTranslation(row["shift"], 0, figure.dpi_scale_trans)
            panel.plot(row[size], row["span"], transform=apart, **(styles[row["label"]] | {"linestyle": ""}))
            if row["span"] == row["largest_gap"]:
                arrow = {"arrowstyle": "<|-", "color": styles[row["label"]]["color"], "shrinkA": 0}
                above = (0, 1.2 * font_size())  # the head is at the text, which is empty
                panel.annotate("", (row[size], row["span"]), above, apart, "offset points", arrow, annotation_clip=False)
        panel.grid(color="0.92", linewidth=0.8)
        panel.set_axisbelow(True)
        panel.set(title=task, xlabel=phrase(SIZE_LABELS[size]), ylabel=phrase("span (time steps)"))
    rule = phrase("{rule}; an arrow: or more", rule=phrase(SPAN_RULE))
    note = phrase("{seeds}. {rule}", seeds=seed_count_text(table), rule=rule)
    if shifted:
        note += phrase(". Curves of equal span whose markers would touch are side by side")
    title = phrase("Does a larger state reach further back?")
    add_legend(figure, [panel for _, _, panel in panels], note + best_rate_note(table), ax is None, title=title)
    return figure


def cell_or_label(frame: pd.DataFrame) -> pd.Series[str]:
    """Return the shortest unique names of curves: the cell if each cell has one curve per task, else the label."""
    single = frame.groupby(["task", "cell"])["label"].nunique().max() == 1
    names: pd.Series[str] = frame["cell" if single else "label"].astype(str)
    return names


def overview_rows(table: pd.DataFrame) -> pd.Series[str]:
    """Return the names of the rows of the overview: those of :func:`cell_or_label`, with marks.

    A mark states that the initialisation is given the gap, where that differs, and a budget or a number of seeds that is not that
    of most curves of a task: such rows are not compared under equal conditions.
    """
    names, informed = cell_or_label(table), informed_labels(table)
    marks: dict[str, dict[str, None]] = {name: {} for name in names}
    for name, label in zip(names, table["label"], strict=True):
        if label in informed:
            marks[name][phrase("informed")] = None
    for column, text in (("max_steps", "{count:,.0f} steps"), ("seeds", "{count} seeds")):
        if column in table:
            usual = table.groupby("task")[column].transform(lambda values: values.mode().max())
            for name, value in zip(names[table[column] != usual], table[column][table[column] != usual], strict=True):
                marks[name][phrase(text, count=value)] = None
    return names.map(lambda name: ", ".join([name, *marks[name]]))


def seed_count_text(frame: pd.DataFrame) -> str:
    """Return the number of seeds in a summary as text: ``5 seeds``, ``1 to 5 seeds``."""
    low, high = int(frame["seeds"].min()), int(frame["seeds"].max())
    if low < high:
        return phrase("{low} to {high} seeds", low=low, high=high)
    return phrase("1 seed") if high == 1 else phrase("{count} seeds", count=high)
