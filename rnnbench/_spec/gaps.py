"""Several gaps as one text, such as ``1..40`` or ``5,10,20``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from itertools import islice

LARGEST_GAP = 10_000_000
MOST_TRAIN_GAPS = 10_000
GAP_RANGES = re.compile(r"\d{1,8}(\.\.\d{1,8})?(,\d{1,8}(\.\.\d{1,8})?)*", re.ASCII)


def gaps_of(text: str) -> list[int]:
    """Return the gaps of a text such as ``1..40`` or ``5,10,20``, in ascending order.

    Example:
        >>> gaps_of("1..3,10")
        [1, 2, 3, 10]
    """
    return sorted({gap for one in _ranges(text) for gap in one})


def gaps_text(given: object) -> str:
    """Return gaps in one form of text, whichever way they are given: as text, as a number or as numbers.

    Raises:
        ValueError: the message is the form that is expected.

    Example:
        >>> gaps_text(range(1, 41)), gaps_text("20, 5..5,10")
        ('1..40', '5,10,20')
    """
    numbers = isinstance(given, Iterable) and not isinstance(given, str | bytes | Mapping)
    text = ",".join(map(str, islice(given, MOST_TRAIN_GAPS + 1))) if numbers else str(given)  # type: ignore[call-overload]
    if numbers and not text:
        raise ValueError("gaps such as 1..40 or 5,10,20")
    text = text.replace(" ", "")
    if text and not GAP_RANGES.fullmatch(text):
        raise ValueError("gaps such as 1..40 or 5,10,20")
    ranges = _ranges(text)
    if not all(ranges) or any(one[-1] > LARGEST_GAP for one in ranges):
        raise ValueError(f"ranges from a smaller to a larger gap, at most {LARGEST_GAP:,}")
    if sum(map(len, ranges)) > MOST_TRAIN_GAPS:
        raise ValueError(f"at most {MOST_TRAIN_GAPS:,} gaps")
    runs: list[list[int]] = []
    for gap in gaps_of(text):
        if runs and gap == runs[-1][-1] + 1:
            runs[-1].append(gap)
        else:
            runs.append([gap])
    return ",".join(f"{run[0]}..{run[-1]}" if len(run) > 2 else ",".join(map(str, run)) for run in runs)


def _ranges(text: str) -> list[range]:
    parts = (part.partition("..") for part in text.split(",") if part)
    return [range(int(low), int(high or low) + 1) for low, _, high in parts]
