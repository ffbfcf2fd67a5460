"""Facts about runs that follow from their task: baselines, lengths, and whether a horizon follows the gap.

They are read from tasks that come with rnnbench, are installed, or were given in this process. A study is never asked for code.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

import pandas as pd

from rnnbench._config import HORIZON_PER_GAP, RECIPES, horizon_of
from rnnbench._errors import UserError

if TYPE_CHECKING:
    from rnnbench.task import Task

T = TypeVar("T")


@lru_cache(maxsize=256)
def declared_task(name: str, source: str, option: str) -> Task | None:
    """Return the task of a row of ``runs.csv``; None if this process does not have it, or it has other options now."""
    from rnnbench._plugins.registry import TASKS, make_task  # imports torch

    try:
        return make_task(TASKS.get(name, source), json.loads(option or "{}"))
    except (UserError, ValueError):
        return None


@cache
def is_default_init(cell: str, init: str) -> bool:
    """Return True if a cell of rnnbench, or an installed one, has this initialisation by default."""
    from rnnbench._plugins.registry import CELLS  # imports torch

    try:
        default = CELLS.get(cell, "").cls.default_init
    except UserError:
        return False
    return init == default if default else init in ("own", "uniform")


def by_task(runs: pd.DataFrame, value: Callable[[Task, int], T]) -> pd.Series[Any]:
    """Return ``value(task, gap)`` for every run, None where the task is not known here."""
    sources = runs["task_source"].fillna("") if "task_source" in runs else pd.Series("", index=runs.index)
    options = runs["option"].fillna("{}") if "option" in runs else pd.Series("{}", index=runs.index)
    found: dict[tuple[str, str, str, int], T | None] = {}
    values = []
    for name, source, option, gap in zip(runs["task"], sources, options, runs["gap"], strict=True):
        key = (str(name), str(source), str(option), int(gap))
        if key not in found:
            task = declared_task(*key[:3])
            found[key] = None if task is None else value(task, key[3])
        values.append(found[key])
    return pd.Series(values, index=runs.index, dtype=object)


def baselines(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the baselines of the tasks of some runs: ``task, gap, name, accuracy``, each once; no rows where tasks have none.

    Runs on another axis than the gap have none, nor rows without the options of their task.
    """
    if "option" not in runs:
        return pd.DataFrame(columns=["task", "gap", "name", "accuracy"])
    runs = runs[runs["axis"] == "gap"] if "axis" in runs else runs
    first = runs.drop_duplicates([name for name in ("task", "task_source", "option", "gap") if name in runs])
    declared = by_task(first, lambda task, gap: dict(task.baselines(gap)))
    rows = [
        {"task": task, "gap": gap, "name": name, "accuracy": accuracy}
        for task, gap, found in zip(first["task"], first["gap"], declared, strict=True)
        for name, accuracy in (found or {}).items()
    ]
    return pd.DataFrame(rows, columns=["task", "gap", "name", "accuracy"]).drop_duplicates(ignore_index=True)


def multiples() -> set[float]:
    """Return the default multiples of all versions of the recipe."""
    return {HORIZON_PER_GAP, *(float(str(recipe["horizon_per_gap"])) for recipe in RECIPES.values())}


def horizon_origin(horizon: float | None, gap: int) -> str:
    """Return where the horizon of a single run comes from: the gap if it is today's default, a multiple of an earlier one."""
    found = [per_gap for per_gap in multiples() if horizon == horizon_of(gap, per_gap)]
    if HORIZON_PER_GAP in found:
        return "from the gap"
    return f"({found[0]:g} x gap)" if found else "(fixed)"
