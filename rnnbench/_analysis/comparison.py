"""Comparison of two cells, with the uncertainty of their difference; p-values are corrected for the number of comparisons.

DataFrame in, DataFrame out; never imports torch.
"""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd

from rnnbench._analysis.statistics import bootstrap_interval, difference_interval, fisher_test, holm, rank_test
from rnnbench._analysis.summary import best_runs


def compare(runs: pd.DataFrame, first: str, second: str) -> pd.DataFrame:
    """Compare two cells, or two curves by label, on the same tasks and gaps.

    Returns one row per task, pair of curves and gap that both have, each at its best recipe: ``first, second`` (labels),
    ``solved_first, seeds_first, solved_second, seeds_second``, ``difference`` of the solved shares with ``low, high``
    (95 %) and ``p`` (Fisher's exact test); ``steps``, the difference of the median steps to solve of the seeds that
    solved it, with ``steps_low, steps_high`` (bootstrap over seeds, 95 %; NaN unless both have five such seeds), and
    ``steps_p`` (permutation test of ranks; seeds that did not solve it rank last). Both p are corrected over the rows (Holm),
    so a selection of fewer tasks corrects for fewer comparisons.
    """
    best = best_runs(runs)
    rows = []
    for (task, gap), group in best.groupby(["task", "gap"]):
        curves = {name: [run for _, run in group[_is_curve(group, name)].groupby("label")] for name in (first, second)}
        for a, b in product(curves[first], curves[second]):
            if a["label"].iloc[0] != b["label"].iloc[0]:
                rows.append({"task": task, "gap": gap} | _difference(a, b))
    columns = ["task", "gap", "first", "second", "solved_first", "seeds_first", "solved_second", "seeds_second"]
    columns += ["difference", "low", "high", "p", "steps", "steps_low", "steps_high", "steps_p"]
    table = pd.DataFrame(rows, columns=columns).sort_values(["task", "first", "second", "gap"], ignore_index=True)
    for p in ("p", "steps_p"):
        known = table[p].notna()
        table.loc[known, p] = holm(table.loc[known, p].tolist())
    return table


def uncompared_gaps(runs: pd.DataFrame, first: str, second: str) -> list[str]:
    """Return a text for each cell or curve and task at whose gaps only the other one has runs, as after a search for the span."""
    texts = []
    for task, group in best_runs(runs).groupby("task"):
        gaps = {name: set(group.loc[_is_curve(group, name), "gap"]) for name in (first, second)}
        for name, other in ((first, second), (second, first)):
            if gaps[name] and (missing := sorted(gaps[other] - gaps[name])):
                texts.append(f"{name} on {task} at gap {','.join(map(str, missing))}")
    return texts


def _is_curve(runs: pd.DataFrame, name: str) -> pd.Series[bool]:
    """Return True for the runs of a curve by its label, of a cell, or of a cell's initialisation: ``rnn (orthogonal)``."""
    started = runs["cell"].astype(str) + " (" + runs["init"].astype(str) + ")"
    return (runs["label"] == name) | (runs["cell"] == name) | (started == name)


def _difference(a: pd.DataFrame, b: pd.DataFrame) -> dict[str, object]:
    counts = [(int((runs["status"] == "solved").sum()), len(runs)) for runs in (a, b)]
    (k1, n1), (k2, n2) = counts
    low, high = difference_interval(k1, n1, k2, n2)
    row = {"first": a["label"].iloc[0], "second": b["label"].iloc[0]}
    row |= {"solved_first": k1, "seeds_first": n1, "solved_second": k2, "seeds_second": n2}
    row |= {"difference": k1 / n1 - k2 / n2, "low": low, "high": high, "p": fisher_test(k1, n1, k2, n2)}
    # the steps of every seed, infinite where it was not solved
    steps = [runs["steps_to_solve"].astype(float).where(runs["status"] == "solved", math.inf).tolist() for runs in (a, b)]
    row |= {"steps": math.nan, "steps_low": math.nan, "steps_high": math.nan, "steps_p": math.nan}
    if k1 and k2:
        finite = [[step for step in each if step < math.inf] for each in steps]
        row["steps"] = float(np.median(finite[0]) - np.median(finite[1]))
        row["steps_low"], row["steps_high"] = bootstrap_interval(*finite)
        row["steps_p"] = rank_test(*steps)
    return row
