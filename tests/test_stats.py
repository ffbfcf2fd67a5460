"""Intervals against independent computations."""

import math

import pytest

from rnnbench.stats import chance_interval, wilson_interval


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
