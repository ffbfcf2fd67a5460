"""The type of progress displays."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

T = TypeVar("T")


class Counting(Protocol):
    """A function that yields pieces of work and may show how many are left: ``tqdm.tqdm``, ``rich.progress.track``, or ``iter``."""

    def __call__(self, work: Sequence[T], /) -> Iterable[T]: ...
