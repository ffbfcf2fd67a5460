"""What many seeds say together: intervals for k of n, for a mean and for chance; and the span. Never imports torch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import NormalDist

import numpy as np

SPAN_SHARE = (4, 5)
"""A gap counts as solved by a cell when at least 4 in 5 of its seeds solved it."""

SPAN_RULE = "span: the largest gap of the grid up to which every gap is solved by at least 4 in 5 of the seeds"


def wilson_interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Interval for a share of which k of n were seen (Wilson 1927): for seeds solved, never for a mean over seeds.

    Args:
        k: successes, 0 to n.
        n: trials, at least 1.
        level: confidence, between 0 and 1.

    Returns:
        The lower and upper bound, within [0, 1].
    """
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"k of n must have 0 <= k <= n and n >= 1, not {k} of {n}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    middle = (k + z * z / 2) / (n + z * z)
    half = z / (n + z * z) * math.sqrt(k * (n - k) / n + z * z / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def chance_interval(chance: float, answers: int, level: float = 0.99) -> tuple[float, float]:
    """Range in which the accuracy of a guesser falls, with probability ``level``, when counted over ``answers`` answers.

    Normal approximation of the binomial; rnnbench counts at least 1,000 answers, where it is good to a few parts in a thousand.
    """
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(chance * (1 - chance) / answers)
    return max(0.0, chance - half), min(1.0, chance + half)


def bootstrap_mean(values: Sequence[float], level: float = 0.95, draws: int = 10_000) -> tuple[float, float]:
    """Interval for a mean over seeds: percentiles of the means of seeds drawn with replacement (Efron 1979).

    Args:
        values: one number a seed, at least one; with fewer than about five seeds the interval is too narrow.
        level: confidence, between 0 and 1.
        draws: resamples.

    Returns:
        The lower and upper bound. The generator is its own and starts the same every time: the same values, the same bounds.
    """
    if not len(values):
        raise ValueError("a mean needs at least one value")
    seeds = np.asarray(values, dtype=float)
    picks = np.random.default_rng(0).integers(len(seeds), size=(draws, len(seeds)))
    low, high = np.quantile(seeds[picks].mean(axis=1), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def gap_solved(k: int, n: int) -> bool:
    """Whether k of n seeds are enough for the gap to count as solved (:data:`SPAN_SHARE`)."""
    part, whole = SPAN_SHARE
    return n > 0 and k * whole >= n * part


def span(solved: Mapping[int, tuple[int, int]]) -> int | None:
    """The span (:data:`SPAN_RULE`), in time steps.

    Args:
        solved: for every gap of the grid, how many seeds solved it, and of how many.

    Returns:
        The gap, or None if not even the smallest is solved.
    """
    reached = None
    for gap in sorted(solved):
        if not gap_solved(*solved[gap]):
            break
        reached = gap
    return reached
