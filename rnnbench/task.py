"""The contract of a task, and helpers for task files.

A task file holds one subclass of :class:`Task` and names it: ``TASK = CopyMemory``. It only imports torch and this module.
``tasks/README.md`` describes the contract on one page. Time is the first dimension of every tensor.
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

__all__ = ["Batch", "Chance", "Task", "Word", "at_least", "random_tokens", "scored_at", "token_words", "uniform_chance"]


class Batch(NamedTuple):
    """Sequences of equal length with their targets.

    Attributes:
        inputs: (T, B) int64 tokens, or (T, B, D) float32 values.
        targets: (T, B) int64 classes or float32 values, or (T, B, K) where answers are vectors; read only at scored steps.
        scored: (T, B) bool, true where an answer is scored; at least once per sequence, not always equally often.
    """

    inputs: Tensor
    targets: Tensor
    scored: Tensor

    @property
    def answers(self) -> Tensor:
        """The targets (N,) or (N, K) of the N scored positions, in the order of ``scored.nonzero()``."""
        return self.targets[self.scored]

    @property
    def first_scored(self) -> int:
        """The first time step at which an answer of any sequence is scored."""
        return int(self.scored.any(dim=1).int().argmax())

    def part(self, indices: Tensor) -> Batch:
        """Return the sequences at ``indices`` (N,) int64, which may repeat."""
        return Batch(*(tensor.index_select(1, indices) for tensor in self))

    def to(self, device: torch.device | str) -> Batch:
        """Copy the batch to a device."""
        return Batch(*(tensor.to(device) for tensor in self))


class Chance(NamedTuple):
    """Accuracy and loss of the best memoryless predictor, which sees only the current input."""

    accuracy: float
    loss: float


class Word(NamedTuple):
    """One time step as readable text; ``answer`` is the expected answer if the step is scored."""

    text: str
    answer: str | None = None


@dataclass(frozen=True)
class Task(ABC):
    """A memory task for recurrent networks, at any gap.

    A task is a frozen dataclass whose fields are its options (``--option symbols=5``). ``__post_init__`` checks them and raises
    ValueError with a sentence that states the valid values. All randomness comes from the generator that is passed in.
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
    """The plural noun for what is scored."""
    languages: ClassVar[tuple[str, ...]] = ("en",)
    files: ClassVar[tuple[str, ...]] = ()
    """Data files that the task reads, relative to its file. Their content is part of the identity of its runs."""
    _takes_split: ClassVar[bool] = False

    def __init_subclass__(cls, **keywords: Any) -> None:
        super().__init_subclass__(**keywords)
        cls._takes_split = "split" in inspect.signature(cls.sample).parameters

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
        """Return the number of time steps of a sequence."""

    @abstractmethod
    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        """Draw ``batch_size`` new sequences; every scored answer needs an input at least ``gap`` steps earlier.

        A task over a data set declares one more keyword, ``split``, and then receives ``"train"`` in training and ``"eval"`` in
        evaluations.
        """

    def draw(self, gap: int, batch_size: int, generator: Generator, split: str = "train") -> Batch:
        """Call :meth:`sample`, with ``split`` if it declares that keyword."""
        return self.sample(gap, batch_size, generator, **({"split": split} if self._takes_split else {}))

    @abstractmethod
    def chance(self, gap: int) -> Chance:
        """Return accuracy and loss of the best memoryless predictor, in closed form."""

    @abstractmethod
    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        """Return sequence ``b`` of the batch as readable words, one per time step."""

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Compute the mean loss over the scored positions.

        Args:
            outputs: (N, output_size) the readout at the N scored positions, in the order of ``batch.answers``.
            batch: the batch.

        Returns:
            A scalar: cross entropy in nats. A task whose answers are values or vectors overrides this method and :meth:`correct`.
        """
        return F.cross_entropy(outputs, batch.answers)

    def correct(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return a bool (N,), one per scored answer, true if it is correct; ``outputs`` as in :meth:`loss`.

        A vector is one answer: it is correct or not as a whole.
        """
        return outputs.argmax(dim=1) == batch.answers  # (N,)

    def accuracy(self, outputs: Tensor, batch: Batch) -> float:
        """Compute the share of scored positions with a correct answer."""
        return float(self.correct(outputs, batch).double().mean())

    def check_gap(self, gap: int) -> None:
        """Raise ValueError if the task does not exist at this gap."""
        if gap < self.min_gap:
            raise ValueError(f"gap {gap} is too small for task {self.name}: the smallest is {self.min_gap}")

    def scored_answers(self, gap: int) -> float:
        """Return the number of scored positions of a sequence, or their mean where sequences differ."""
        return 1


def uniform_chance(classes: int) -> Chance:
    """Return chance for a task whose current input carries no information and whose ``classes`` answers are equally likely."""
    return Chance(accuracy=1 / classes, loss=math.log(classes))


LARGEST_OPTION = 1_000_000


def at_least(name: str, value: int, smallest: int, largest: int = LARGEST_OPTION) -> None:
    """Raise ValueError unless the option ``name`` satisfies ``smallest <= value <= largest``."""
    if not smallest <= value <= largest:
        range_ = f"at least {smallest}" if value < smallest and largest == LARGEST_OPTION else f"from {smallest} to {largest}"
        raise ValueError(f"option {name} must be {range_}, not {value}")


def random_tokens(low: int, high: int, shape: tuple[int, ...], generator: Generator) -> Tensor:
    """Draw int64 tokens of the given shape, uniform on ``low .. high - 1``."""
    return torch.randint(low, high, shape, generator=generator)


def scored_at(steps: int | slice, length: int, batch_size: int) -> Tensor:
    """Return a (T, B) bool mask, true at the given time steps of every sequence."""
    scored = torch.zeros(length, batch_size, dtype=torch.bool)  # (T, B)
    scored[steps] = True
    return scored


def token_words(batch: Batch, b: int, names: Sequence[str], answers: Sequence[str] | None = None) -> list[Word]:
    """Return sequence ``b`` of a batch of tokens as words.

    Args:
        batch: the batch, with int64 inputs and targets.
        b: the index of the sequence.
        names: the text of each token.
        answers: the text of each class; ``names`` by default.
    """
    answers = names if answers is None else answers
    steps = zip(*(tensor[:, b].tolist() for tensor in batch), strict=True)
    return [Word(names[token], answers[target] if scored else None) for token, target, scored in steps]
