"""A study in numbers: which runs are one curve, the best recipe of a curve, and what its seeds say together.

DataFrame in, DataFrame out; never imports torch. Three rules are decided here and nowhere else:

- **A seed counts once** (:func:`count_once`): rows that measured the same network, whatever engine, device or number of threads
  computed it, are one run; the later row is kept.
- **Equal conditions** (:func:`label_curves`): runs are one curve only if they share every field of the recipe but those of
  :data:`TUNED`. Where runs of a task differ in a field, their labels name it.
- **The best recipe** (:data:`BEST_RULE`): of the tuned values tried at a gap, tables, plots and claims show the same one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from rnnbench._analysis.statistics import bootstrap_interval, span, span_interval, wilson_interval

Cells = Mapping[Hashable, Any]
"""A row of a frame, as pandas gives it: what a column holds is known to the frame alone."""
CURVE = ["task", "cell", "label"]
"""What tells one curve from another, once :func:`label_curves` has named them."""

SPANS = ["span", "span_low", "span_high", "smallest_gap", "largest_gap"]
"""Columns of a curve's span, in time steps."""

TUNED = ("lr",)
"""Fields that a cell is tuned in: a curve shows, gap by gap, the best of the values tried."""

BEST_RULE = "best of the rates tried: largest share of seeds solved, then the higher median accuracy, fewer steps, the smaller rate"

POSITION = ("task", "cell", "gap", "seed")
SPEED = ("engine", "device", "threads")
"""What changes how fast a run is, and its numbers by no more than rounding."""
OUTCOME = (
    *(
        "schema",
        "run_id",
        "study",
        "status",
        "steps_to_solve",
        "step",
        "sequences",
        "train_loss",
        "eval_loss",
        "accuracy",
        "answers",
    ),
    *("chance_accuracy", "chance_loss", "skill", "grad_norm", "parameters", "state_size", "wall_s", "train_s"),
    *("rnnbench_version", "torch_version", "numba_version", "python_version", "machine"),
)
OWN = ("init", "horizon", "cell_option", "cell_source")
"""Fields that only runs of the same cell can be compared in."""


def recipe_fields(runs: pd.DataFrame) -> list[str]:
    """The columns that belong to the recipe of a run: all but its place on the axes, its speed settings and its outcome.

    Columns that are not known here count as recipe, so that runs which differ in them are never taken for equal.
    """
    named = {*POSITION, *SPEED, *OUTCOME, "label", "best", "rates"}
    return [str(name) for name in runs.columns if name not in named]


def count_once(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs without repetitions: of rows with the same task, cell, gap, seed and recipe only the last one.

    Such rows come from merged tables, from a run that was repeated, and from one network computed by two engines. Runs that differ
    in ``eval_every`` stay: being solved depends on it, so they are curves of their own, each with its seeds counted once.
    """
    key = [name for name in POSITION if name in runs.columns] + recipe_fields(runs)
    text = runs[key].astype("string").fillna("")
    return runs[~text.duplicated(keep="last")].reset_index(drop=True)


def label_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with ``label``, the name of their curve: ``lstm (chrono)``, ``lstm (chrono, hidden_size 512)``.

    A label has the cell's initialisation, and every field of the recipe in which runs of the same task differ: ``eval_every``,
    ``max_steps``, an option. Fields of a cell's own (:data:`OWN`) are compared among its runs alone. A horizon is named where it is
    not the usual one, which grows with the gap; a width not where most cells of the task have the same number of parameters.
    """
    shown = _comparable(runs)
    extra: dict[Hashable, list[str]] = {at: [] for at in runs.index}
    for field in shown.columns:
        groups = [runs["task"], runs["cell"]] if field.split(" ")[0] in OWN else [runs["task"]]
        differs = shown[field].groupby(groups).transform("nunique").gt(1) & shown[field].ne("")
        for at in runs.index[differs]:
            extra[at].append(f"{field.split(' ')[-1]} {shown[field][at]}")
    labels = [
        f"{cell} ({', '.join([str(init), *more])})"
        for cell, init, more in zip(runs["cell"], runs["init"], extra.values(), strict=True)
    ]
    return runs.assign(label=labels)


def _comparable(runs: pd.DataFrame) -> pd.DataFrame:
    """The recipe as texts, a column per field and option; without what is shown anyway and what a curve is tuned in."""
    found: dict[str, pd.Series[str]] = {}
    for field in recipe_fields(runs):
        column = runs[field]
        if field in (*TUNED, "init"):
            continue
        if field == "horizon":
            usual = np.maximum(10 * runs["gap"], 20)
            column = column.where(column != usual)
        if field == "hidden_size":
            column = column.where(~_of_one_size(runs))
        if field in ("option", "cell_option"):
            each = [json.loads(text) if isinstance(text, str) and text else {} for text in column]
            for key in sorted({key for options in each for key in options}):
                values = [str(options.get(key, "")) for options in each]
                found[f"{field} {key}"] = pd.Series(values, index=runs.index)
        else:
            found[field] = pd.Series([_text(value) for value in column], index=runs.index)
    return pd.DataFrame(found, index=runs.index)


def _of_one_size(runs: pd.DataFrame) -> pd.Series[bool]:
    """Which runs have a width that follows from a number of parameters that most cells of their task share, within 5 %."""
    if "parameters" not in runs:
        return pd.Series(False, index=runs.index)
    alike = (runs["parameters"] / runs.groupby("task")["parameters"].transform("median") - 1).abs() < 0.05
    alike &= runs.groupby(["task", "cell"])["hidden_size"].transform("nunique") == 1
    cells = runs.groupby("task")["cell"].transform("nunique")
    most = 2 * runs["cell"].where(alike).groupby(runs["task"]).transform("nunique") > cells
    return alike & most & (runs.groupby("task")["hidden_size"].transform("nunique") > 1)


def _text(value: float | str | None) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:8] if isinstance(value, str) and len(value) >= 32 else str(value)  # a digest


def rank_key(share: float, accuracy: float, steps: float, lr: float) -> tuple[float, float, float, float]:
    """Sort key of a recipe by :data:`BEST_RULE`; the least is the best. NaN for steps: no seed solved it.

    A share and not a count: recipes may have been run on different numbers of seeds.
    """
    return -share, -accuracy, math.inf if math.isnan(steps) else steps, lr


def tried(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per curve, gap and tuned value.

    Args:
        runs: rows of :func:`rnnbench.Study.runs`, each seed once and labelled.

    Returns:
        Columns task, cell, label, init, gap, lr, seeds, solved with solved_low and solved_high (Wilson, 95 %), accuracy with
        accuracy_low and accuracy_high (median over seeds, bootstrap, 95 %; a run without an accuracy counts as 0), chance_accuracy,
        steps_to_solve with steps_low and steps_high (the same, of the seeds that solved it; NaN if none), max_steps, hidden_size,
        parameters, state_size, seconds (medians; of the training alone where that was recorded), best (whether
        :data:`BEST_RULE` shows it).
    """
    seconds = "train_s" if "train_s" in runs.columns and runs["train_s"].notna().any() else "wall_s"
    rows = []
    for key, group in runs.groupby([*CURVE, "gap", *TUNED]):
        solved = int((group["status"] == "solved").sum())
        steps = group.loc[group["status"] == "solved", "steps_to_solve"].astype(float).tolist()
        accuracy = group["accuracy"].fillna(0.0).tolist()
        row = dict(zip([*CURVE, "gap", *TUNED], key, strict=True)) | {"init": group["init"].iloc[0], "seeds": len(group)}
        row |= {"solved": solved} | dict(zip(("solved_low", "solved_high"), wilson_interval(solved, len(group)), strict=True))
        row |= {"accuracy": float(np.median(accuracy))}
        row |= dict(zip(("accuracy_low", "accuracy_high"), bootstrap_interval(accuracy), strict=True))
        row |= {"chance_accuracy": group["chance_accuracy"].iloc[0]}
        row |= {"steps_to_solve": float(np.median(steps)) if solved else math.nan}
        bounds = bootstrap_interval(steps) if solved else (math.nan, math.nan)
        row |= dict(zip(("steps_low", "steps_high"), bounds, strict=True))
        for name in ("max_steps", "hidden_size", "parameters", "state_size"):
            if name in group:
                row[name] = group[name].median()
        if seconds in group:
            row["seconds"] = group[seconds].median()
        rows.append(row)
    table = pd.DataFrame(rows)
    columns = table[["solved", "seeds", "accuracy", "steps_to_solve", "lr"]].itertuples(index=False, name=None)
    order = [rank_key(solved / seeds, *numbers) for solved, seeds, *numbers in columns]
    table["best"] = False
    for _, group in table.groupby([*CURVE, "gap"]):
        table.loc[min(group.index, key=lambda at: order[at]), "best"] = True
    return table


def mark_best(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, each seed once, with ``label`` and ``best``: whether :data:`BEST_RULE` shows the run's recipe at its gap."""
    named = label_curves(count_once(runs))
    return named.merge(tried(named)[[*CURVE, "gap", *TUNED, "best"]], on=[*CURVE, "gap", *TUNED])


def best_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs of the best recipe of every curve and gap, each seed once: what tables, plots and claims speak of."""
    marked = mark_best(runs)
    return marked[marked["best"]].drop(columns="best").reset_index(drop=True)


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per curve and gap: :func:`tried` at the best recipe.

    Args:
        runs: rows of :func:`rnnbench.Study.runs`.

    Returns:
        Columns of :func:`tried` but ``best``, and: rates (how many were tried at this gap), span (time steps, missing where not
        even the smallest gap is solved) with span_low and span_high (bootstrap over seeds, 95 %), smallest_gap and largest_gap (of
        the curve's grid: a span as large as this may be larger).
    """
    every = tried(label_curves(count_once(runs)))
    counts = every.groupby([*CURVE, "gap"])["lr"].count().rename("rates").reset_index()
    table = every[every["best"]].drop(columns="best").merge(counts, on=[*CURVE, "gap"])
    spans = []
    for key, curve in table.groupby(CURVE):
        solved = {int(gap): (int(k), int(n)) for gap, k, n in zip(curve["gap"], curve["solved"], curve["seeds"], strict=True)}
        values = (span(solved), *span_interval(solved), min(solved), max(solved))
        spans.append((*key, *values))
    found = pd.DataFrame(spans, columns=[*CURVE, *SPANS]).astype(dict.fromkeys(SPANS, "Int64"))
    return table.merge(found, on=CURVE).sort_values([*CURVE, "gap"], ignore_index=True)


def spans(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per curve: how far back it remembers.

    Args:
        runs: rows of :func:`rnnbench.Study.runs`.

    Returns:
        The row of :func:`summarise` at the curve's span, or at its smallest gap where not even that is solved; sorted by task, then
        by span and by the accuracy at the largest gap, the longest first.
    """
    table = summarise(runs)
    last = table.sort_values("gap").groupby(CURVE)["accuracy"].last().rename("last").reset_index()
    rows = table[table["gap"] == table["span"].fillna(table["smallest_gap"])].merge(last, on=CURVE)
    order = rows.assign(reached=rows["span"].fillna(-1)).sort_values(
        ["task", "reached", "last", "label"], ascending=[True, False, False, True], ignore_index=True
    )
    return order.drop(columns=["last", "reached"])


def span_text(row: Cells, of: str = "span") -> str:
    """The span of a row of :func:`summarise`, or a bound of it, in words.

    ``50``; ``≥ 500`` where no larger gap was tried; ``below 10``.
    """
    if pd.isna(row[of]):
        return f"below {row['smallest_gap']}"
    return f"≥ {row[of]}" if row[of] == row["largest_gap"] else str(row[of])
