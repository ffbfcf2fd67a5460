"""Intervals and tests, compared with independent computations."""

import math

import numpy as np
import pytest

from rnnbench._analysis.statistics import (
    bootstrap_interval,
    chance_interval,
    fisher_test,
    holm,
    newcombe_interval,
    rank_test,
    span,
    span_interval,
    wilson_interval,
)


def test_wilson_bounds_solve_their_equation() -> None:
    """Each bound p lies z standard errors of p away from the observed share."""
    for k, n in [(0, 5), (3, 5), (5, 5), (17, 40)]:
        for p in wilson_interval(k, n):
            if 0 < p < 1:
                assert abs(k / n - p) == pytest.approx(1.959963984540054 * math.sqrt(p * (1 - p) / n), rel=1e-9)
    assert wilson_interval(0, 5)[0] == 0
    assert wilson_interval(5, 5)[1] == 1


def test_wilson_refuses_more_successes_than_trials() -> None:
    with pytest.raises(ValueError, match="k of n"):
        wilson_interval(6, 5)


def test_the_chance_interval_contains_99_percent_of_guessers() -> None:
    n, p = 2000, 0.125
    low, high = chance_interval(p, n)
    inside = sum(
        math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log(1 - p))
        for k in range(math.ceil(low * n), math.floor(high * n) + 1)
    )
    assert inside == pytest.approx(0.99, abs=0.003)


def test_the_bootstrap_agrees_with_normal_theory_and_is_repeatable() -> None:
    values = np.random.default_rng(3).normal(0.6, 0.1, size=400)
    low, high = bootstrap_interval(values, statistic=np.mean)
    error = values.std() / math.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.1 * error)
    assert (low, high) == bootstrap_interval(list(values), statistic=np.mean)
    assert bootstrap_interval([0.5]) == (0.5, 0.5)
    for wrong in ([], [[]], [[1.0], []], [[1.0], [1.0], [1.0]]):
        with pytest.raises(ValueError, match="at least one"):
            bootstrap_interval(*wrong)


def test_the_bootstrap_of_a_difference_agrees_with_normal_theory() -> None:
    generator = np.random.default_rng(4)
    first, second = generator.normal(0.6, 0.1, size=300), generator.normal(0.4, 0.2, size=300)
    error = math.hypot(first.std(), second.std()) / math.sqrt(300)
    middle = first.mean() - second.mean()
    found = bootstrap_interval(first, second, statistic=np.mean)
    assert found == pytest.approx((middle - 1.96 * error, middle + 1.96 * error), abs=0.1 * error)


def test_with_five_seeds_the_interval_of_a_median_is_their_range() -> None:
    assert bootstrap_interval([0.2, 0.3, 0.5, 0.6, 0.9]) == (0.2, 0.9)


def test_the_bootstrap_does_not_use_the_global_generator() -> None:
    before = np.random.get_state()[1].copy()
    bootstrap_interval([0.1, 0.2, 0.3])
    assert (np.random.get_state()[1] == before).all()


def test_newcombe_intervals_equal_those_of_the_paper() -> None:
    """Newcombe 1998 (Interval estimation for the difference between independent proportions), table II, method 10."""
    for counts, bounds in [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
        ((10, 10, 0, 10), (0.6075, 1.0)),
    ]:
        assert newcombe_interval(*counts) == pytest.approx(bounds, abs=2e-4)


def test_fisher_counts_all_tables_that_are_at_most_as_likely() -> None:
    assert fisher_test(5, 5, 0, 5) == pytest.approx(2 / 252)
    assert fisher_test(3, 4, 1, 4) == pytest.approx(34 / 70)  # the lady tasting tea: 1 + 16 on either side
    assert fisher_test(0, 5, 0, 3) == 1
    assert fisher_test(4, 5, 1, 7) == pytest.approx(fisher_test(1, 7, 4, 5))


def test_the_rank_test_uses_all_permutations_or_random_ones() -> None:
    assert rank_test([1, 2, 3], [4, 5, 6]) == pytest.approx(2 / 20)
    assert rank_test([1, math.inf], [math.inf, 1]) == 1
    generator = np.random.default_rng(0)
    many = [rank_test(generator.normal(size=20), generator.normal(size=20)) for _ in range(8)]
    assert 0.02 < min(many) < max(many)
    assert rank_test(np.arange(20), np.arange(20) + 30) < 0.001
    with pytest.raises(ValueError, match="each"):
        rank_test([], [1])


def test_holm_multiplies_by_the_remaining_tests_and_is_monotonic() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])  # Holm's steps by hand
    assert holm([0.9, 0.8]) == [1, 1]
    assert holm([]) == []


@pytest.mark.parametrize(
    ("solved", "reach"),
    [
        ({}, None),
        ({10: (3, 5)}, None),
        ({10: (4, 5), 20: (5, 5)}, 20),
        ({20: (5, 5), 10: (5, 5), 50: (3, 5), 100: (5, 5)}, 20),  # a gap solved beyond a failed one does not count
        ({10: (0, 5), 20: (5, 5)}, None),
        ({10: (1, 1), 20: (8, 10), 50: (7, 10)}, 20),
    ],
)
def test_span_ends_before_the_first_gap_that_fails(solved: dict, reach: int | None) -> None:
    assert span(solved) == reach


@pytest.mark.parametrize(
    "solved",
    [
        {10: (5, 5), 20: (4, 5), 50: (3, 5), 100: (2, 5), 200: (1, 5)},
        {10: (3, 5), 20: (5, 5), 50: (4, 5)},
        {10: (9, 10), 20: (8, 10), 50: (6, 10)},
        {10: (1, 1), 20: (0, 1)},
        {10: (0, 5)},
        {10: (5, 5)},
    ],
)
def test_the_interval_of_a_span_equals_that_of_resampled_seeds(solved: dict) -> None:
    generator = np.random.default_rng(0)
    drawn = [
        span({gap: (int((generator.integers(n, size=n) < k).sum()), n) for gap, (k, n) in solved.items()}) or 0 for _ in range(4000)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975], method="inverted_cdf")
    assert span_interval(solved) == (low or None, high or None)
