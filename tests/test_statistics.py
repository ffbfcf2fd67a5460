"""Intervals and tests, compared with independent computations."""

import math

import numpy as np
import pytest

from rnnbench._analysis.statistics import (
    bootstrap_interval,
    chance_interval,
    difference_interval,
    fisher_test,
    holm,
    rank_test,
    share_interval,
    span,
)


def binomial(k: int, n: int, p: float) -> float:
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


def test_the_bounds_of_a_share_cut_off_equal_tails() -> None:
    """Each bound is the share at which fewer (or more) seeds than k, and k itself by half, have probability .025."""
    for k, n in [(0, 5), (3, 5), (5, 5), (17, 40)]:
        low, high = share_interval(k, n)
        if k > 0:
            assert sum(binomial(x, n, low) for x in range(k, n + 1)) - binomial(k, n, low) / 2 == pytest.approx(0.025, abs=1e-9)
        if k < n:
            assert sum(binomial(x, n, high) for x in range(k + 1)) - binomial(k, n, high) / 2 == pytest.approx(0.025, abs=1e-9)
    assert (share_interval(0, 5)[0], share_interval(5, 5)[1]) == (0, 1)
    assert share_interval(3, 100_000)[0] < 3e-5 < share_interval(3, 100_000)[1]


SHARES = np.linspace(0.01, 0.99, 99).tolist()


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 8, 10])
def test_the_interval_of_a_share_covers_at_least_nine_tenths_whatever_the_share(n: int) -> None:
    bounds = [share_interval(k, n) for k in range(n + 1)]
    for p in SHARES:
        assert sum(binomial(k, n, p) for k, (low, high) in enumerate(bounds) if low <= p <= high) > 0.9


@pytest.mark.parametrize("n", [3, 5])
def test_the_interval_of_a_difference_covers_at_least_nine_tenths(n: int) -> None:
    counts = [(a, b, *difference_interval(a, n, b, n)) for a in range(n + 1) for b in range(n + 1)]
    for p in SHARES[4::10]:
        for q in SHARES[4::10]:
            covered = sum(binomial(a, n, p) * binomial(b, n, q) for a, b, low, high in counts if low <= p - q <= high)
            assert covered > 0.9


def test_a_share_refuses_more_successes_than_trials() -> None:
    with pytest.raises(ValueError, match="k of n"):
        share_interval(6, 5)


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


@pytest.mark.parametrize("samples", [([0.5],), ([0.5] * 4,), ([0.1] * 9, [0.2] * 4)])
def test_fewer_than_five_seeds_have_no_interval(samples: tuple[list[float], ...]) -> None:
    assert all(math.isnan(bound) for bound in bootstrap_interval(*samples))


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_an_unsolved_seed_has_no_steps_to_resample(value: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        bootstrap_interval([1.0, 2.0, 3.0, 4.0, value])


def test_the_bootstrap_does_not_use_the_global_generator() -> None:
    before = np.random.get_state()[1].copy()
    bootstrap_interval([0.1, 0.2, 0.3, 0.4, 0.5])
    assert (np.random.get_state()[1] == before).all()


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
