"""The page: from frames to HTML. All text from a study is escaped, in HTML, in figures and in JSON."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

import jinja2
import matplotlib
import pandas as pd
from markupsafe import Markup
from matplotlib.figure import Figure

from rnnbench import plots
from rnnbench._analysis.declared import baselines
from rnnbench._analysis.scores import SCORE_RULE
from rnnbench._analysis.statistics import SPAN_RULE
from rnnbench._analysis.summary import (
    ACCURACY_RULE,
    BEST_RULE,
    FrameRow,
    chance_notes,
    condition_notes,
    count_once,
    fields_of_role,
    format_span,
    gap_or_length,
    mark_best,
    summarise,
)
from rnnbench._analysis.tables import INFORMED_NOTE, baseline_notes, format_state_size, place_text, tuning_notes
from rnnbench._report import text
from rnnbench._report.results import failure_sentence, gap_tables, overview_table
from rnnbench._report.sections import decided_claims, insight_figures
from rnnbench._sweep.recipes import tuning_text
from rnnbench._version import __version__
from rnnbench.plots._frames import axis_frame
from rnnbench.plots._learning import label_evaluations, split_runs
from rnnbench.plots._panels import axis_name
from rnnbench.plots._style import render

POINTS = 48
"""Largest number of evaluations in a learning curve."""
ABOUT_RUN = ("gap", "label", "seed", "best", "chance_accuracy")
"""The columns that describe the run of a learning curve."""


def altair_installed() -> bool:
    """Return True if Altair and its JavaScript, which the interactive charts need, are installed."""
    return all(find_spec(name) for name in ("altair", "vl_convert"))


def build_page(studies: list[Path], runs: pd.DataFrame, logs: pd.DataFrame | None = None, interactive: bool = True) -> str:
    """Return the HTML page of one or several studies.

    Args:
        studies: folders of the studies, for the tables of analysis commands.
        runs: their finished runs, at least one, with a ``study`` column.
        logs: their evaluations, for the learning curves.
        interactive: True for interactive charts if :func:`altair_installed`; False for SVG figures.

    Returns:
        One HTML document without external resources. The same studies give the same text.
    """
    interactive = interactive and altair_installed()
    shown = axis_frame(runs)
    table = summarise(shown)
    tasks = [str(task) for task in table["task"].unique()]
    logged = {} if logs is None else {str(task): rows for task, rows in logs.groupby("task")}
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(_read_asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    heading, overview = overview_table(shown)
    return environment.get_template("page.html").render(
        title=", ".join(str(study) for study in studies),
        version=__version__,
        studies=[_study_summary(study, rows) for study, rows in runs.groupby("study", sort=False)],
        once=len(count_once(runs)),
        seconds=float(runs["wall_s"].sum()),
        tasks=list(enumerate(tasks)),
        sentence=failure_sentence(table),
        axis=gap_or_length(table),
        overview_heading=heading,
        overview=overview,
        gap_tables=[(task, axis, shaded, text.task_text(task, runs)) for task, axis, shaded in gap_tables(table)],
        rows=_table_rows(table),
        tuning=tuning_notes(table.assign(tuning=tuning_text(table, shown, studies))),
        condition_notes=condition_notes(shown),
        several=bool(table["rates"].gt(1).any()),
        best_rule=BEST_RULE,
        score_rule=SCORE_RULE,
        span_rule=SPAN_RULE,
        accuracy_rule=ACCURACY_RULE,
        level_notes=[*baseline_notes(table), *chance_notes(table)],
        informed_note=INFORMED_NOTE,
        claims=decided_claims(studies),
        extras=[(extra, inline_svg(extra.figure, f"extra{k}")) for k, extra in enumerate(insight_figures(studies, runs))],
        conditions=text.conditions(runs),
        commands=text.sweep_commands(runs),
        interactive=interactive,
        style=Markup(_read_asset("page.css")),
        script=Markup(_read_asset("page.js")),
        **(_charts(tasks, shown, logged, runs) if interactive else _pictures(tasks, shown, logged)),
    )


def _pictures(tasks: list[str], runs: pd.DataFrame, logs: dict[str, pd.DataFrame]) -> dict[str, object]:
    """Return the template's variables of a page without charts: figures by name, and the numbers of the tasks with logs."""
    plotters = {"accuracy": plots.plot_accuracy, "solved": plots.plot_solved}
    pictures = {}
    for number, task in enumerate(tasks):
        for kind, draw in plotters.items():
            pictures[f"{kind}-{number}"] = inline_svg(draw(runs[runs["task"] == task]), f"{kind}{number}")
    learning = [number for number, task in enumerate(tasks) if task in logs]
    for number in learning:
        name = f"learning-{number}"
        pictures[name] = inline_svg(plots.plot_learning(logs[tasks[number]], runs), name)
    return {"pictures": pictures, "learning": learning}


def _charts(tasks: list[str], runs: pd.DataFrame, logs: dict[str, pd.DataFrame], given: pd.DataFrame) -> dict[str, object]:
    """Return the template's variables of a page with charts: legend, charts with their data, scripts, and gaps to choose from.

    ``given`` are the runs as they are in the studies, for the commands that reproduce them.
    """
    from rnnbench._report import charts

    marked, table = mark_best(runs), summarise(runs)
    styles = charts.vega_styles(marked)
    specs = {}
    for number, task in enumerate(tasks):
        here, rows = marked[marked["task"] == task], table[table["task"] == task]
        shown = {label: style for label, style in styles.items() if label in set(rows["label"])}
        specs[f"accuracy-{number}"] = charts.accuracy_chart(here, rows, shown, given[given["task"] == task])
        specs[f"solved-{number}"] = charts.solved_chart(rows, shown)
    gaps: dict[int, tuple[str, list[int]]] = {}
    curves: dict[str, list[list[object]]] = {}
    levels: dict[str, list[dict[str, object]]] = {}
    labels = dict(zip(marked["run_id"], marked["label"], strict=True))  # over all tasks, as in the other charts
    positions = {label: k for k, label in enumerate(styles)}
    rates = dict(zip(runs["run_id"], runs["lr"], strict=True))
    for number, task in enumerate(tasks):
        if task not in logs:
            continue
        evaluations, _ = label_evaluations(logs[task], runs)
        evaluations["label"] = evaluations["run_id"].map(labels).fillna(evaluations["label"])
        gaps[number] = axis_name(evaluations), sorted(int(gap) for gap in evaluations["gap"].unique())
        shown = {label: style for label, style in styles.items() if label in set(evaluations["label"])}
        specs[f"learning-{number}"] = charts.learning_chart(shown)
        declared = baselines(runs[runs["task"] == task])[["gap", "name", "accuracy"]].round(4)
        levels[f"learning-{number}"] = [{str(key): value for key, value in row.items()} for row in declared.to_dict("records")]
        values = {name: evaluations[name].tolist() for name in (*ABOUT_RUN, "run_id", "step", "accuracy")}
        curves[f"learning-{number}"] = []
        for run in split_runs(evaluations):
            kept = _thin_out(list(range(run.start, run.stop)))
            gap, label, seed, best, chance = (values[name][run.start] for name in ABOUT_RUN)
            about = [
                int(gap),
                positions.setdefault(str(label), len(positions)),
                int(seed),
                rates.get(values["run_id"][run.start]),
                int(best),
                round(float(chance), 4),
            ]
            steps, accuracies = [values["step"][k] for k in kept], [round(1000 * values["accuracy"][k]) for k in kept]
            curves[f"learning-{number}"].append([*about, _compress_steps(steps), accuracies])
    return {
        "legend": [(label, *style) for label, style in styles.items()],
        "learning": gaps,
        "data": _inline_json({"specs": specs, "runs": curves, "baselines": levels, "labels": list(positions)}),
        "vega": Markup(charts.vega_javascript()),
    }


def _thin_out(evaluations: list[int]) -> list[int]:
    """Return at most :data:`POINTS` evaluations of a run, including the first and the last."""
    if len(evaluations) <= POINTS:
        return evaluations
    every = -(-len(evaluations) // (POINTS - 1))
    return [*evaluations[:-1:every], evaluations[-1]]


def _compress_steps(steps: list[int]) -> list[int] | int:
    """Return the period if the steps are its multiples 1, 2, 3, ...; else the steps."""
    return steps[0] if steps == [steps[0] * (k + 1) for k in range(len(steps))] else steps


def _study_summary(study: object, rows: pd.DataFrame) -> dict[str, object]:
    machine = {name: ", ".join(map(str, rows[name].dropna().unique())) for name in fields_of_role(rows, "machine")}
    counts = rows["status"].value_counts()
    counts_text = ", ".join(f"{count:,} {status}" for status, count in counts.items())
    return {"name": str(study), "runs": len(rows), "counts": counts_text, "machine": {k: v for k, v in machine.items() if v}}


def _table_rows(table: pd.DataFrame) -> list[dict[str, str]]:
    """Return every row of the summary as texts, in the columns of the page."""
    found = []
    for row in table.to_dict("records"):
        none = pd.isna(row["steps_to_solve"])
        cells = {
            "task": row["task"],
            "curve": row["label"],
            "gap": place_text(row),
            "solved (95 %)": f"{row['solved']} of {row['seeds']} ({_interval_text(row, 'solved', 0)} %)",
            "accuracy (95 %)": f"{100 * row['accuracy']:.1f} % ({_interval_text(row, 'accuracy', 1)})",
            "chance": f"{100 * row['chance_accuracy']:.1f} %",
            "steps to solve": "-" if none else f"{row['steps_to_solve']:,.0f}",
            "span": format_span(row),
            "budget": f"{row['max_steps']:,.0f}",
            "parameters": f"{row['parameters']:,.0f}",
            "state": format_state_size(row.get("state_size")),
            "seconds": f"{row['seconds']:,.0f}",
            "lr": f"{row['lr']:g}",
        }
        found.append(cells)
    return found


def _interval_text(row: FrameRow, name: str, places: int) -> str:
    low, high = 100 * row[f"{name}_low"], 100 * row[f"{name}_high"]
    return "-" if pd.isna(low) else f"{low:.{places}f} to {high:.{places}f}"


def inline_svg(figure: Figure, name: str) -> Markup:
    """Return a figure as inline SVG: text as text, unique ids, transparent background."""
    with matplotlib.rc_context({"svg.fonttype": "none", "savefig.transparent": True, "svg.hashsalt": name}):
        text = render(figure, "svg").decode()
    text = text[text.index("<svg") :]
    text = re.sub(r' (?:d|x|y)="[^"]*"', lambda found: re.sub(r"(\.\d)\d+", r"\1", found[0]), text)  # 0.1 points are precise enough
    ids = {f'id="{found}"' for found in re.findall(r'id="([^"]+)"', text)}
    for one in sorted(ids, key=len, reverse=True):
        old = one[4:-1]
        text = (
            text.replace(f'id="{old}"', f'id="{name}-{old}"')
            .replace(f'"#{old}"', f'"#{name}-{old}"')
            .replace(f"url(#{old})", f"url(#{name}-{old})")
        )
    return Markup(text)


def _inline_json(content: object) -> Markup:
    """Return JSON that cannot end the script tag that contains it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace(">", "\\u003e").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _read_asset(name: str) -> str:
    return files("rnnbench._report").joinpath(name).read_text(encoding="utf-8")
