"""Statistics over seeds: intervals, tests of two samples, correction for many tests, and the span.

Everything is exact or repeatable: resampling uses a local generator with a fixed seed. Never imports torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from statistics import NormalDist

import numpy as np

SPAN_SHARE = (4, 5)
"""The share of seeds that must solve a gap for it to count as solved by the cell: at least 4 in 5."""

SPAN_RULE = "span: the largest gap of the grid up to which every gap is solved by at least 4 in 5 of the seeds"

FEWEST_VALUES = 5
"""The fewest values for which a median has an interval; at most as many are drawn as dots without bars."""

EXACT = 20_000
"""The largest number of permutations that a test enumerates; where there are more, it draws this many at random."""


@lru_cache(maxsize=4096)
def share_interval(k: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """Return the interval for a share of which k of n were seen, such as seeds solved; not for a mean over seeds.

    This is the exact interval with half of the probability of k itself (mid-P, Lancaster 1961). For 1 to 20 seeds it covers at
    least 91 %, whatever the true share; Wilson's interval covers 79 to 84 % at worst.

    >>> [round(bound, 3) for bound in share_interval(5, 5)]
    [0.549, 1.0]
    """
    _check_share(k, n)
    x = np.arange(k, n + 1)
    ways = math.lgamma(n + 1) - np.array([math.lgamma(i + 1) + math.lgamma(n - i + 1) for i in x.tolist()])  # logarithms
    weights = np.where(x == k, 0.5, 1.0)

    def bound(tail: float) -> float:
        """Return the share at which k or more are seen with this probability, k itself counting half."""
        low, high = 0.0, 1.0
        for _ in range(50):
            p = (low + high) / 2
            below = float((weights * np.exp(ways + x * math.log(p) + (n - x) * math.log1p(-p))).sum()) < tail
            low, high = (p, high) if below else (low, p)
        return (low + high) / 2

    return 0.0 if k == 0 else bound((1 - level) / 2), 1.0 if k == n else bound((1 + level) / 2)


def difference_interval(k1: int, n1: int, k2: int, n2: int, level: float = 0.95) -> tuple[float, float]:
    """Return the interval for the difference of two independent shares, k1/n1 - k2/n2 (Newcombe 1998, of his method 10 the sum).

    It combines the intervals of both shares, so it stays in [-1, 1] and has a width where they are 0 or 1. For 3 to 10 seeds it
    covers at least 92 %.

    >>> [round(bound, 3) for bound in difference_interval(5, 5, 0, 5)]
    [0.363, 1.0]
    """
    p1, p2 = k1 / n1, k2 / n2
    (low1, high1), (low2, high2) = share_interval(k1, n1, level), share_interval(k2, n2, level)
    return p1 - p2 - math.hypot(p1 - low1, high2 - p2), p1 - p2 + math.hypot(high1 - p1, p2 - low2)


def fisher_test(k1: int, n1: int, k2: int, n2: int) -> float:
    """Return the two-sided p-value of Fisher's exact test that the shares k1/n1 and k2/n2 are equal (Fisher 1935).

    >>> round(fisher_test(5, 5, 0, 5), 4)
    0.0079
    """
    _check_share(k1, n1)
    _check_share(k2, n2)
    k, n = k1 + k2, n1 + n2
    ways = {x: math.comb(n1, x) * math.comb(n2, k - x) for x in range(max(0, k - n2), min(k, n1) + 1)}
    return sum(way for way in ways.values() if way <= ways[k1]) / math.comb(n, k)


def rank_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value that two samples have one distribution: permutation of ranks (Mann & Whitney 1947).

    It is the share of permutations whose rank sums differ at least as much, of all permutations or of :data:`EXACT` random ones. A
    seed that did not solve the task counts as ``inf``.

    >>> round(rank_test([1, 2, 3, 4, 5], [6, 7, 8, 9, float("inf")]), 4)
    0.0079
    """
    if not (len(first) and len(second)):
        raise ValueError("a test of two samples needs a value in each")
    values = np.asarray([*first, *second], dtype=float)  # (n,)
    ranks = np.array([(values < value).sum() + ((values == value).sum() + 1) / 2 for value in values])  # (n,)
    n, m = len(values), len(first)
    expected = m * (n + 1) / 2
    seen = abs(ranks[:m].sum() - expected) - 1e-9
    if math.comb(n, m) <= EXACT:
        sums = np.array([ranks[list(part)].sum() for part in combinations(range(n), m)])
        return float((abs(sums - expected) >= seen).mean())
    generator = np.random.default_rng(0)
    sums = np.array([generator.permutation(ranks)[:m].sum() for _ in range(EXACT)])
    return float(((abs(sums - expected) >= seen).sum() + 1) / (EXACT + 1))


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct p-values for their number (Holm 1979): below .05, the chance of any false positive among all is below .05.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    largest = 0.0
    for done, k in enumerate(sorted(range(len(p_values)), key=lambda k: p_values[k])):
        largest = max(largest, min(1.0, (len(p_values) - done) * p_values[k]))
        corrected[k] = largest
    return corrected


def chance_interval(chance: float, answers: int, level: float = 0.99) -> tuple[float, float]:
    """Return the range of the accuracy of a guesser over ``answers`` answers, with probability ``level``.

    This is the normal approximation of the binomial. Its error is a few parts in a thousand for 1,000 answers, the fewest here.
    """
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(chance * (1 - chance) / answers)
    return max(0.0, chance - half), min(1.0, chance + half)


def bootstrap_interval(
    *samples: Sequence[float], statistic: Callable[..., np.ndarray] = np.median, level: float = 0.95, draws: int = 10_000
) -> tuple[float, float]:
    """Return the percentile bootstrap interval of a median over seeds, or of the first minus the second (Efron 1979).

    With five seeds the interval of a median is their range, which covers 94 %. With fewer values of a sample it would cover 50 to
    88 %, so both bounds are NaN. Raises ValueError for a value that is not finite, such as the steps of an unsolved run.

    >>> bootstrap_interval([0.2, 0.3, 0.5, 0.6, 0.9]), bootstrap_interval([0.2])
    ((0.2, 0.9), (nan, nan))
    """
    if not samples or not all(len(values) for values in samples) or len(samples) > 2:
        raise ValueError("an interval over seeds needs at least one value of each sample, and one or two samples")
    if not all(np.isfinite(values).all() for values in samples):
        raise ValueError("an interval over seeds needs finite values: leave out the seeds that have none, and say so")
    if min(map(len, samples)) < FEWEST_VALUES:
        return math.nan, math.nan
    return _bootstrap(tuple(tuple(map(float, values)) for values in samples), statistic, level, draws)


@lru_cache(maxsize=10_000)
def _bootstrap(
    samples: tuple[tuple[float, ...], ...], statistic: Callable[..., np.ndarray], level: float, draws: int
) -> tuple[float, float]:
    """Compute :func:`bootstrap_interval`; the figures of a report ask for the same intervals several times."""
    generator = np.random.default_rng(0)
    found = []
    for values in samples:
        seeds = np.asarray(values, dtype=float)  # (n,)
        if (seeds == seeds[0]).all():  # shortcut for equal seeds
            found.append(seeds[:1])
            continue
        found.append(statistic(seeds[generator.integers(len(seeds), size=(draws, len(seeds)))], axis=1))  # (draws,)
    difference = found[0] - found[1] if len(found) == 2 else found[0]
    low, high = np.quantile(difference, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def gap_solved(k: int, n: int) -> bool:
    """Return True if k of n seeds are enough for the gap to count as solved (:data:`SPAN_SHARE`)."""
    part, whole = SPAN_SHARE
    return n > 0 and k * whole >= n * part


def span(solved: Mapping[int, tuple[int, int]]) -> int | None:
    """Return the span in time steps (:data:`SPAN_RULE`), or None if not even the smallest gap is solved.

    ``solved`` holds, for every gap of the grid, the number of seeds that solved it, and the number of seeds.
    """
    reached = None
    for gap in sorted(solved):
        if not gap_solved(*solved[gap]):
            break
        reached = gap
    return reached


def _check_share(k: int, n: int) -> None:
    if not 0 <= k <= n or n < 1:
        raise ValueError(f"k of n must have 0 <= k <= n and n >= 1, not {k} of {n}")
