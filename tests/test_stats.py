"""Intervals against independent computations."""

import math

import numpy as np
import pytest

from rnnbench.stats import bootstrap_mean, chance_interval, span, wilson_interval


def test_wilson_bounds_solve_their_equation() -> None:
    """Each bound p is where the seen share lies z standard errors of p away."""
    for k, n in [(0, 5), (3, 5), (5, 5), (17, 40)]:
        for p in wilson_interval(k, n):
            if 0 < p < 1:
                assert abs(k / n - p) == pytest.approx(1.959963984540054 * math.sqrt(p * (1 - p) / n), rel=1e-9)
    assert wilson_interval(0, 5)[0] == 0
    assert wilson_interval(5, 5)[1] == 1


def test_wilson_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="k of n"):
        wilson_interval(6, 5)


def test_chance_interval_holds_the_promised_share_of_guessers() -> None:
    n, p = 2000, 0.125
    low, high = chance_interval(p, n)
    inside = sum(
        math.exp(math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1) + k * math.log(p) + (n - k) * math.log(1 - p))
        for k in range(math.ceil(low * n), math.floor(high * n) + 1)
    )
    assert inside == pytest.approx(0.99, abs=0.003)


def test_bootstrap_agrees_with_the_normal_theory_and_with_itself() -> None:
    values = np.random.default_rng(3).normal(0.6, 0.1, size=400)
    low, high = bootstrap_mean(values)
    error = values.std() / math.sqrt(len(values))
    assert (low, high) == pytest.approx((values.mean() - 1.96 * error, values.mean() + 1.96 * error), abs=0.1 * error)
    assert (low, high) == bootstrap_mean(list(values))
    assert bootstrap_mean([0.5]) == (0.5, 0.5)
    with pytest.raises(ValueError, match="at least one"):
        bootstrap_mean([])


def test_bootstrap_leaves_the_global_generator_alone() -> None:
    before = np.random.get_state()[1].copy()
    bootstrap_mean([0.1, 0.2, 0.3])
    assert (np.random.get_state()[1] == before).all()


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
