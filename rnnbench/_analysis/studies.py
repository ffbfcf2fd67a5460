"""Results of the same runs in several studies: which ones differ, and what changed from one study to another.

DataFrame in, DataFrame out; never imports torch.
"""

from __future__ import annotations

import pandas as pd

from rnnbench._analysis.summary import ACCURACY_RULE, count_once, fields_of_role

RESULT = ["status", "accuracy", "steps_to_solve"]
"""The columns in which two results of a run differ."""
SHAPE = ["option", "cell_option", "init", "hidden_size", "layers", "block", "train_gaps", "lr", "max_steps"]
"""The fields of a recipe that a run in another study is looked up by, where no run has an equal recipe."""


def _keys(runs: pd.DataFrame, columns: list[str]) -> pd.Series[str]:
    """Return the values of columns as one text per row."""
    texts = runs[columns].astype("string").fillna("")
    return pd.Series(["\x1f".join(row) for row in texts.itertuples(index=False)], index=runs.index, dtype=object)


def _results(runs: pd.DataFrame) -> pd.Series[str]:
    return _keys(runs, RESULT)


def disagreement_note(runs: pd.DataFrame) -> str | None:
    """Return a line that names the runs with two results that differ; None if there are none.

    The runs are in the order in which they were read, and :func:`rnnbench._analysis.summary.count_once` keeps the last of a run.
    """
    if runs.empty:
        return None
    key = _keys(runs, fields_of_role(runs, "axis") + fields_of_role(runs, "recipe"))
    differing = [group for _, group in runs.groupby(key, sort=False) if len(group) > 1 and _results(group).nunique() > 1]
    if not differing:
        return None
    last = differing[0].iloc[-1]
    first = differing[0][_results(differing[0]) != _results(differing[0]).iloc[-1]].iloc[-1]
    places = [name for name in ("machine", "cpu", "torch_version", "rnnbench_version", "study") if name in runs]
    place = next((name for name in places if first[name] != last[name] and first[name] and last[name]), None)
    texts = [f"{100 * row['accuracy']:.1f} %{f' on {row[place]}' if place else ''}, {row['status']}" for row in (first, last)]
    count = "1 run has" if len(differing) == 1 else f"{len(differing)} runs have"
    start = "" if len(differing) == 1 else "as "
    return f"{count} two results that differ ({start}{last['run_id']}: {texts[0]}; {texts[1]}): the one read last counts"


def pair_runs(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return one row per run that two studies have.

    Runs with equal recipes are pairs first. Of the rest, a run of each study is a pair if both are the only one with their task,
    cell, gap, seed and :data:`SHAPE`, then with their task, cell, gap, seed and options of the task. Columns: ``task, cell, init,
    gap, seed``, every column of :data:`RESULT` with ``_before`` and ``_after``, ``verdict`` (``gained`` or ``lost`` if only one of
    the studies solved it) and ``recipe``, the fields that differ, as ``beta2 0.99 -> 0.999``.
    """
    before, after = count_once(before), count_once(after)
    recipe = [name for name in fields_of_role(before, "recipe") if name in after]
    axis = fields_of_role(before, "axis")
    shape = [name for name in SHAPE if name in recipe]
    pairs: list[tuple[int, int]] = []
    left, right = before, after
    for columns in (axis + recipe, axis + shape, [*axis, "option"]):
        keys = [_keys(runs, columns) for runs in (left, right)]
        single = [key[~key.duplicated(keep=False)] for key in keys]
        there = {key: at for at, key in single[1].items()}
        found = [(at, there[key]) for at, key in single[0].items() if key in there]
        pairs += found  # type: ignore[arg-type]  # labels of a default index
        left, right = (runs.drop([pair[k] for pair in found]) for k, runs in enumerate((left, right)))
    rows = []
    for a, b in sorted(pairs):
        first, second = before.loc[a], after.loc[b]
        row = {name: second[name] for name in ("task", "cell", "init", "gap", "seed")}
        row |= {f"{name}_{when}": run[name] for name in RESULT for when, run in (("before", first), ("after", second))}
        solved = [run["status"] == "solved" for run in (first, second)]
        row["verdict"] = "" if solved[0] == solved[1] else "gained" if solved[1] else "lost"
        texts = [(name, str(first[name]), str(second[name])) for name in recipe]
        row["recipe"] = ", ".join(f"{name} {old} -> {new}" for name, old, new in texts if old != new)
        rows.append(row)
    return pd.DataFrame(rows, columns=[*("task", "cell", "init", "gap", "seed"), *PAIR_COLUMNS])


PAIR_COLUMNS = [*(f"{name}_{when}" for name in RESULT for when in ("before", "after")), "verdict", "recipe"]


def equal_results(pairs: pd.DataFrame) -> pd.Series[bool]:
    """Return True for pairs with equal status, accuracy and steps to solve."""
    before, after = (pairs[[f"{name}_{when}" for name in RESULT]].astype("string").fillna("") for when in ("before", "after"))
    return pd.Series((before.to_numpy() == after.to_numpy()).all(axis=1), index=pairs.index)


def readable_pairs(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return rows of :func:`pair_runs` as texts, one row per task, curve and gap."""
    pairs = pairs.assign(equal=equal_results(pairs))
    rows = []
    for (task, cell, init, gap), group in pairs.groupby(["task", "cell", "init", "gap"]):
        solved = [int((group[f"status_{when}"] == "solved").sum()) for when in ("before", "after")]
        accuracy = [100 * group[f"accuracy_{when}"].median() for when in ("before", "after")]
        changed = group[group["verdict"] != ""].sort_values("seed")
        rows.append(
            {
                "task": task,
                "curve": f"{cell} ({init})",
                "gap": str(gap),
                "runs": str(len(group)),
                "equal": str(int(group["equal"].sum())),
                "solved": f"{solved[0]} -> {solved[1]}",
                "acc.": f"{accuracy[0]:.1f} -> {accuracy[1]:.1f}",
                "changed": ", ".join(f"seed {row['seed']} {row['verdict']}" for row in changed.to_dict("records")) or "-",
            }
        )
    return pd.DataFrame(rows)


def pair_notes(pairs: pd.DataFrame, before: pd.DataFrame, after: pd.DataFrame) -> list[str]:
    """Return the notes below a comparison of two studies: its result, what differs between them, and what it leaves out."""
    changed = int((pairs["verdict"] != "").sum())
    notes = [f"{len(pairs)} runs in both: {int(equal_results(pairs).sum())} equal, {changed} with another verdict (solved or not)"]
    alone = [f"{len(count_once(runs)) - len(pairs)} only in the {which}" for runs, which in ((before, "first"), (after, "second"))]
    notes.append(f"not compared: runs {' and '.join(alone)} study")
    fields = [name for name in fields_of_role(before, "machine") if name in after]
    values = [(name, *(", ".join(sorted(set(runs[name].astype(str)) - {""})) for runs in (before, after))) for name in fields]
    differing = [f"{name} {old or '?'} -> {new or '?'}" for name, old, new in values if old != new]
    counts = pairs["recipe"][pairs["recipe"] != ""].value_counts()
    differing += [f"{recipe} ({count} runs)" for recipe, count in counts.head(3).items()]
    more = f"; and {len(counts) - 3} more differences of the recipe" if len(counts) > 3 else ""
    notes.append(f"between the studies: {'; '.join(differing)}{more}" if differing else "no difference of recipe or machine")
    return [
        *notes,
        "equal: same status, accuracy and steps; solved, acc.: before -> after; changed: seeds that only one study solved",
        f"acc.: {ACCURACY_RULE}, median over the runs in %",
    ]
