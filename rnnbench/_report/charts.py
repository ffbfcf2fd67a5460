"""Interactive charts of the page: Vega-Lite specifications made with Altair.

Every chart has a parameter ``only``, the label selected in the legend, or "" for all. The charts need the extra
``rnnbench[report]``; :func:`altair_installed` returns True if it is installed.
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
from rnnbench._report.text import recipe_flags
from rnnbench.plots._panels import dodge
from rnnbench.plots._style import DASHES, Marker, cell_styles, number_curves

if TYPE_CHECKING:
    from collections.abc import Callable

    import altair as alt

ISOLATED = "only == '' || datum.label == only"
Spec = dict[str, object]
"""A Vega-Lite specification as JSON."""
VegaStyles = dict[str, tuple[str, str, list[int]]]
"""Colour, shape and dash of every curve by its label."""


def altair_installed() -> bool:
    """Return True if Altair and its JavaScript are installed."""
    return all(importlib.util.find_spec(name) for name in ("altair", "vl_convert"))


def vega_javascript() -> str:
    """Return the JavaScript of Vega, Vega-Lite and Vega-Embed, safe inside a script tag."""
    import vl_convert

    bundle = cast("Callable[[], str]", vl_convert.javascript_bundle)  # its stub requires an argument that has a default
    return bundle().replace("</script", "<\\/script").replace("<!--", "<\\!--")


def marker_path(marker: Marker) -> str:
    """Return a matplotlib marker as an SVG path between -1 and 1, the format of custom shapes in Vega."""
    drawn = MarkerStyle(marker)
    larger = drawn.get_transform() + Affine2D().scale(9)  # a larger circle gets enough corners
    (corners,) = larger.transform_path(drawn.get_path()).to_polygons()
    corners = np.asarray(corners) / np.abs(corners).max()
    return "M" + "L".join(f"{x:.2f},{-y:.2f}" for x, y in corners[:-1]) + "Z"


def vega_styles(frame: pd.DataFrame) -> VegaStyles:
    """Return colour, shape and dash of every curve by its label, as in the figures."""
    styles = cell_styles(str(cell) for cell in frame["cell"])
    dashes = ([1, 0], [6, 3], [2, 2], [6, 2, 2, 2], [8, 2, 2, 2, 2, 2], [1, 4])
    assert len(dashes) == len(DASHES)
    return {
        label: (styles[cell][0], marker_path(styles[cell][1]), dashes[k % len(dashes)]) for cell, label, k in number_curves(frame)
    }


def accuracy_chart(marked: pd.DataFrame, table: pd.DataFrame, styles: VegaStyles) -> Spec:
    """Return the chart of accuracy against the gap for one task: medians with intervals, and a dot per run.

    Args:
        marked: runs of one task from :func:`rnnbench._analysis.summary.mark_best`.
        table: summary of the same task from :func:`rnnbench._analysis.summary.summarise`.
        styles: styles from :func:`vega_styles`.
    """
    import altair as alt

    labels = [label for label in styles if label in set(table["label"])]
    fields = fields_of_role(marked, "recipe")
    recipes: dict[str, int] = {}
    rows = []
    for run in marked.to_dict("records"):
        flags = f"--cell {shlex.quote(str(run['cell']))} {{}} {recipe_flags(run, fields)}"
        recipe = recipes.setdefault(flags, len(recipes))
        row = {"label": run["label"], "gap": run["gap"], "x": 0.0, "seed": run["seed"], "accuracy": _round(run["accuracy"])}
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
        alt.Chart(_inline_data(dots))
        .transform_calculate(repeat=again)
        .mark_circle(size=34)
        .encode(
            x=x,
            y=y,
            color=_color(labels, styles),
            opacity=alt.OpacityValue(
                0.4, condition=[{"test": f"!({ISOLATED})", "value": 0.02}, {"test": "datum.faint == 1", "value": 0.13}]
            ),
            tooltip=run_tips,
        )
    )
    return _spec(alt.layer(_chance(table), points, *_curve_layers(medians, labels, styles, y, x, "accuracy")))


def solved_chart(table: pd.DataFrame, styles: VegaStyles) -> Spec:
    """Return the chart of the share of seeds that solved each gap of one task, with Wilson intervals."""
    import altair as alt

    labels = [label for label in styles if label in set(table["label"])]
    medians = _medians(table)
    for k, label in enumerate(labels):
        here = medians["label"] == label
        medians.loc[here, "x"] = dodge(medians.loc[here, "gap"], k, len(labels)).round(3)
    y = alt.Y("share:Q", scale=alt.Scale(domain=[0, 1.02]), axis=alt.Axis(format="%", title="seeds that solved it"))
    x = _gap_axis(sorted(table["gap"].unique()))
    return _spec(alt.layer(*_curve_layers(medians, labels, styles, y, x, "share")))


def span_chart(table: pd.DataFrame, styles: VegaStyles) -> Spec:
    """Return the chart of the span of every curve of one task."""
    import altair as alt

    from rnnbench._analysis.summary import format_span

    rows = table.drop_duplicates("label")
    labels = [label for label in styles if label in set(rows["label"])]
    bars = pd.DataFrame(
        {"label": row["label"], "span": 0 if pd.isna(row["span"]) else int(row["span"]), "text": format_span(row)}
        for row in rows.to_dict("records")
    )
    gaps = sorted({0, *(int(gap) for gap in table["gap"].unique())})
    scale = alt.Scale(type="symlog", constant=max(1, gaps[min(1, len(gaps) - 1)] / 2), domain=[0, 3 * gaps[-1] + 1], nice=False)
    base = alt.Chart(_inline_data(bars)).encode(
        y=alt.Y("label:N", sort=labels, title=None, axis=alt.Axis(labelLimit=170)),
        x=alt.X("span:Q", scale=scale, title="span (time steps)", axis=alt.Axis(values=gaps, labelOverlap="greedy")),
        opacity=alt.condition(f"!({ISOLATED})", alt.value(0.08), alt.value(0.9)),
        tooltip=[alt.Tooltip("label:N"), alt.Tooltip("text:N", title="span")],
    )
    named = base.mark_text(align="left", dx=5).encode(text="text:N")
    return _spec(alt.layer(base.mark_bar(height=10).encode(color=_color(labels, styles)), named), height=24 * len(labels) + 20)


def learning_chart(labels: list[str], styles: VegaStyles) -> Spec:
    """Return the chart of learning curves of one task; the page adds the runs of the selected gap as data set ``runs``."""
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
        color=_color(labels, styles),
        strokeDash=_dash(labels, styles),
        detail="run:N",
        opacity=shown,
        tooltip=tips,
    )
    chance = base.mark_rule(strokeDash=[4, 3], color="black").encode(y="mean(chance):Q")
    return _spec(alt.layer(chance, lines))


def _curve_layers(medians: pd.DataFrame, labels: list[str], styles: VegaStyles, y: alt.Y, x: alt.X, column: str) -> list[alt.Chart]:
    """Return the layers of a column: intervals from ``_low`` to ``_high``, lines and markers."""
    import altair as alt

    opacity = alt.condition(f"!({ISOLATED})", alt.value(0.06), alt.value(1))
    base = alt.Chart(_inline_data(medians)).encode(x=x, color=_color(labels, styles), opacity=opacity)
    tips = [alt.Tooltip(f"{name}:N") for name in ("label", "gap", "lr", "solved", "interval", "steps", "tried")]
    tips.insert(2, alt.Tooltip("accuracy:Q", format=".1%", title="median accuracy"))
    bars = base.mark_rule(strokeWidth=1).encode(y=alt.Y(f"{column}_low:Q"), y2=alt.Y2(f"{column}_high:Q"))
    lines = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=_dash(labels, styles))
    shapes = alt.Shape("label:N", scale=alt.Scale(domain=labels, range=[styles[label][1] for label in labels]), legend=None)
    marks = base.mark_point(size=70, filled=True, stroke="white", strokeWidth=0.7).encode(y=y, shape=shapes, tooltip=tips)
    return [bars, lines, marks]


def _medians(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in table.to_dict("records"):
        numbers = {name: _round(row[name]) for name in ("accuracy", "accuracy_low", "accuracy_high")}
        numbers |= {"share": _round(row["solved"] / row["seeds"]), "share_low": _round(row["solved_low"])}
        numbers |= {"share_high": _round(row["solved_high"]), "x": 0.0, "gap": row["gap"], "lr": row["lr"]}
        texts = {"label": row["label"], "solved": f"{row['solved']} of {row['seeds']} seeds"}
        texts["interval"] = f"{100 * row['solved_low']:.0f} to {100 * row['solved_high']:.0f} % solved (95 %)"
        texts["steps"] = "-" if pd.isna(row["steps_to_solve"]) else f"{row['steps_to_solve']:,.0f} to solve (median)"
        texts["tried"] = f"{row['rates']} learning rate{'s' if row['rates'] > 1 else ''}"
        rows.append(numbers | texts)
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
        return alt.Chart(_inline_data(rows)).mark_rule(strokeDash=[4, 3], color="black").encode(y="chance:Q")
    return alt.Chart(_inline_data(rows)).mark_line(strokeDash=[4, 3], color="black", strokeWidth=1.2).encode(x="x:Q", y="chance:Q")


def _color(labels: list[str], styles: VegaStyles) -> alt.Color:
    import altair as alt

    return alt.Color("label:N", scale=alt.Scale(domain=labels, range=[styles[label][0] for label in labels]), legend=None)


def _dash(labels: list[str], styles: VegaStyles) -> alt.StrokeDash:
    import altair as alt

    return alt.StrokeDash("label:N", scale=alt.Scale(domain=labels, range=[styles[label][2] for label in labels]), legend=None)


def _inline_data(frame: pd.DataFrame) -> alt.Data:
    """Return the frame as inline data of a chart, as CSV to keep it short."""
    import altair as alt

    return alt.Data(values=frame.to_csv(index=False), format={"type": "csv"})


def _round(value: float) -> float:
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
