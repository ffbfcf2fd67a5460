"""Memory scores: one number for how much a curve remembers over a grid of gaps, and the gap at which half is lost.

DataFrame in, DataFrame out; never imports torch. The skill of a run is (accuracy - chance) / (1 - chance), at least 0.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rnnbench._analysis.declared import baselines

SCORE_RULE = (
    "memory score: area under skill against log gap, divided by the width of the grid; "
    "0 is chance at every gap, 1 is perfect at every gap"
)
SCORES = ["memory_score", "score_low", "score_high", "half_gap"]
"""The columns of a curve's score; all NaN for a curve without runs at every gap of the grid."""
LOWER_BOUND = "≥ before a score: --give-up stopped some of its seeds, which count with their accuracy then"
FEWEST_SEEDS = 3
"""The fewest seeds for which a score has an interval."""
DRAWS = 4000
NEAR_HALF = 0.05
"""The distance from a skill of 1/2 within which a baseline leaves curves no half-gap."""
CEILING = 0.9995
"""A score from here on is written "at ceiling": it rounds to 1.000."""


def memory_score(skill: Mapping[int, float]) -> float:
    """Return the area under skill by gap against log gap, divided by the width of the grid; for one gap, its skill.

    Gaps below 1 do not count, since they have no logarithm.

    >>> round(memory_score({10: 1.0, 100: 1.0, 1000: 0.0}), 3)
    0.75
    """
    weights = grid_weights([gap for gap in skill if gap >= 1])
    return math.fsum(weight * skill[gap] for gap, weight in weights.items()) if weights else math.nan


def grid_weights(gaps: Sequence[int]) -> dict[int, float]:
    """Return the weight of every gap in a score: half the distance in log gap to both neighbours, so that the sum is 1."""
    grid = sorted(gaps)
    if len(grid) < 2:
        return dict.fromkeys(grid, 1.0)
    x = np.log(grid)
    edges = np.concatenate([x[:1], (x[1:] + x[:-1]) / 2, x[-1:]])
    return dict(zip(grid, (np.diff(edges) / (x[-1] - x[0])).tolist(), strict=True))


def half_gap(skill: Mapping[int, float]) -> float:
    """Return the gap at which skill first falls below 1/2, interpolated in log gap; inf if it never does, 0 if it starts there.

    >>> round(half_gap({10: 1.0, 100: 0.0}), 1)
    31.6
    """
    grid = sorted(gap for gap in skill if gap >= 1)
    for k, gap in enumerate(grid):
        if skill[gap] < 0.5:
            if k == 0:
                return 0.0
            before = grid[k - 1]
            share = (skill[before] - 0.5) / (skill[before] - skill[gap])
            return float(before * (gap / before) ** share)
    return math.inf


def levels_at_half(runs: pd.DataFrame) -> set[str]:
    """Return the tasks that have a baseline at a skill of about 1/2: on which side of it a curve lies is chance there."""
    levels = baselines(runs).merge(runs[["task", "gap", "chance_accuracy"]].drop_duplicates(), on=["task", "gap"])
    skill = (levels["accuracy"] - levels["chance_accuracy"]) / (1 - levels["chance_accuracy"])
    return set(levels.loc[(skill.astype(float) - 0.5).abs() < NEAR_HALF, "task"])


def score_interval(skills: Mapping[int, Sequence[float]], level: float = 0.95) -> tuple[float, float]:
    """Return the interval of a memory score over seeds; NaN for fewer than :data:`FEWEST_SEEDS` at a gap.

    It is a parametric bootstrap: at every gap the number of n seeds that remember is drawn with the probability
    (k + 1/2) / (n + 1), k being the sum of the skills, so that n of n seeds leave room for a failure. The gaps are independent,
    since no run belongs to two of them. It covers 90 to 100 % for curves of six shapes and 3 to 10 seeds
    (``tests/benchmarks/score_coverage.py``).

    >>> low, high = score_interval({10: [1, 1, 1], 100: [0, 0, 0]})
    >>> low < 0.5 < high
    True
    """
    weights = grid_weights([gap for gap in skills if gap >= 1])
    if not weights or min(len(skills[gap]) for gap in weights) < FEWEST_SEEDS:
        return math.nan, math.nan
    generator = np.random.default_rng(0)
    areas = np.zeros(DRAWS)
    for gap, weight in weights.items():
        k, n = math.fsum(skills[gap]), len(skills[gap])
        areas += weight * generator.binomial(n, (k + 0.5) / (n + 1), DRAWS) / n
    low, high = np.quantile(areas, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def score_grids(runs: pd.DataFrame) -> dict[str, list[int]]:
    """Return the grid of every task: the gaps above 0 at which at least half of its curves have runs."""
    grids: dict[str, list[int]] = {}
    for task, rows in runs[runs["gap"] >= 1].groupby("task"):
        counts = rows.groupby("gap")["label"].nunique()
        grids[str(task)] = [int(gap) for gap in counts.index[2 * counts >= rows["label"].nunique()]]
    return grids


def memory_scores(shown: pd.DataFrame) -> pd.DataFrame:
    """Return one row per curve of :func:`rnnbench._analysis.summary.best_runs`: task, label, :data:`SCORES` and ``grid``.

    ``grid`` holds the gaps that the score covers, as text. A curve that lacks runs at a gap of its task's grid has no score: a gap
    that was not run is never interpolated. Curves on a task of :func:`levels_at_half` have no half-gap. ``stopped`` counts its
    seeds that ``give_up`` stopped. They count with the accuracy that they had, so that the score is a lower bound, which has no
    interval. ``mean_skill`` is the score without a limit at 0, which orders curves at chance. A mean over seeds is limited, not
    every seed, so that a curve with the higher mean accuracy at every gap never has the lower score.
    """
    skill = (shown["accuracy"].fillna(0.0) - shown["chance_accuracy"]) / (1 - shown["chance_accuracy"])
    shown = shown.assign(skill=skill.clip(0.0, 1.0), raw=skill)
    grids, at_half = score_grids(shown), levels_at_half(shown)
    rows = []
    for (task, label), curve in shown.groupby(["task", "label"]):
        grid = grids.get(str(task), [])
        skills = {gap: curve.loc[curve["gap"] == gap, "skill"].tolist() for gap in grid if (curve["gap"] == gap).any()}
        row: dict[str, object] = {"task": task, "label": label, "grid": " ".join(map(str, grid))} | dict.fromkeys(SCORES, math.nan)
        row["stopped"] = int((curve.loc[curve["gap"].isin(grid), "status"] == "gave-up").sum())
        if grid and set(skills) == set(grid):
            means = curve[curve["gap"].isin(grid)].groupby("gap")["raw"].mean()
            row["memory_score"] = memory_score(dict(zip(grid, means.clip(0.0, 1.0), strict=True)))
            row["mean_skill"] = memory_score(dict(zip(grid, means, strict=True)))
            if not row["stopped"]:
                row["score_low"], row["score_high"] = score_interval(skills)
            if task not in at_half:
                row["half_gap"] = half_gap({gap: float(np.median(values)) for gap, values in skills.items()})
        rows.append(row)
    return pd.DataFrame(rows, columns=["task", "label", *SCORES, "grid", "stopped", "mean_skill"])


def format_grids(rows: pd.DataFrame) -> str:
    """Return the grids of rows of :func:`memory_scores` as text: ``copy 10 50 200; tracking (length) 8 16``."""
    axes = rows["axis"] if "axis" in rows else ["gap"] * len(rows)
    names = [task if axis == "gap" else f"{task} ({axis})" for task, axis in zip(rows["task"], axes, strict=True)]
    return "; ".join(f"{name} {grid}" for name, grid in sorted(set(zip(names, rows["grid"], strict=True))))


def format_score(row: Mapping[Hashable, Any]) -> str:
    """Return the memory score of a row as text: ``0.83``; ``at ceiling`` where it rounds to 1.000; ``-`` where there is none.

    A lower bound is written ``≥ 0.83``.
    """
    score = row["memory_score"]
    if pd.isna(score):
        return "-"
    text = "at ceiling" if score >= CEILING else f"{score:.2f}"
    return f"≥ {text}" if row["stopped"] else text


def format_half_gap(row: Mapping[Hashable, Any]) -> str:
    """Return the half-gap of a row as text: ``31``; ``above 1000`` or ``below 10`` where it lies outside the grid."""
    value, grid = row["half_gap"], str(row["grid"]).split()
    if pd.isna(value):
        return "-"
    return f"above {grid[-1]}" if value == math.inf else f"below {grid[0]}" if value == 0 else f"{value:.0f}"
