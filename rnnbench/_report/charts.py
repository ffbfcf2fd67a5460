"""Interactive charts of the page: Vega-Lite specifications made with Altair.

Every chart has a parameter ``only``, the label selected in the legend, or "" for all. Only this module needs the extra
``rnnbench[report]``.
"""

from __future__ import annotations

import json
import shlex
from typing import Any, cast

import altair as alt
import numpy as np
import pandas as pd
import vl_convert
from matplotlib.markers import MarkerStyle
from matplotlib.transforms import Affine2D

from rnnbench._analysis.declared import baselines
from rnnbench._analysis.statistics import FEWEST_VALUES
from rnnbench._analysis.summary import fields_of_role
from rnnbench._report.text import recipe_flags
from rnnbench.plots._panels import axis_name, gap_label
from rnnbench.plots._style import DASHES, Marker, cell_styles, number_curves

ISOLATED = "only == '' || datum.label == only"
BASELINE: dict[str, object] = {"strokeDash": [1, 2], "color": "#737373", "strokeWidth": 1.2}
BASELINE_TEXT: dict[str, object] = {"dy": -6, "fontSize": 10, "color": "#737373"}
Spec = dict[str, object]
"""A Vega-Lite specification as JSON."""
VegaStyles = dict[str, tuple[str, str, list[int]]]
"""Colour, shape and dash of every curve by its label."""


def vega_javascript() -> str:
    """Return the JavaScript of Vega, Vega-Lite and Vega-Embed, safe inside a script tag."""
    bundle: str = cast("Any", vl_convert).javascript_bundle()  # its stub requires an argument that has a default
    return bundle.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def marker_path(marker: Marker) -> str:
    """Return a matplotlib marker as an SVG path between -1 and 1, the format of custom shapes in Vega."""
    drawn = MarkerStyle(marker)
    larger = drawn.get_transform() + Affine2D().scale(9)  # a larger circle gets enough corners
    (corners,) = larger.transform_path(drawn.get_path()).to_polygons()
    corners = np.asarray(corners) / np.abs(corners).max()
    return "M" + "L".join(f"{x:.2f},{-y:.2f}" for x, y in corners[:-1]) + "Z"


def vega_styles(frame: pd.DataFrame) -> VegaStyles:
    """Return colour, shape and dash of every curve by its label, as in the figures."""
    styles = cell_styles(frame["cell"])
    dashes = ([1, 0], [6, 3], [2, 2], [6, 2, 2, 2], [8, 2, 2, 2, 2, 2], [1, 4])
    assert len(dashes) == len(DASHES)
    return {
        label: (styles[cell][0], marker_path(styles[cell][1]), dashes[k % len(dashes)]) for cell, label, k in number_curves(frame)
    }


def dodge(gaps: pd.Series[int], k: int, count: int) -> pd.Series[float]:
    """Shift the gaps of curve ``k`` of ``count`` a little sideways, so that equal curves do not hide each other."""
    shift = 0.0 if count == 1 else 2 * k / (count - 1) - 1
    return gaps + shift * np.maximum(0.5, 0.1 * gaps)


def accuracy_chart(marked: pd.DataFrame, table: pd.DataFrame, styles: VegaStyles, runs: pd.DataFrame) -> Spec:
    """Return the chart of accuracy against the gap or length for one task: medians with intervals, and a dot per run.

    Args:
        marked: the runs of the dots.
        table: the summary of ``marked``.
        styles: the style of every curve.
        runs: the runs as they are in the study, for the commands that reproduce them.
    """
    fields = fields_of_role(runs, "recipe")
    own = {run["run_id"]: run for run in runs.to_dict("records")}
    recipes: dict[str, int] = {}
    rows = []
    for run in marked.to_dict("records"):
        flags = f"--cell {shlex.quote(str(run['cell']))} {{}} {recipe_flags(own[run['run_id']], fields)}"
        recipe = recipes.setdefault(flags, len(recipes))
        row = {"label": run["label"], "gap": run["gap"], "x": 0.0, "seed": run["seed"], "accuracy": _round(run["accuracy"])}
        row |= {"lr": run["lr"], "ended": run["status"], "steps": int(run["step"]), "run": run["run_id"], "r": recipe}
        row["own"] = own[run["run_id"]]["gap"]
        rows.append(row | {"faint": 0 if run["best"] else 1})
    task = str(marked["task"].iloc[0])
    start = json.dumps(f"rnnbench run --task {shlex.quote(task)} ")
    again = f"{start} + replace({json.dumps(list(recipes))}[datum.r], '{{}}', '--gap ' + datum.own + ' --seed ' + datum.seed)"
    faint = {"test": "datum.faint == 1", "value": 0.13}
    points = (
        alt.Chart(_inline_data(_shift_sideways(pd.DataFrame(rows), styles)))
        .transform_calculate(repeat=again)
        .mark_circle(size=34)
        .encode(
            x=_gap_axis(table),
            y=_share_axis("accuracy", "accuracy"),
            color=_channel(alt.Color, styles, 0),
            opacity=alt.OpacityValue(0.4, condition=[{"test": f"!({ISOLATED})", "value": 0.02}, faint]),
            tooltip=[
                *_place_tips(table),
                *_tips("seed"),
                alt.Tooltip("accuracy:Q", format=".1%"),
                *_tips("lr", "ended", "steps", "run", "repeat"),
            ],
        )
    )
    levels = [_chance(table), *_baselines(marked)]
    curves = alt.layer(*_curve_layers(table, styles, "accuracy", "accuracy"))
    return _spec(*(line for line, _ in levels), points, curves, *(name for _, name in levels), height=170)


def solved_chart(table: pd.DataFrame, styles: VegaStyles) -> Spec:
    """Return the chart of the share of seeds that solved each gap of one task, at (k + 1/2) / (n + 1) for k of n seeds."""
    return _spec(*_curve_layers(table, styles, "share", "seeds that solved it"))


def learning_chart(styles: VegaStyles) -> Spec:
    """Return the chart of learning curves of one task.

    The page adds the runs of the selected gap as data set ``runs``, and the task's baselines there as ``baselines``.
    """
    base = alt.Chart(alt.NamedData(name="runs"))
    strong = alt.Opacity("strong:Q", scale=alt.Scale(domain=[0, 1], range=[0.15, 0.8]), legend=None)
    tips = [*_tips("label", "seed", "lr"), alt.Tooltip("step:Q", format=","), alt.Tooltip("accuracy:Q", format=".1%")]
    lines = base.mark_line(strokeWidth=1.3).encode(
        x=alt.X("step:Q", title="training steps", scale=alt.Scale(zero=True), axis=alt.Axis(tickCount=6)),
        y=_share_axis("accuracy", "accuracy"),
        color=_channel(alt.Color, styles, 0),
        strokeDash=_channel(alt.StrokeDash, styles, 2),
        detail="run:N",
        opacity=alt.condition(f"!({ISOLATED})", alt.value(0.03), strong),
        tooltip=tips,
    )
    others = alt.Chart(alt.NamedData(name="baselines")).encode(y="accuracy:Q")
    names = others.mark_text(**BASELINE_TEXT, align="right").encode(text="name:N", x=alt.value("width"))
    chance = base.mark_rule(strokeDash=[4, 3], color="black").encode(y="mean(chance):Q")
    return _spec(chance, others.mark_rule(**BASELINE), names, lines)


def _curve_layers(table: pd.DataFrame, styles: VegaStyles, column: str, title: str) -> list[alt.Chart]:
    """Return the layers of a column: intervals from ``_low`` to ``_high``, lines and markers."""
    opacity = alt.condition(f"!({ISOLATED})", alt.value(0.06), alt.value(1))
    medians = _inline_data(_shift_sideways(_medians(table), styles))
    base = alt.Chart(medians).encode(x=_gap_axis(table), color=_channel(alt.Color, styles, 0), opacity=opacity)
    tips = [
        *_place_tips(table),
        alt.Tooltip("accuracy:Q", format=".1%", title="median accuracy"),
        *_tips("lr", "solved", "interval", "steps", "tried"),
    ]
    y = _share_axis(column, title)
    bars = base.mark_rule(strokeWidth=1).encode(y=alt.Y(f"{column}_low:Q"), y2=alt.Y2(f"{column}_high:Q"))
    lines = base.mark_line(strokeWidth=2).encode(y=y, strokeDash=_channel(alt.StrokeDash, styles, 2))
    marks = base.mark_point(size=70, filled=True, stroke="white", strokeWidth=0.7)
    return [bars, lines, marks.encode(y=y, shape=_channel(alt.Shape, styles, 1), tooltip=tips)]


def _medians(table: pd.DataFrame) -> pd.DataFrame:
    rows = []
    for row in table.to_dict("records"):
        row["share"] = (row["solved"] + 0.5) / (row["seeds"] + 1)
        numbers = {"accuracy": _round(row["accuracy"]), "share": _round(row["share"]), "x": 0.0, "gap": row["gap"], "lr": row["lr"]}
        bars = row["seeds"] > FEWEST_VALUES
        for column, bounds in (("accuracy", "accuracy"), ("share", "solved")):
            for end in ("low", "high"):  # a bar without a length where there are few seeds
                numbers[f"{column}_{end}"] = _round(row[f"{bounds}_{end}" if bars else column])
        texts = {"label": row["label"], "solved": f"{row['solved']} of {row['seeds']} seeds"}
        texts["interval"] = f"{100 * row['solved_low']:.0f} to {100 * row['solved_high']:.0f} % solved (95 %)"
        texts["steps"] = "-" if pd.isna(row["steps_to_solve"]) else f"{row['steps_to_solve']:,.0f} to solve (median)"
        texts["tried"] = f"{row['rates']} learning rate{'s' if row['rates'] > 1 else ''}"
        rows.append(numbers | texts)
    return pd.DataFrame(rows)


def _shift_sideways(frame: pd.DataFrame, styles: VegaStyles) -> pd.DataFrame:
    """Set ``x``, the place of each row, to its gap, a little sideways so that equal curves do not hide each other."""
    for k, label in enumerate(styles):
        here = frame["label"] == label
        frame.loc[here, "x"] = dodge(frame.loc[here, "gap"], k, len(styles)).round(3)
    return frame


def _gap_axis(table: pd.DataFrame) -> alt.X:
    gaps = sorted(table["gap"].unique())
    low, high = gaps[0], gaps[-1]
    edges = [low - 0.6 if low == 0 else low * 0.85, high * 1.15 + 0.5]
    kind = {"type": "symlog", "constant": 4} if low == 0 else {"type": "log"}
    axis = alt.Axis(values=gaps, title=gap_label(table), format="d", grid=False, labelOverlap="greedy")
    return alt.X("x:Q", scale=alt.Scale(**kind, domain=edges, nice=False), axis=axis)


def _share_axis(column: str, title: str) -> alt.Y:
    return alt.Y(f"{column}:Q", scale=alt.Scale(domain=[0, 1.02]), axis=alt.Axis(format="%", title=title))


def _chance(table: pd.DataFrame) -> tuple[alt.Chart, alt.LayerChart]:
    chance = table.groupby("gap")["chance_accuracy"].first()
    return _level("chance", chance, {"strokeDash": [4, 3], "color": "black", "strokeWidth": 1.2}, {"color": "black"})


def _baselines(runs: pd.DataFrame) -> list[tuple[alt.Chart, alt.LayerChart]]:
    """Return the task's baselines other than chance: a line and its name each."""
    groups = baselines(runs).groupby("name")
    return [_level(str(name), rows.groupby("gap")["accuracy"].first(), BASELINE, {}) for name, rows in groups]


def _level(
    name: str, levels: pd.Series[float], line: dict[str, object], text: dict[str, object]
) -> tuple[alt.Chart, alt.LayerChart]:
    """Return a line of levels by gap, a rule for a single one, and its name above the smallest gap, where few curves are low.

    The name has a white edge, so that it is legible on a curve.
    """
    rows = pd.DataFrame({"x": levels.index, "level": levels.round(4).to_numpy(), "name": name})
    base = alt.Chart(_inline_data(rows)).encode(y="level:Q")
    drawn = base.mark_rule(**line) if len(rows) == 1 else base.mark_line(**line).encode(x="x:Q")
    first = alt.Chart(_inline_data(rows.sort_values("x").head(1))).encode(x="x:Q", y="level:Q", text="name:N")
    words = BASELINE_TEXT | {"align": "left"}
    return drawn, first.mark_text(**words, stroke="white", strokeWidth=3) + first.mark_text(**words | text)


def _channel(channel: type, styles: VegaStyles, part: int) -> object:
    """Return an encoding of the label by one part of its style: colour, shape or dash."""
    return channel("label:N", scale=alt.Scale(domain=list(styles), range=[style[part] for style in styles.values()]), legend=None)


def _tips(*names: str) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{name}:N") for name in names]


def _place_tips(table: pd.DataFrame) -> list[alt.Tooltip]:
    """Return the tooltips of a curve's name and its gap or length."""
    return [*_tips("label"), alt.Tooltip("gap:N", title=axis_name(table))]


def _inline_data(frame: pd.DataFrame) -> alt.Data:
    """Return the frame as inline data of a chart, as CSV to keep it short."""
    return alt.Data(values=frame.to_csv(index=False), format={"type": "csv"})


def _round(value: float) -> float:
    return round(float(value), 4) if not pd.isna(value) else 0.0


def _spec(*layers: alt.Chart, height: int = 250) -> Spec:
    chart = alt.layer(*layers).add_params(alt.param(name="only", value=""))
    chart = chart.properties(width="container", height=height, background="transparent")
    chart = chart.configure(font="system-ui, sans-serif", autosize=alt.AutoSizeParams(type="fit-x", contains="padding"))
    chart = chart.configure_view(stroke=None).configure_axis(labelFontSize=11, titleFontSize=12, titleFontWeight="normal")
    spec: Spec = chart.to_dict()
    return spec
