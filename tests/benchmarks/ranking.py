"""The ranking of the overview, checked on real runs: no cell above one that is more accurate at every gap, and few ties.

    python tests/benchmarks/ranking.py results/atlas

Prints per task the curves with a score, the inversions, and the share of tied pairs (equal scores at two decimals) among those not
at ceiling. Exits with 1 for an inversion or more than 15 % ties.
"""

from __future__ import annotations

import sys
from itertools import combinations
from pathlib import Path

import pandas as pd

from rnnbench import Study
from rnnbench._analysis.scores import CEILING
from rnnbench._analysis.summary import best_runs, spans
from rnnbench.plots._frames import axis_frame

MOST_TIES = 0.15


def inversions(runs: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return task and labels of pairs whose order by memory score contradicts the mean accuracies at every gap."""
    rows, found = spans(runs), []
    means = best_runs(runs).groupby(["task", "label", "gap"])["accuracy"].mean()
    for task, curves in rows[rows["memory_score"].notna()].groupby("task"):
        grid = [int(gap) for gap in curves["grid"].iloc[0].split()]
        for upper, lower in combinations(curves["label"], 2):  # in the order of the overview, best first
            if (means[task, lower][grid] > means[task, upper][grid]).all():
                found.append((str(task), upper, lower))
    return found


def tied_share(scores: pd.Series) -> float:
    """Return the share of pairs with equal scores at two decimals, of the pairs that are not both at ceiling."""
    pairs = [pair for pair in combinations(scores.dropna(), 2) if min(pair) < CEILING]
    return sum(f"{a:.2f}" == f"{b:.2f}" for a, b in pairs) / len(pairs) if pairs else 0.0


def main(studies: list[str]) -> int:
    runs = axis_frame(pd.concat([Study.open(Path(study)).runs() for study in studies], ignore_index=True))
    wrong = inversions(runs)
    code = 1 if wrong else 0
    for task, rows in spans(runs).groupby("task"):
        share = tied_share(rows["memory_score"])
        code = 1 if share > MOST_TIES else code
        count = sum(name == task for name, _, _ in wrong)
        print(
            f"{task}: {rows['memory_score'].notna().sum()} of {len(rows)} curves have a score, {count} inversions, ties {share:.1%}"
        )
    for task, upper, lower in wrong:
        print(f"{task}: {upper} stands above {lower}, which is more accurate at every gap")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["results/atlas"]))
