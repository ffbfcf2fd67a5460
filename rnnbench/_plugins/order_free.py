"""The baseline of a predictor that knows what came, but not which of it belongs to a question."""

from __future__ import annotations

import math
from functools import cache

import torch
import torch.nn.functional as F

from rnnbench._spec.arguments import Positive, checked

MOST_DRAWN = 200
"""The most symbols for which the baseline is computed, so that it takes less than a second."""


@checked
def order_free(drawn: Positive, classes: Positive, name: str = "order-free") -> dict[str, float]:
    """Return a task's baseline: the accuracy of a predictor that answers every question with the symbol that came most often.

    Args:
        drawn: number of symbols of a sequence, drawn independently; each is an answer equally often.
        classes: number of symbols to draw from, equally likely.
        name: name of the baseline in figures and tables.

    Returns:
        The expected share of the most frequent symbol under ``name``; nothing if more than 200 symbols are drawn.

    Example:
        >>> order_free(drawn=2, classes=2)
        {'order-free': 0.75}
    """
    return {name: _largest_count(drawn, classes) / drawn} if drawn <= MOST_DRAWN else {}


@cache
def _largest_count(S: int, K: int) -> float:
    """Return the expected count of the most frequent of K equally likely symbols among S.

    The counts are K independent Poisson numbers with mean S / K, given that their sum is S. So the probability that none is above m
    is a convolution of K truncated Poisson distributions at S.
    """
    counts = torch.arange(S + 1, dtype=torch.float64)  # (S + 1)
    mean = S / K
    poisson = (counts * math.log(mean) - mean - torch.lgamma(counts + 1)).exp()  # (S + 1)
    all_sums = math.exp(S * math.log(S) - S - math.lgamma(S + 1))  # the probability of the sum S
    least = -(-S // K)
    expected = float(least)  # E[max] is the sum over m of P(max > m), which is 1 below the least possible maximum
    for m in range(least, S):
        part = poisson[: m + 1]  # (m + 1)
        sums = part  # of 1, 2, ... K symbols, up to S
        for _ in range(K - 1):
            sums = F.conv1d(sums.view(1, 1, -1), part.flip(0).view(1, 1, -1), padding=m).view(-1)[: S + 1]
        at_most = float(sums[S]) / all_sums if len(sums) > S else 0.0
        expected += 1 - at_most
        if at_most > 1 - 1e-15:
            break
    return expected
