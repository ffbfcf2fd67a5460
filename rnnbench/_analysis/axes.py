"""The axis of tables and figures: the gap, the length of the sequences, or an option of the task.

DataFrame in, DataFrame out; never imports torch.
"""

from __future__ import annotations

import json
from functools import lru_cache

import pandas as pd

from rnnbench._analysis.declared import by_task, declared_task
from rnnbench._analysis.summary import horizon_multiples
from rnnbench._errors import UserError


def with_axis(runs: pd.DataFrame, axis: str) -> pd.DataFrame:
    """Return the runs with an option of the task, or the ``length``, in place of the gap, which moves to the options.

    Runs without that option are left out. Tables and figures of gaps then show it: ``pairs`` of mqar, or the length of tracking's
    sequences. The number of evaluated sequences is not compared, since it follows from that of the answers. Raises UserError if no
    run has a whole number as that option.
    """
    runs = runs.assign(multiple=horizon_multiples(runs))
    each = [json.loads(text) if isinstance(text, str) and text else {} for text in runs["option"]]
    if axis == "length":
        values = by_task(runs, lambda task, gap: task.length(gap)).tolist()
        setting = [_length_options(task, source) for task, source in _tasks(runs)]
    else:
        values = [options.get(axis) for options in each]
        setting = [frozenset({axis})] * len(each)
    whole = [type(value) is int for value in values]
    if not any(whole):
        numbers = sorted({key for options in each for key, value in options.items() if type(value) is int})
        raise UserError(f"--axis {axis}: no run has a number as option {axis!r}; there are {', '.join(numbers) or 'none'}")
    options = [
        json.dumps({key: value for key, value in one.items() if key not in keys} | {"gap": gap}, sort_keys=True)
        for one, keys, gap in zip(each, setting, runs["gap"].tolist(), strict=True)
    ]
    shown = runs.assign(gap=[value if known else 0 for value, known in zip(values, whole, strict=True)], option=options, axis=axis)
    return shown[whole].astype({"gap": "int64"}).drop(columns="eval_sequences", errors="ignore").reset_index(drop=True)


def _tasks(runs: pd.DataFrame) -> list[tuple[str, str]]:
    sources = runs["task_source"].fillna("") if "task_source" in runs else [""] * len(runs)
    return [(str(task), str(source)) for task, source in zip(runs["task"], sources, strict=True)]


@lru_cache(maxsize=64)
def _length_options(name: str, source: str) -> frozenset[str]:
    """Return the options of a task that set the length of its sequences."""
    task = declared_task(name, source, "{}")
    return frozenset(task.run_options({"length": 1_000_000}, 0)) if task is not None and task.axis == "length" else frozenset()


def with_declared_axes(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs; those of a task that varies the length, if they have one gap and several lengths, by :func:`with_axis`.

    The column ``axis`` names what ``gap`` holds then. It is added only if there is such a task.
    """
    if "axis" in runs or "option" not in runs:
        return runs
    parts = []
    for _, rows in runs.groupby("task", sort=False):
        several = rows["gap"].nunique() == 1 and rows["option"].astype("string").nunique() > 1
        task = declared_task(*_tasks(rows)[0], str(rows["option"].iloc[0] or "{}")) if several else None
        if task is not None and task.axis == "length":
            shown = with_axis(rows, "length")
            parts.append(shown if shown["gap"].nunique() > 1 else rows)
        else:
            parts.append(rows)
    if not any("axis" in rows for rows in parts):
        return runs
    parts = [rows if "axis" in rows else rows.assign(axis="gap", multiple=horizon_multiples(rows)) for rows in parts]
    return pd.concat(parts, ignore_index=True)
