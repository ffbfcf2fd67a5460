"""Texts of the page: conditions, commands, and an example of each task."""

from __future__ import annotations

import json
import shlex
from typing import NamedTuple

import pandas as pd

from rnnbench._analysis.summary import FrameRow, count_once, fields_of_role, horizon_multiples

EXAMPLE_GAP = 6
LANGUAGES = {"en": "English", "zh": "中文"}


class TaskText(NamedTuple):
    """The question of a task; empty for a task that is not installed here.

    Attributes:
        question: the question.
        examples: by language, the words of a sequence, each with its answer or "".
    """

    question: str
    examples: dict[str, list[tuple[str, str]]]


def task_text(task: str, runs: pd.DataFrame) -> TaskText:
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
        return TaskText("", {})
    examples = {LANGUAGES.get(name, name): [(word.text, word.answer or "") for word in each] for name, each in words.items()}
    return TaskText(made.question, examples)


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
