"""One tanh unit that stores a bit: the noise that it tolerates, and the gradient that it passes on."""

from __future__ import annotations

import math

import pandas as pd


def trade_off(w: float) -> dict[str, float]:
    """Compute Bengio's trade-off on one unit ``a' = w tanh(a) + h``: robustness against noise costs gradient.

    Args:
        w: recurrent weight, above 1 so that two attractors exist.

    Returns:
        ``x``, the attractor (positive solution of x = tanh(w x)), ``slope``, the factor of the gradient in one step there, and
        ``threshold``, the largest input h* that cannot flip the unit (Bengio, Simard & Frasconi 1994, section IV).

    Raises:
        ValueError: w is not above 1.
    """
    if w <= 1:
        raise ValueError(f"w must be above 1 for the unit to have two attractors, not {w}")
    x = 1.0
    for _ in range(10_000):
        x = math.tanh(w * x)
    return {
        "w": w,
        "x": x,
        "slope": w * (1 - x * x),
        "threshold": math.sqrt(w * (w - 1)) - math.atanh(math.sqrt(1 - 1 / w)),
    }


def trade_off_curve() -> pd.DataFrame:
    """Compute :func:`trade_off` for the recurrent weights of the figure, 1.02 to 3.5."""
    return pd.DataFrame([trade_off(1 + 0.02 * k) for k in range(1, 126)])
