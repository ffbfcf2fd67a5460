"""The page's charts: Vega-Lite specifications from Altair, whose JavaScript the page carries along once.

Every chart has a parameter ``only``, the label that the page's legend isolates, empty for all of them. Needs the extra
``rnnbench[report]``; :func:`available` says whether it is there.
"""

from __future__ import annotations

import importlib.util
import json
import shlex
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import Affine2D

from rnnbench._analysis.summary import fields_of_role
from rnnbench._report.text import command
from rnnbench.plots._panels import dodge
from rnnbench.plots._style import DASHES, Marker, cell_styles, number_curves

if TYPE_CHECKING:
    from collections.abc import Callable

    import altair as alt

ISOLATED = "only == '' || datum.label == only"
Spec = dict[str, object]
"""JSON."""
Looks = dict[str, tuple[str, str, list[int]]]
"""Colour, shape and dash of every curve by its label."""


def available() -> bool:
    """Whether Altair and its JavaScript are installed."""
    return all(importlib.util.find_spec(name) for name in ("altair", "vl_convert"))


def javascript() -> str:
    """Vega, Vega-Lite and the code that draws them, to stand in a script tag."""
    import vl_convert

    bundle = cast("Callable[[], str]", vl_convert.javascript_bundle)  # its stub asks for what has a default
    return bundle().replace("</script", "<\\/script").replace("<!--", "<\\!--")


def outline(marker: Marker) -> str:
    """A marker of the figures as an SVG path between -1 and 1, which is how Vega takes shapes of one's own."""
    drawn = MarkerStyle(marker)
    larger = drawn.get_transform() + Affine2D().scale(9)  # so that a circle gets corners enough
    (corners,) = larger.transform_path(drawn.get_path()).to_polygons()
    corners = np.asarray(corners) / np.abs(corners).max()
    return "M" + "L".join(f"{x:.2f},{-y:.2f}" for x, y in corners[:-1]) + "Z"


def curves(frame: pd.DataFrame) -> Looks:
    """Colour, outline and dash of every curve by its label, as in the figures; for the legend and the charts."""
    looks = cell_styles(str(cell) for cell in frame["cell"])
    dashes = ([1, 0], [6, 3], [2, 2], [6, 2, 2, 2], [8, 2, 2, 2, 2, 2], [1, 4])
    assert len(dashes) == len(DASHES)
    return {label: (looks[cell][0], outline(looks[cell][1]), dashes[k % len(dashes)]) for cell, label, k in number_curves(frame)}


def accuracy(marked: pd.DataFrame, table: pd.DataFrame, looks: Looks) -> Spec:
    """Accuracy against the gap, one task: medians with intervals, a dot per run with all that repeats it.

    Args:
        marked: of :func:`rnnbench._analysis.summary.mark_best`, one task.
        table: of :func:`rnnbench._analysis.summary.summarise`, the same task.
        looks: of :func:`curves`.
    """
    import altair as alt

    labels = [label for label in looks if label in set(table["label"])]
    fields = fields_of_role(marked, "recipe")
    recipes: dict[str, int] = {}
    rows = []
    for run in marked.to_dict("records"):
        flags = f"--cell {shlex.quote(str(run['cell']))} {{}} {command(run, fields)}"
        recipe = recipes.setdefault(flags, len(recipes))
        row = {"label": run["label"], "gap": run["gap"], "x": 0.0, "seed": run["seed"], "accuracy": _short(run["accuracy"])}
        row |= {"lr": run["lr"], "ended": run["status"], "steps": int(run["step"]), "run": run["run_id"], "r": recipe}
        row |= {"faint": 0 if run["best"] else 1}
        rows.append(row)
    dots, medians = pd.DataFrame(rows), _medians(table)
    for k, label in enumerate(labels):
        for frame in (dots, medians):
            here = frame["label"] == label
            frame.loc[here, "x"] = dodge(frame.loc[here, "gap"], k, len(labels)).round(3)
    task = str(marked["task"].iloc[0])
    start = json.dumps(f"rnnbench run --task {shlex.quote(task)} ")
    again = f"{start} + replace({json.dumps(list(recipes))}[datum.r], '{{}}', '--gap ' + datum.gap + ' --seed ' + datum.seed)"
    x = _gap_axis(sorted(table["gap"].unique()))
    y = alt.Y("accuracy:Q", scale=alt.Scale(domain=[0, 1.02]), axis=alt.Axis(format="%", title="accuracy"))
    run_tips = [alt.Tooltip(f"{name}:N") for name in ("label", "gap", "seed", "lr", "ended", "steps", "run", "repeat")]
    run_tips.insert(3, alt.Tooltip("accuracy:Q", format=".1%"))
    points = (
        alt.Chart(_values(dots))
        .transform_calculate(repeat=again)
        .mark_circle(size=34)
        .encode(
            x=x,
            y=y,
            color=_color(labels, looks),
            opacity=alt.OpacityValue(
                0.4, condition=[{"test": f"!({ISOLATED})", "value": 0.02}, {"test": "datum.faint == 1", "value": 0.13}]
            ),
            tooltip=run_tips,
        )
    )
    return _spec(alt.layer(_chance(table), points, *_curves(medians, labels, looks, y, x, "accuracy")))


def solved(table: pd.DataFrame, looks: Looks) -> Spec:
    """Share of seeds that solved each gap of one task, with Wilson intervals."""
    import altair as alt

    labels = [label for label in looks if label in set(table["label"])]
    medians = _medians(table)
    for k, label in enumerate(labels):
        here = medians["label"] == label
        medians.loc[here, "x"] = dodge(medians.loc[here, "gap"], k, len(labels)).round(3)
    y = alt.Y("share:Q", scale=alt.Scale(domain=[0, 1.02]), axis=alt.Axis(format="%", title="seeds that solved it"))
    x = _gap_axis(sorted(table["gap"].unique()))
    return _spec(alt.layer(*_curves(medians, labels, looks, y, x, "share")))


def span(table: pd.DataFrame, looks: Looks) -> Spec:
    """The span of every curve of one task."""
    import altair as alt

    from rnnbench._analysis.summary import format_span

    rows = table.drop_duplicates("label")
    labels = [label for label in looks if label in set(rows["label"])]
    bars = pd.DataFrame(
        {"label": row["label"], "span": 0 if pd.isna(row["span"]) else int(row["span"]), "told": format_span(row)}
        for row in rows.to_dict("records")
    )
    gaps = sorted({0, *(int(gap) for gap in table["gap"].unique())})
    scale = alt.Scale(type="symlog", constant=max(1, gaps[min(1, len(gaps) - 1)] / 2), domain=[0, 3 * gaps[-1] + 1], nice=False)
    base = alt.Chart(_values(bars)).encode(
        y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=170)),
        x=alt.X("span:Q", scale=scale, title="span (time steps)", axis=alt.Axis(values=gaps, labelOverlap="greedy")),
        opacity=alt.condition(f"!({ISOLATED})", alt.value(0.08), alt.value(0.9)),
        tooltip=[alt.Tooltip("label:N"), alt.Tooltip("told:N", title="span")],
    )
    named = base.mark_text(align="left", dx=5).encode(text="told:N")
    return _spec(alt.layer(base.mark_bar(height=10).encode(color=_color(labels, looks)), named), height=24 * len(labels) + 20)


def learning(labels: list[str], looks: Looks) -> Spec:
    """Learning curves of one task and gap; the page fills in the runs of the gap that is chosen, as data set ``runs``."""
    import altair as alt

    base = alt.Chart(alt.NamedData(name="runs"))
    tips = [alt.Tooltip(f"{name}:N") for name in ("label", "seed", "lr")]
    tips += [alt.Tooltip("step:Q", format=","), alt.Tooltip("accuracy:Q", format=".1%")]
    shown = alt.condition(
        f"!({ISOLATED})", alt.value(0.03), alt.Opacity("strong:Q", scale=alt.Scale(domain=[0, 1], range=[0.15, 0.8]), legend=None)
    )
    lines = base.mark_line(strokeWidth=1.3).encode(
        x=alt.X("step:Q", title="training steps", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6)),
        y=alt.Y("accuracy:Q", scale=alt.Scale(domain=[0, 1.02]), axis=alt.Axis(format="%", title="accuracy")),
        color=_color(labels, looks),
        strokeDash=_dash(labels, looks),
        detail="run:N",
        opacity=shown,
        tooltip=tips,
    )
    chance = base.mark_rule(strokeDash=[4, 3], color="black").encode(y="mean(chance):Q")
    return _spec(alt.layer(chance, lines))


def _curves(medians: pd.DataFrame, labels: list[str], looks: Looks, y: alt.Y, x: alt.X, column: str) -> list[alt.Chart]:
    """Intervals, lines and markers of a column with its ``_low`` and ``_high``."""
    import altair as alt

    opacity = alt.condition(f"!({ISOLATED})", alt.value(0.06), alt.value(1))
    base = alt.Chart(_values(medians)).encode(x=x, color=_color(labels, looks), opacity=opacity)
    tips = [alt.Tooltip(f"{name}:N") for name in ("label", "gap", "lr", "solved", "interval", "steps", "tried")]
    tips.insert(2, alt.Tooltip("accuracy:Q", format=".1%", title="median accuracy"))
    bars = base.mark_rule(strokeWidth=1).encode(y=alt.Y(f"{column}_low:Q"), y2=alt.Y2(f"{column}_high:Q"))
    lines = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=_dash(labels, looks))
    shapes = alt.Shape("label:N", scale=alt.Scale(domain=labels, range=[looks[label][1] for label in labels]), legend=None)
    marks = base.mark_point(size=70, filled=True, stroke="white", strokeWidth=0.7).encode(y=y, shape=shapes, tooltip=tips)
    return [bars, lines, marks]


def _medians(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in table.to_dict("records"):
        numbers = {name: _short(row[name]) for name in ("accuracy", "accuracy_low", "accuracy_high")}
        numbers |= {"share": _short(row["solved"] / row["seeds"]), "share_low": _short(row["solved_low"])}
        numbers |= {"share_high": _short(row["solved_high"]), "x": 0.0, "gap": row["gap"], "lr": row["lr"]}
        told = {"label": row["label"], "solved": f"{row['solved']} of {row['seeds']} seeds"}
        told["interval"] = f"{100 * row['solved_low']:.0f} to {100 * row['solved_high']:.0f} % solved (95 %)"
        told["steps"] = "-" if pd.isna(row["steps_to_solve"]) else f"{row['steps_to_solve']:,.0f} to solve (median)"
        told["tried"] = f"{row['rates']} learning rate{'s' if row['rates'] > 1 else ''}"
        rows.append(numbers | told)
    return pd.DataFrame(rows)


def _gap_axis(gaps: list[int]) -> alt.X:
    import altair as alt

    low, high = min(gaps), max(gaps)
    edges = [low - 0.6 if low == 0 else low * 0.85, high * 1.15 + 0.5]
    scale = (
        alt.Scale(type="symlog", constant=4, domain=edges, nice=False)
        if low == 0
        else alt.Scale(type="log", domain=edges, nice=False)
    )
    axis = alt.Axis(values=gaps, title="gap (time steps)", format="d", grid=False, labelOverlap="greedy")
    return alt.X("x:Q", scale=scale, axis=axis)


def _chance(table: pd.DataFrame) -> alt.Chart:
    import altair as alt

    chance = table.groupby("gap")["chance_accuracy"].first().reset_index()
    rows = pd.DataFrame({"x": chance["gap"], "chance": chance["chance_accuracy"].round(4)})
    if len(rows) == 1:
        return alt.Chart(_values(rows)).mark_rule(strokeDash=[4, 3], color="black").encode(y="chance:Q")
    return alt.Chart(_values(rows)).mark_line(strokeDash=[4, 3], color="black", strokeWidth=1.2).encode(x="x:Q", y="chance:Q")


def _color(labels: list[str], looks: Looks) -> alt.Color:
    import altair as alt

    return alt.Color("label:N", scale=alt.Scale(domain=labels, range=[looks[label][0] for label in labels]), legend=None)


def _dash(labels: list[str], looks: Looks) -> alt.StrokeDash:
    import altair as alt

    return alt.StrokeDash("label:N", scale=alt.Scale(domain=labels, range=[looks[label][2] for label in labels]), legend=None)


def _values(frame: pd.DataFrame) -> alt.Data:
    """The frame as data that stands in the chart: CSV, which names each column once."""
    import altair as alt

    return alt.Data(values=frame.to_csv(index=False), format={"type": "csv"})


def _short(value: float) -> float:
    return round(float(value), 4) if not pd.isna(value) else 0.0


def _spec(chart: alt.LayerChart, height: int = 250) -> Spec:
    import altair as alt

    font = "system-ui, sans-serif"
    chart = chart.add_params(alt.param(name="only", value="")).properties(
        width="container", height=height, background="transparent"
    )
    chart = chart.configure(font=font, autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    chart = chart.configure_view(stroke=None).configure_axis(labelFontSize=11, titleFontSize=12, titleFontWeight="normal")
    spec: Spec = chart.to_dict()
    return spec
