"""Intervals: for k of n, and for an accuracy that is chance. Never imports torch."""

from __future__ import annotations

import math
from statistics import NormalDist


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
