"""Puts the page together: frames in, HTML out. Everything that comes from a study is escaped: in the text, in figures, in JSON."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

import jinja2
import matplotlib
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from rnnbench import plots
from rnnbench._analysis.statistics import SPAN_RULE
from rnnbench._analysis.summary import BEST_RULE, FrameRow, count_once, format_span, mark_best, summarise
from rnnbench._analysis.tables import format_state_size
from rnnbench._report import charts, text
from rnnbench._report.sections import claims, extras
from rnnbench._sweep.recipes import tuning_text
from rnnbench._version import __version__
from rnnbench.plots._learning import label_evaluations
from rnnbench.plots._style import render

POINTS = 48
"""Evaluations of a run that its learning curve keeps."""


def build(studies: list[Path], runs: pd.DataFrame, logs: pd.DataFrame | None = None, interactive: bool = True) -> str:
    """The page of one or several studies.

    Args:
        studies: their folders, for what else they hold.
        runs: their finished runs, with a ``study`` column; at least one.
        logs: their evaluations, for the learning curves.
        interactive: charts that answer to the pointer, if :func:`rnnbench._report.charts.available`; else figures as SVG.

    Returns:
        One HTML document that loads nothing else, the same for the same studies.
    """
    interactive = interactive and charts.available()
    marked, table = mark_best(runs), summarise(runs)
    looks = charts.curves(marked)
    specs: dict[str, charts.Spec] = {}
    pictures: dict[str, Markup] = {}
    tasks = [str(task) for task in table["task"].unique()]
    kinds = {"accuracy": plots.plot_accuracy, "solved": plots.plot_solved, "span": plots.plot_span}
    for number, task in enumerate(tasks):
        here, rows = marked[marked["task"] == task], table[table["task"] == task]
        if interactive:
            specs[f"accuracy-{number}"] = charts.accuracy(here, rows, looks)
            specs[f"solved-{number}"] = charts.solved(rows, looks)
            specs[f"span-{number}"] = charts.span(rows, looks)
        else:
            for kind, draw in kinds.items():
                pictures[f"{kind}-{number}"] = svg(draw(runs[runs["task"] == task]), f"{kind}{number}")
    lines = learning(logs, runs, tasks, looks, interactive)
    specs |= lines.specs
    pictures |= lines.pictures
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        title=", ".join(str(study) for study in studies),
        version=__version__,
        studies=[_study(study, rows) for study, rows in runs.groupby("study", sort=False)],
        once=len(count_once(runs)),
        seconds=float(runs["wall_s"].sum()),
        tasks=list(enumerate(tasks)),
        verdicts=text.verdicts(table, runs),
        legend=[(label, *look) for label, look in looks.items()],
        rows=_table(table.assign(tuning=tuning_text(table, studies))),
        several=bool(table["rates"].gt(1).any()),
        best_rule=BEST_RULE,
        span_rule=SPAN_RULE,
        claims=claims(studies),
        extras=[(extra, svg(extra.figure, f"extra{k}")) for k, extra in enumerate(extras(studies, runs))],
        learning=lines.gaps,
        conditions=text.conditions(runs),
        commands=text.sweeps(runs),
        pictures=pictures,
        interactive=interactive,
        data=_json({"specs": specs, "runs": lines.runs, "labels": list(looks)}) if interactive else "",
        vega=Markup(charts.javascript()) if interactive else "",
        style=Markup(_asset("page.css")),
        script=Markup(_asset("page.js")),
    )


class Lines(NamedTuple):
    """The learning curves of the tasks, by number: gaps to choose from; by name, the runs in short, their charts, or figures."""

    gaps: dict[int, list[int]]
    runs: dict[str, list[list[object]]]
    specs: dict[str, charts.Spec]
    pictures: dict[str, Markup]


def learning(logs: pd.DataFrame | None, runs: pd.DataFrame, tasks: list[str], looks: charts.Looks, interactive: bool) -> Lines:
    """The learning curves of each task: gaps to choose from, and runs in short, or a figure."""
    found = Lines({}, {}, {}, {})
    for number, task in enumerate(tasks):
        here = logs[logs["task"] == task] if logs is not None else None
        if here is None or here.empty:
            continue
        name = f"learning-{number}"
        told, _ = label_evaluations(here, runs)
        found.gaps[number] = sorted(int(gap) for gap in told["gap"].unique())
        if not interactive:
            found.pictures[name] = svg(plots.plot_learning(here, runs), name)
            continue
        labels = list(looks)
        rates = dict(zip(runs["run_id"], runs["lr"], strict=True))
        found.specs[name] = charts.learning([label for label in labels if label in set(told["label"])], looks)
        found.runs[name] = [
            [
                int(run["gap"].iloc[0]),
                str(run["label"].iloc[0]),
                int(run["seed"].iloc[0]),
                rates.get(run_id),
                int(run["best"].iloc[0]),
                round(float(run["chance_accuracy"].iloc[0]), 4),
                _regular(run["step"].tolist()),
                (1000 * run["accuracy"]).round().astype(int).tolist(),
            ]
            for run_id, run in ((run_id, _thinned(run)) for run_id, run in told.groupby("run_id"))
        ]
    return found


def _thinned(run: pd.DataFrame) -> pd.DataFrame:
    """At most :data:`POINTS` evaluations of a run, the first and the last among them."""
    if len(run) <= POINTS:
        return run
    every = -(-len(run) // (POINTS - 1))
    return run[[(k % every == 0) or k == len(run) - 1 for k in range(len(run))]]


def _regular(steps: list[int]) -> list[int] | int:
    """The period, where the steps are its multiples one by one; else the steps."""
    return steps[0] if steps == [steps[0] * (k + 1) for k in range(len(steps))] else steps


def _study(study: object, rows: pd.DataFrame) -> dict[str, object]:
    machine = {
        name: ", ".join(str(value) for value in rows[name].dropna().unique())
        for name in map(str, rows)
        if name.endswith("_version")
    }
    machine["machine"] = ", ".join(str(value) for value in rows["machine"].dropna().unique()) if "machine" in rows else ""
    counts = rows["status"].value_counts()
    told = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    return {"name": str(study), "runs": len(rows), "told": told, "machine": {k: v for k, v in machine.items() if v}}


def _table(table: pd.DataFrame) -> list[dict[str, str]]:
    """Every row of the summary as texts, in the columns of the page."""
    found = []
    for row in table.to_dict("records"):
        none = pd.isna(row["steps_to_solve"])
        cells = {
            "task": row["task"],
            "curve": row["label"],
            "gap": str(row["gap"]),
            "solved (95 %)": f"{row['solved']} of {row['seeds']} ({_range(row, 'solved', 0)} %)",
            "accuracy (95 %)": f"{100 * row['accuracy']:.1f} % ({_range(row, 'accuracy', 1)})",
            "chance": f"{100 * row['chance_accuracy']:.1f} %",
            "steps to solve": "-" if none else f"{row['steps_to_solve']:,.0f}",
            "span": format_span(row),
            "budget": f"{row['max_steps']:,.0f}",
            "parameters": f"{row['parameters']:,.0f}",
            "state": format_state_size(row.get("state_size")),
            "seconds": f"{row['seconds']:,.0f}",
            "lr": f"{row['lr']:g}",
            "tuning": row["tuning"],
        }
        found.append(cells)
    return found


def _range(row: FrameRow, name: str, places: int) -> str:
    return f"{100 * row[f'{name}_low']:.{places}f} to {100 * row[f'{name}_high']:.{places}f}"


def svg(figure: Figure, name: str) -> Markup:
    """A figure to stand in the page: its text as text, its names its own, its background the page's."""
    with matplotlib.rc_context({"svg.fonttype": "none", "savefig.transparent": True, "svg.hashsalt": name}):
        text = render(figure, "svg").decode()
    text = text[text.index("<svg") :]
    text = re.sub(r' (?:d|x|y)="[^"]*"', lambda found: re.sub(r"(\.\d)\d+", r"\1", found[0]), text)  # tenths of a point are enough
    ids = {f'id="{found}"' for found in re.findall(r'id="([^"]+)"', text)}
    for one in sorted(ids, key=len, reverse=True):
        old = one[4:-1]
        text = (
            text.replace(f'id="{old}"', f'id="{name}-{old}"')
            .replace(f'"#{old}"', f'"#{name}-{old}"')
            .replace(f"url(#{old})", f"url(#{name}-{old})")
        )
    return Markup(text)


def _json(content: object) -> Markup:
    """JSON for the inside of a script tag: nothing in it can end the tag."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _asset(name: str) -> str:
    return files("rnnbench._report").joinpath(name).read_text(encoding="utf-8")
