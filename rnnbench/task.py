"""The contract of a question: what a task file must give, and how its answers are scored.

A task file holds one subclass of :class:`Task` and names it: ``TASK = CopyMemory``. It imports torch and this module, nothing
else; ``tasks/README.md`` is the contract on one page. Time comes first in every tensor.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


class Batch(NamedTuple):
    """Sequences of one length, with the answers that are due.

    Attributes:
        inputs: (T, B) int64 tokens, or (T, B, D) float32 values.
        targets: (T, B) int64 classes, or (T, B) float32 values; read only where ``scored`` is true.
        scored: (T, B) bool, true where an answer is due.
    """

    inputs: Tensor
    targets: Tensor
    scored: Tensor

    @property
    def answers(self) -> Tensor:
        """(N,) the targets of the N scored positions, in the order of ``scored.nonzero()``."""
        return self.targets[self.scored]

    @property
    def first_scored(self) -> int:
        """The first time step at which any sequence owes an answer."""
        return int(self.scored.any(dim=1).int().argmax())

    def part(self, which: Tensor) -> Batch:
        """The sequences at the places ``which`` (N,) int64; a place may come twice."""
        return Batch(*(tensor.index_select(1, which) for tensor in self))

    def to(self, device: torch.device | str) -> Batch:
        return Batch(*(tensor.to(device) for tensor in self))


class Chance(NamedTuple):
    """What the best memoryless predictor reaches: it sees the current input and nothing before it."""

    accuracy: float
    loss: float


class Word(NamedTuple):
    """One time step as a person reads it; ``answer`` is what is due after it, if anything is."""

    text: str
    answer: str | None = None


@dataclass(frozen=True)
class Task(ABC):
    """One question to a recurrent network, at any gap.

    A task is a frozen dataclass: its fields are its options (``--option symbols=5``), checked in ``__post_init__``, which
    raises ValueError with a sentence that says what would be right. Randomness comes in as a generator, never a global.
    """

    name: ClassVar[str]
    question: ClassVar[str]
    """The question in one line."""
    reference: ClassVar[str]
    """Paper and section that the protocol comes from."""
    default_gaps: ClassVar[tuple[int, ...]]
    default_max_steps: ClassVar[int]
    """Training budget, in optimiser steps."""
    min_gap: ClassVar[int] = 0
    unit: ClassVar[str] = "answers"
    """What is counted right or wrong, in the plural."""
    languages: ClassVar[tuple[str, ...]] = ("en",)

    @property
    @abstractmethod
    def input_size(self) -> int:
        """Number of distinct tokens, or of channels where inputs are values."""

    @property
    @abstractmethod
    def output_size(self) -> int:
        """Number of classes, or of predicted values."""

    @abstractmethod
    def length(self, gap: int) -> int:
        """Time steps of one sequence."""

    @abstractmethod
    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        """``batch_size`` fresh sequences; every scored answer needs an input at least ``gap`` steps earlier."""

    @abstractmethod
    def chance(self, gap: int) -> Chance:
        """Accuracy and loss of the best memoryless predictor, in closed form."""

    @abstractmethod
    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        """Sequence ``b`` of the batch as a person reads it, one word a time step."""

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Mean loss over the scored positions.

        Args:
            outputs: (N, output_size) the readout at the N scored positions, in the order of ``batch.answers``.
            batch: the batch that was answered.

        Returns:
            A scalar: cross entropy in nats. A task that predicts values overrides it.
        """
        return F.cross_entropy(outputs, batch.answers)

    def correct(self, outputs: Tensor, batch: Batch) -> Tensor:
        """(N,) bool: which of the scored answers are right; ``outputs`` as in :meth:`loss`."""
        return outputs.argmax(dim=1) == batch.answers  # (N,)

    def accuracy(self, outputs: Tensor, batch: Batch) -> float:
        """Share of the scored positions answered correctly."""
        return float(self.correct(outputs, batch).double().mean())

    def check_gap(self, gap: int) -> None:
        """Raise ValueError if this task cannot pose its question at ``gap``."""
        if gap < self.min_gap:
            raise ValueError(f"gap {gap} is too small for task {self.name}: the smallest is {self.min_gap}")

    def scored_answers(self, gap: int) -> int:
        """Scored positions of one sequence."""
        return 1


def uniform_chance(classes: int) -> Chance:
    """Chance where the current input says nothing and all ``classes`` answers are equally likely."""
    return Chance(accuracy=1 / classes, loss=math.log(classes))


LARGEST_OPTION = 1_000_000


def at_least(name: str, value: int, smallest: int, largest: int = LARGEST_OPTION) -> None:
    """Raise ValueError unless ``smallest <= value <= largest``; for the options of a task."""
    if not smallest <= value <= largest:
        range_ = f"at least {smallest}" if value < smallest and largest == LARGEST_OPTION else f"from {smallest} to {largest}"
        raise ValueError(f"option {name} must be {range_}, not {value}")


def random_tokens(low: int, high: int, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """``shape`` int64 tokens, uniform on ``low .. high - 1``."""
    return torch.randint(low, high, shape, generator=generator)


def scored_at(steps: int | slice, length: int, batch_size: int) -> Tensor:
    """(T, B) bool, true at the given time steps of every sequence."""
    scored = torch.zeros(length, batch_size, dtype=torch.bool)  # (T, B)
    scored[steps] = True
    return scored
