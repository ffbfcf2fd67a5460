"""Texts of the page: verdicts, conditions, commands, and an example of each task."""

from __future__ import annotations

import json
import shlex
from typing import NamedTuple

import pandas as pd

from rnnbench._analysis.summary import FrameRow, count_once, fields_of_role, format_span, horizon_multiples

EXAMPLE_GAP = 6
LANGUAGES = {"en": "English", "zh": "中文"}


class TaskVerdict(NamedTuple):
    """The results on one task.

    Attributes:
        task: name of the task.
        question: the question of the task; empty for a task that is not installed here.
        summary: one sentence about all curves.
        curves: one sentence per curve, largest span first.
        examples: by language, the words of a sequence, each with its answer or "".
    """

    task: str
    question: str
    summary: str
    curves: list[str]
    examples: dict[str, list[tuple[str, str]]]


def task_verdicts(table: pd.DataFrame, runs: pd.DataFrame) -> list[TaskVerdict]:
    """Return the verdict of each task in the summary of these runs."""
    found = []
    for task, rows in table.groupby("task"):
        curves: list[list[FrameRow]] = [[*curve.to_dict("records")] for _, curve in rows.groupby("label")]
        curves.sort(key=lambda curve: -1 if pd.isna(curve[0]["span"]) else curve[0]["span"], reverse=True)
        question, examples = example_sequences(str(task), runs)
        sentences = [_curve_sentence(curve) for curve in curves]
        found.append(TaskVerdict(str(task), question, _summary_sentence(curves), sentences, examples))
    return found


def _spans_all_gaps(curve: list[FrameRow]) -> bool:
    """Return True if every gap tried is within the span."""
    return bool(not pd.isna(curve[0]["span"]) and curve[0]["span"] == curve[0]["largest_gap"])


def _summary_sentence(curves: list[list[FrameRow]]) -> str:
    curves = [curve for curve in curves if len(curve) > 1] or curves  # a single gap says nothing about the span
    through = [curve for curve in curves if _spans_all_gaps(curve)]
    budgets = sorted({int(row["max_steps"]) for curve in curves for row in curve})
    budget = " to ".join(f"{steps:,}" for steps in dict.fromkeys((budgets[0], budgets[-1])))
    if not through:
        return f"Within {budget} training steps no curve solves every gap tried."
    reached = sorted({(int(curve[0]["largest_gap"]), str(curve[0]["label"])) for curve in through}, reverse=True)
    names = _join([label if gap == reached[0][0] else f"{label} (to gap {gap})" for gap, label in reached])
    text = (
        f"Within {budget} training steps {names} {'solves' if len(through) == 1 else 'solve'} every gap tried, to {reached[0][0]}"
    )
    rest = len(curves) - len(through)
    return text + (
        f"; the other {rest} of {len(curves)} curves fall short." if rest > 1 else "; one curve falls short." if rest else "."
    )


def _curve_sentence(curve: list[FrameRow]) -> str:
    first = curve[0]
    if _spans_all_gaps(curve):
        steps = [row["steps_to_solve"] for row in curve if not pd.isna(row["steps_to_solve"])]
        pace = f"{min(steps):,.0f}" if min(steps) == max(steps) else f"{min(steps):,.0f} to {max(steps):,.0f}"
        return f"{first['label']}: span at least {first['span']}, the largest gap tried; solved in {pace} steps (medians by gap)."
    short: FrameRow = first if pd.isna(first["span"]) else next(row for row in curve if row["gap"] > first["span"])
    reached = f"{100 * short['accuracy']:.1f} % right (median), chance {100 * short['chance_accuracy']:.1f} %"
    counts = f"{short['solved']} of {short['seeds']} seeds solve it"
    text = f"{first['label']}: span {format_span(first)}; at gap {short['gap']}, {counts}"
    return f"{text}, {reached}, after {short['max_steps']:,.0f} steps."


def _join(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def example_sequences(task: str, runs: pd.DataFrame) -> tuple[str, dict[str, list[tuple[str, str]]]]:
    """Return the question of a task, and one short sequence in each of its languages; empty for an unknown task."""
    import torch

    from rnnbench._errors import UserError
    from rnnbench._plugins.registry import TASKS, make_task

    first = runs[runs["task"] == task].iloc[0]
    try:
        made = make_task(TASKS.get(task, first.get("task_source", "")), json.loads(first["option"] or "{}"))
        gap = max(EXAMPLE_GAP, made.min_gap)
        made.check_gap(gap)
        batch = made.draw(gap, 1, torch.Generator().manual_seed(0), "eval")
        words = {language: made.words(batch, 0, language) for language in made.languages}
    except (UserError, ValueError):  # a plug-in's task that is not on this machine, or options of another version
        return "", {}
    return made.question, {
        LANGUAGES.get(language, language): [(word.text, word.answer or "") for word in each] for language, each in words.items()
    }


class Condition(NamedTuple):
    """A field of the recipe, its values in each study, and whether they differ."""

    field: str
    values: list[str]
    differs: bool


def conditions(runs: pd.DataFrame) -> list[Condition]:
    """Return the fields of the recipe with their values by study; fields with several values first."""
    found = []
    studies = [rows for _, rows in runs.groupby("study", sort=False)]
    fields = [*fields_of_role(runs, "recipe"), *fields_of_role(runs, "speed")]
    for field in fields:
        values = [_list_values(rows[field]) for rows in studies]
        found.append(Condition(field, values, runs[field].astype("string").fillna("").nunique() > 1))
    return sorted(found, key=lambda condition: not condition.differs)


def _list_values(column: pd.Series[str]) -> str:
    texts = [_plain(value) for value in pd.unique(column.dropna())]
    shown = sorted(texts, key=lambda text: (len(text), text))
    return ", ".join(shown[:8]) + (f" and {len(shown) - 8} more" if len(shown) > 8 else "") or "-"


def _plain(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def recipe_flags(row: FrameRow, fields: list[str]) -> str:
    """Return the flags of a run's recipe, with every field, so that they do not depend on defaults."""
    words = []
    for field in fields:
        value = row[field]
        flag = "--" + field.replace("_", "-")
        if field in ("option", "cell_option"):
            words += [f"{flag} {shlex.quote(f'{key}={_option_text(each)}')}" for key, each in json.loads(value or "{}").items()]
        elif str(value) in ("True", "False"):
            words += [flag] if str(value) == "True" else []
        elif not (pd.isna(value) or value == "" or field.endswith("_source")):
            words.append(f"{flag} {shlex.quote(_plain(value))}")
    return " ".join(words)


def _option_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def sweep_commands(runs: pd.DataFrame) -> list[str]:
    """Return commands that reproduce the runs: a sweep per set of runs that differ only in gap, seed and learning rate."""
    shown = count_once(runs)
    fields = [field for field in fields_of_role(shown, "recipe") if field != "lr"]
    if "horizon" in shown:  # one horizon per gap, which one sweep can have
        multiples = horizon_multiples(shown)
        shown = shown.assign(horizon=shown["horizon"].mask(multiples.notna()), horizon_per_gap=multiples)
        fields.append("horizon_per_gap")
    found = []
    for _, rows in shown.groupby(["task", "cell", *fields], dropna=False, sort=False):
        axes = {name: ",".join(_plain(value) for value in sorted(rows[name].unique())) for name in ("gap", "seed", "lr")}
        first = rows.iloc[0].to_dict()
        start = f"rnnbench sweep --cell {shlex.quote(str(first['cell']))} --task {shlex.quote(str(first['task']))}"
        found.append(f"{start} --gap {axes['gap']} --seed {axes['seed']} --lr {axes['lr']} {recipe_flags(first, fields)}")
    return found
