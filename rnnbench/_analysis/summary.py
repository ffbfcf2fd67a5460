"""Summaries of finished runs: which runs are one curve, the best recipe of a curve, and statistics over its seeds.

DataFrame in, DataFrame out; never imports torch. Three rules are decided only here:

- **A seed counts once** (:func:`count_once`): rows of the same network, on whatever engine, device or number of threads, are one
  run. The later row is kept.
- **Equal conditions** (:func:`label_curves`): runs are one curve only if they share every field of the recipe except those of
  :data:`TUNED`. Labels name the fields in which a cell's runs differ, :func:`condition_notes` those in which cells differ.
- **The best recipe** (:data:`BEST_RULE`): of the tuned values tried at a gap, tables, plots and claims show the same one.

The schema's roles say what is recipe (:data:`rnnbench._study.schema.ROLES`). Columns that are not in the schema do not count.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Hashable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from rnnbench._analysis.declared import baselines, by_task, multiples
from rnnbench._analysis.scores import memory_scores
from rnnbench._analysis.statistics import bootstrap_interval, share_interval, span
from rnnbench._config import HORIZON_PER_GAP, Role, horizon_of
from rnnbench._spec.gaps import gaps_of
from rnnbench._study.schema import ROLES

FrameRow = Mapping[Hashable, Any]
"""A row of a DataFrame, as ``to_dict("records")`` returns it."""
CURVE = ["task", "cell", "label"]
"""The columns that identify a curve, once :func:`label_curves` has named it."""

SPANS = ["span", "smallest_gap", "largest_gap"]
"""The columns of a curve's span, in time steps."""

TUNED = ("lr",)
"""The fields that a cell is tuned in: a curve shows, at each gap, the best of the values tried."""

BEST_RULE = "best of the rates tried: largest share of seeds solved, then the higher median accuracy, fewer steps, the smaller rate"

ACCURACY_RULE = "the accuracy of the last evaluation, on held-out sequences"

CHANCE_SKILL = 0.02
"""The skill below which a cell is at chance."""

CELL_SPECIFIC = ("init", "horizon", "recurrent_clip", "cell_option", "cell_source")
"""The fields whose values belong to a cell, so that other values of another cell are not a difference in conditions."""


def fields_of_role(runs: pd.DataFrame, role: Role) -> list[str]:
    """Return the columns of runs that have a role, in the order of the frame."""
    return [str(name) for name in runs.columns if ROLES.get(str(name)) == role]


def count_once(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs without repetitions: of rows with the same task, cell, gap, seed and recipe only the last one.

    Such rows come from merged tables, from a run that was repeated, and from one network computed by two engines. Runs that differ
    in ``eval_every`` are not repetitions, because whether a run is solved depends on it.
    """
    key = fields_of_role(runs, "axis") + fields_of_role(runs, "recipe")
    texts = {name: _map_values(runs[name], lambda value: "" if pd.isna(value) else str(value)) for name in key}
    return runs[~pd.DataFrame(texts, runs.index).duplicated(keep="last")].reset_index(drop=True)


def _map_values(column: pd.Series[Any], text: Callable[[Any], str]) -> pd.Series[str]:
    """Return the text of every value; it is computed once per different value, of which a large study has few."""
    codes, values = pd.factorize(column, use_na_sentinel=False)
    texts = np.array([text(value) for value in values], dtype=object)
    return pd.Series(texts[codes], index=column.index, dtype="str")


def label_curves(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs with ``label``, the name of their curve: ``lstm``, ``rnn (orthogonal)``, ``rnn (hidden_size 512)``.

    ``informed`` is ``yes`` where the initialisation is given the gap, so that the horizon is a multiple of it, and else ``no``. A
    run whose fixed horizon equals that multiple belongs to both curves, and then has a row in each.

    A label has the cell, and what differs between the curves of that cell: its initialisation, and every field of the recipe in
    which the cell's runs of the same task differ, such as ``max_steps`` or an option. A horizon is named unless it is the default
    one, which grows with the gap. :func:`condition_notes` names what differs between cells.
    """
    runs = _in_both_arms(runs.assign(multiple=horizon_multiples(runs)))
    shown = _recipe_texts(runs)
    extra: dict[Hashable, list[str]] = {at: [] for at in runs.index}
    for field in ("init", *shown.columns):  # a cell's curves have the same initialisation in their names on every task
        groups = [runs["cell"]] if field == "init" else [runs["task"], runs["cell"]]
        texts = runs["init"].astype(str) if field == "init" else shown[field]
        differs = texts.groupby(groups).transform("nunique").gt(1) & texts.ne("")
        for at in runs.index[differs]:
            extra[at].append(texts[at] if field == "init" else f"{field.split(' ')[-1]} {texts[at]}")
    labels = [f"{cell} ({', '.join(more)})" if more else str(cell) for cell, more in zip(runs["cell"], extra.values(), strict=True)]
    return runs.assign(label=labels, informed=runs["multiple"].notna().map({True: "yes", False: "no"})).drop(columns="multiple")


def _in_both_arms(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs, and once more those with a multiple of the gap as horizon that a curve with a fixed horizon has too."""
    if "horizon" not in runs:
        return runs
    same = [name for name in fields_of_role(runs, "recipe") if name not in ("horizon", *TUNED)]
    arms = runs[["task", "cell", *same, "horizon"]].astype("string").fillna("").agg(tuple, axis=1)
    fixed = runs["multiple"].isna() & runs["horizon"].notna()
    shared = runs["multiple"].notna() & arms.isin(set(arms[fixed]))
    if not shared.any():
        return runs
    multiple = runs[["task", "cell", *same, "multiple"]].astype("string").fillna("").agg(tuple, axis=1)
    follows = runs["gap"].groupby(multiple).transform("nunique") > 1  # a multiple at a single gap is none
    made_up = shared.groupby(multiple).transform("all") & runs["multiple"].ne(HORIZON_PER_GAP)  # of several fixed horizons
    follows &= ~made_up
    runs = runs.assign(multiple=runs["multiple"].where(~shared | follows))
    both = runs[shared & follows].assign(multiple=math.nan)
    start = max(map(int, runs.index)) + 1
    return pd.concat([runs, both.set_axis(range(start, start + len(both)))])


def condition_notes(runs: pd.DataFrame) -> list[str]:
    """Return a note that names the conditions in which cells differ but their labels do not show it; none without any.

    The initialisations, and every field of the recipe that is not one of :data:`TUNED` or :data:`CELL_SPECIFIC`. A width is not
    named where most cells of the task have the same number of parameters.
    """
    runs = runs.reset_index(drop=True)  # frames put together by the caller repeat their index
    shown = _recipe_texts(runs)
    fields = [field for field in shown.columns if field.split(" ")[0] not in CELL_SPECIFIC]
    found: dict[str, list[str]] = {}
    for task, cells in runs["cell"].groupby(runs["task"]):
        for field in fields:
            if text := _different_values(shown.loc[cells.index, field], cells):
                found.setdefault(f"{field.split(' ')[-1]} {text}", []).append(str(task))
    texts = [text if len(tasks) == runs["task"].nunique() else f"{text} on {', '.join(tasks)}" for text, tasks in found.items()]
    if inits := _different_values(runs["init"].astype(str), runs["cell"]):
        texts.insert(0, f"init {inits}")
    return [f"the cells differ in: {'; '.join(texts)}"] if texts else []


def _different_values(values: pd.Series[str], cells: pd.Series[str]) -> str:
    """Return the values of cells with one value each, ``8000 (gru, lstm), 3000 (rnn)``; empty if all are equal or one is empty."""
    by_cell = values.groupby(cells).agg(["first", "nunique"])
    single = by_cell.loc[by_cell["nunique"] == 1, "first"]
    if single.nunique() < 2 or single.eq("").any():
        return ""
    return ", ".join(f"{value} ({', '.join(map(str, same.index))})" for value, same in single.groupby(single))


def _recipe_texts(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the recipe as texts, a column per field and option, without ``init`` and :data:`TUNED`."""
    found: dict[str, pd.Series[str]] = {}
    for field in fields_of_role(runs, "recipe"):
        column = runs[field]
        if field in (*TUNED, "init"):
            continue
        if field == "horizon":
            multiples = horizon_multiples(runs)
            column = column.map(_value_text).mask(multiples.notna(), multiples.map("{:g} x gap".format))
            column = column.where(~multiples.isin(multiples.mode()[:1]))  # the usual multiple of a study is not named
        if field == "hidden_size":
            column = column.where(~_equally_sized(runs))
        if field in ("option", "cell_option"):
            options = {text: json.loads(text) for text in column.unique() if isinstance(text, str) and text}
            for key in sorted({key for each in options.values() for key in each}):
                values = {text: str(each.get(key, "")) for text, each in options.items()}
                found[f"{field} {key}"] = column.map(values).fillna("")
        else:
            found[field] = _map_values(column, _value_text)
        if field == "task_source":  # of a built-in task it is empty
            own = found[field].ne("")
            found[field] = found[field].where(own | ~own.groupby(runs["task"]).transform("any"), "built in")
    return pd.DataFrame(found, index=runs.index)


def horizon_multiples(runs: pd.DataFrame) -> pd.Series[float]:
    """Return horizons as multiples of the gap that they follow, NaN where they are fixed.

    That gap is the distance that the task declares, such as tracking's length, or the largest training gap. A multiple is one of a
    recipe, or one that a cell has at several gaps. At small gaps, where several have the same horizon, it is the one of most runs.
    """
    if "multiple" in runs or "horizon" not in runs:
        return runs["multiple"] if "multiple" in runs else pd.Series(math.nan, index=runs.index)
    gaps = _largest_trained_gaps(runs)
    with_horizon = runs.assign(gap=gaps)[runs["horizon"].notna()]
    distances = by_task(with_horizon, lambda task, gap: task.horizon_gap(gap))
    distances = distances[distances.notna() & (distances != with_horizon["gap"])].astype(int)
    found = _multiples(runs, gaps)
    if len(distances):
        found = _multiples(runs.loc[distances.index], distances).reindex(runs.index).fillna(found)
    return found


def _multiples(runs: pd.DataFrame, gaps: pd.Series[int]) -> pd.Series[float]:
    """Return horizons as multiples of ``gaps``, those of a recipe or those that a cell has at several gaps; else NaN."""
    ratios = (runs["horizon"] / gaps.where(gaps > 0)).round(6).rename("ratio")
    places = pd.concat([runs[["task", "cell"]], ratios, gaps.rename("at")], axis=1).drop_duplicates()
    repeated = places.groupby(["task", "cell", "ratio"]).size()
    known = multiples() | {float(key[2]) for key in repeated[repeated > 1].index}
    equal = {per_gap: runs["horizon"] == gaps.map(partial(horizon_of, per_gap=per_gap)) for per_gap in sorted(known)}
    found = pd.Series(math.nan, index=runs.index)
    for per_gap, rows in sorted(equal.items(), key=lambda item: int(item[1].sum())):
        found = found.mask(rows, per_gap)
    return found


def _largest_trained_gaps(runs: pd.DataFrame) -> pd.Series[int]:
    """Return the largest gap of each run's training sequences, which its default horizon depends on."""
    if "train_gaps" not in runs:
        return runs["gap"]
    pairs = zip(runs["train_gaps"], runs["gap"], strict=True)
    largest = [max(gaps_of(text), default=gap) if isinstance(text, str) else gap for text, gap in pairs]
    return pd.Series(largest, index=runs.index)


def _equally_sized(runs: pd.DataFrame) -> pd.Series[bool]:
    """Return True for runs whose width follows from a number of parameters that most cells of their task share, within 5 %."""
    if "parameters" not in runs:
        return pd.Series(False, index=runs.index)
    alike = (runs["parameters"] / runs.groupby("task")["parameters"].transform("median") - 1).abs() < 0.05
    alike &= runs.groupby(["task", "cell"])["hidden_size"].transform("nunique") == 1
    cells = runs.groupby("task")["cell"].transform("nunique")
    majority = 2 * runs["cell"].where(alike).groupby(runs["task"]).transform("nunique") > cells
    return alike & majority & (runs.groupby("task")["hidden_size"].transform("nunique") > 1)


def _value_text(value: float | str | None) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, float):
        return f"{value:g}"
    return str(value)[:8] if isinstance(value, str) and len(value) >= 32 else str(value)  # a digest


def rank_key(share: float, accuracy: float, steps: float, lr: float) -> tuple[float, float, float, float]:
    """Return the sort key of a recipe by :data:`BEST_RULE`; the smallest is the best. NaN for steps: no seed solved it.

    The share of seeds is used, not their count, because recipes may have different numbers of seeds.
    """
    return -share, -accuracy, math.inf if math.isnan(steps) else steps, lr


def summarise_recipes(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per curve, gap and tuned value of runs that have a ``label``, each seed once.

    Columns task, cell, label, init, gap, lr, seeds, informed (yes where the initialisation is given the gap), axis (what ``gap``
    holds, if that is not the gap for all tasks), gave_up (seeds that --give-up stopped), solved with solved_low and solved_high
    (95 %), accuracy with accuracy_low and accuracy_high (median over seeds, bootstrap, 95 %, NaN for fewer than five; a run without
    an accuracy counts as 0), chance_accuracy, steps_to_solve with steps_low and steps_high (the same, of the seeds that solved it),
    max_steps, hidden_size, parameters, state_size, seconds (medians; without evaluation where that was recorded), best (True for
    the recipe that :data:`BEST_RULE` chooses).
    """
    seconds = "train_s" if "train_s" in runs.columns and runs["train_s"].notna().any() else "wall_s"
    rows = []
    for key, group in runs.groupby([*CURVE, "gap", *TUNED]):
        solved = int((group["status"] == "solved").sum())
        steps = group.loc[group["status"] == "solved", "steps_to_solve"].astype(float).tolist()
        accuracy = group["accuracy"].fillna(0.0).tolist()
        row = dict(zip([*CURVE, "gap", *TUNED], key, strict=True)) | {"init": group["init"].iloc[0], "seeds": len(group)}
        row |= {name: group[name].iloc[0] for name in ("informed", "axis") if name in group}
        row["gave_up"] = int((group["status"] == "gave-up").sum())
        row["solved"] = solved
        row["solved_low"], row["solved_high"] = share_interval(solved, len(group))
        row["accuracy"] = float(np.median(accuracy))
        row["accuracy_low"], row["accuracy_high"] = bootstrap_interval(accuracy)
        row["chance_accuracy"] = group["chance_accuracy"].iloc[0]
        row["steps_to_solve"] = float(np.median(steps)) if solved else math.nan
        row["steps_low"], row["steps_high"] = bootstrap_interval(steps) if solved else (math.nan, math.nan)
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
    """Return the runs, each seed once, with ``label`` and ``best``, True if :data:`BEST_RULE` chooses the recipe at that gap."""
    named = label_curves(count_once(runs))
    return named.merge(summarise_recipes(named)[[*CURVE, "gap", *TUNED, "best"]], on=[*CURVE, "gap", *TUNED])


def best_runs(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of the best recipe of every curve and gap, each seed once: those of tables, plots and claims."""
    marked = mark_best(runs)
    return marked[marked["best"]].drop(columns="best").reset_index(drop=True)


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per curve and gap: :func:`summarise_recipes` at the best recipe.

    More columns: baselines (accuracies of other simple predictors, as text), rates (how many were tried at this gap), span (time
    steps, missing where not even the smallest gap is solved), smallest_gap and largest_gap (of the curve's grid; a span equal to
    largest_gap may be larger). A span has no interval: one over seeds has no width for most counts, and then covers 68 to 94 %.
    """
    every = summarise_recipes(label_curves(count_once(runs)))
    counts = every.groupby([*CURVE, "gap"])["lr"].count().rename("rates").reset_index()
    table = every[every["best"]].drop(columns="best").merge(counts, on=[*CURVE, "gap"])
    others = baselines(runs).groupby(["task", "gap"])[["name", "accuracy"]].apply(_baseline_text).to_dict()
    table["baselines"] = [others.get(place, "") for place in zip(table["task"], table["gap"], strict=True)]
    spans = []
    for key, curve in table.groupby(CURVE):
        solved = {int(gap): (int(k), int(n)) for gap, k, n in zip(curve["gap"], curve["solved"], curve["seeds"], strict=True)}
        values = (span(solved), min(solved), max(solved))
        spans.append((*key, *values))
    found = pd.DataFrame(spans, columns=[*CURVE, *SPANS]).astype(dict.fromkeys(SPANS, "Int64"))
    return table.merge(found, on=CURVE).sort_values([*CURVE, "gap"], ignore_index=True)


def _baseline_text(rows: pd.DataFrame) -> str:
    return ", ".join(f"{name} {level:.3f}" for name, level in zip(rows["name"], rows["accuracy"], strict=True))


def skill(accuracy: float, chance: float) -> float:
    """Return (accuracy - chance) / (1 - chance), clipped to [0, 1]; 0 for a run without an accuracy."""
    return 0.0 if math.isnan(accuracy) else min(1.0, max(0.0, (accuracy - chance) / (1 - chance)))


def gap_or_length(table: pd.DataFrame) -> str:
    """Return the names of what the tasks of a summary vary: ``gap``, ``length``, or ``gap or length``."""
    return " or ".join(sorted(set(table["axis"]))) if "axis" in table else "gap"


def chance_notes(table: pd.DataFrame) -> list[str]:
    """Return a note that names the curves of :func:`summarise` at chance at their smallest gap; none if there are no such curves.

    The median skill is below :data:`CHANCE_SKILL`, and no seed solved that gap.
    """
    names = [
        f"{row['label']} on {row['task']} at {row.get('axis', 'gap')} {row['gap']} with lr {row['lr']:g}"
        for row in table[table["gap"] == table["smallest_gap"]].to_dict("records")
        if not row["solved"] and skill(row["accuracy"], row["chance_accuracy"]) < CHANCE_SKILL
    ]
    axis = gap_or_length(table)
    start = f"at chance at the smallest {axis}, so the learning rate may not fit (rnnbench tune searches for a better one)"
    return [f"{start}: {', '.join(names)}"] if names else []


def spans(runs: pd.DataFrame) -> pd.DataFrame:
    """Return one row per curve: that of :func:`summarise` at its span, or at its smallest gap where not even that is solved.

    More columns: memory_score with score_low and score_high, half_gap and grid (:mod:`rnnbench._analysis.scores`). Rows are sorted
    by task, then by memory score, by span and by the accuracy at the largest gap, the best first.
    """
    table = summarise(runs)
    last = table.sort_values("gap").groupby(CURVE)["accuracy"].last().rename("last").reset_index()
    rows = table[table["gap"] == table["span"].fillna(table["smallest_gap"])].merge(last, on=CURVE)
    rows = rows.merge(memory_scores(best_runs(runs)), on=["task", "label"])
    order = rows.assign(reached=rows["span"].fillna(-1)).sort_values(
        ["task", "memory_score", "mean_skill", "reached", "last", "label"],
        ascending=[True, False, False, False, False, True],
        ignore_index=True,
    )
    return order.drop(columns=["last", "reached", "mean_skill"])


def format_span(row: FrameRow) -> str:
    """Return the span of a row as text: ``50``; ``≥ 500`` where no larger gap was tried; ``below 10``."""
    if pd.isna(row["span"]):
        return f"below {row['smallest_gap']}"
    return f"≥ {row['span']}" if row["span"] == row["largest_gap"] else str(row["span"])
