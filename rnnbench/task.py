"""The contract of a task, and helpers for task files.

A task file holds one subclass of :class:`Task` and names it: ``TASK = CopyMemory``. It only imports torch and this module.
``tasks/README.md`` describes the contract on one page. Time is the first dimension of every tensor.
"""

from __future__ import annotations

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, ClassVar, Literal, NamedTuple

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Generator, Tensor

from rnnbench._errors import PluginError, UserError, class_location, shorten_repr
from rnnbench._plugins.csv_files import csv_sequences
from rnnbench._plugins.files import files_digest
from rnnbench._plugins.order_free import order_free
from rnnbench._spec.arguments import Indices, Positive, Real, Size, Sizes, Steps, Texts, Whole, checked, instance_of

__all__ = [
    "Batch",
    "Chance",
    "SequenceData",
    "Task",
    "Word",
    "at_least",
    "csv_sequences",
    "order_free",
    "random_tokens",
    "scored_at",
    "split_rows",
    "token_words",
    "uniform_chance",
]


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
    """One time step as readable text.

    Attributes:
        text: the input.
        answer: the expected answer if the step is scored.
        cue: true if an answer depends on this input, so that it must be remembered.
    """

    text: str
    answer: str | None = None
    cue: bool = False


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
    """Paper and section of the protocol."""
    default_gaps: ClassVar[tuple[int, ...]]
    default_max_steps: ClassVar[int]
    """Training budget, in optimiser steps."""
    axis: ClassVar[Literal["gap", "length"]] = "gap"
    """What sweeps, tables, plots and scores vary: the gap, or the length of the sequences at one gap."""
    default_lengths: ClassVar[tuple[int, ...]] = ()
    default_gap: ClassVar[int] = 200
    former_defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """By version of the recipe, former values of attributes such as ``default_gaps``."""
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

        A task over a data set declares one more keyword, ``split``: ``"train"`` in training and ``"eval"`` in evaluations.
        """

    def draw(self, gap: int, batch_size: int, generator: Generator, split: str = "train") -> Batch:
        """Call :meth:`sample`, with ``split`` if it declares that keyword."""
        return self.sample(gap, batch_size, generator, **({"split": split} if self._takes_split else {}))

    @abstractmethod
    def chance(self, gap: int) -> Chance:
        """Return accuracy and loss of the best memoryless predictor, in closed form."""

    def baselines(self, gap: int) -> Mapping[str, float]:
        """Return the accuracies of other simple predictors by name, in closed form; figures show them next to chance."""
        return {}

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

    @classmethod
    def default_of(cls, name: str, recipe: str | None = None) -> Any:
        """Return a default, such as ``default_gaps``, as it was in a version of the recipe (None: today)."""
        return cls.former_defaults.get(recipe or "", {}).get(name, getattr(cls, name))

    @classmethod
    def run_options(cls, given: Mapping[str, Any], gap: int, recipe: str | None = None) -> dict[str, Any]:
        """Return the options of a new run: those given, a ``length`` replaced by what sets it; raise ValueError if it is bad."""
        return dict(given)

    def check_gap(self, gap: int) -> None:
        """Raise ValueError if the task does not exist at this gap."""
        if gap < self.min_gap:
            raise ValueError(f"gap {gap} is too small for task {self.name}: the smallest is {self.min_gap}")

    def horizon_gap(self, gap: int) -> int:
        """Return the gap that sets the default horizon, unless ``gap`` does: that of the farthest input that an answer needs."""
        return gap

    def scored_answers(self, gap: int) -> float:
        """Return the number of scored positions of a sequence, or their mean where sequences differ."""
        return 1


@checked
def uniform_chance(classes: Positive) -> Chance:
    """Return chance for a task whose current input carries no information and whose ``classes`` answers are equally likely."""
    return Chance(accuracy=1 / classes, loss=math.log(classes))


LARGEST_OPTION = 1_000_000


@checked
def at_least(name: str, value: Real, smallest: Real, largest: Real = LARGEST_OPTION) -> None:
    """Raise ValueError unless the option ``name`` satisfies ``smallest <= value <= largest``."""
    if not smallest <= value <= largest:
        range_ = f"at least {smallest}" if value < smallest and largest == LARGEST_OPTION else f"from {smallest} to {largest}"
        raise ValueError(f"option {name} must be {range_}, not {value}")


@checked
def random_tokens(low: Whole, high: Whole, shape: Sizes, generator: Generator) -> Tensor:
    """Draw int64 tokens of the given shape, uniform on ``low .. high - 1``."""
    if low >= high:
        raise UserError(f"low must be below high, {high}, not {low}")
    return torch.randint(low, high, shape, generator=generator)


@checked
def scored_at(steps: Steps, length: Size, batch_size: Size) -> Tensor:
    """Return a (T, B) bool mask, true at the given time steps of every sequence."""
    scored = torch.zeros(length, batch_size, dtype=torch.bool)  # (T, B)
    if isinstance(steps, int) and not -length <= steps < length:
        raise UserError(f"steps must be from {-length} to {length - 1}, not {shorten_repr(steps)}")
    scored[steps] = True
    return scored


@checked
def token_words(
    batch: Annotated[Batch, instance_of("a Batch", Batch)], b: Size, names: Texts, answers: Texts | None = None, cues: Indices = ()
) -> list[Word]:
    """Return sequence ``b`` of a batch of tokens as words.

    Args:
        batch: the batch, with int64 inputs and targets.
        b: the index of the sequence.
        names: the text of each token.
        answers: the text of each class; ``names`` by default.
        cues: the time steps that an answer depends on.
    """
    answers, cues = names if answers is None else answers, cues if isinstance(cues, range) else set(cues)
    if b >= batch.inputs.shape[1]:
        raise UserError(f"b must be below the number of sequences, {batch.inputs.shape[1]}, not {b}")
    steps = enumerate(zip(*(tensor[:, b].tolist() for tensor in batch), strict=True))
    try:
        return [Word(names[token], answers[target] if scored else None, k in cues) for k, (token, target, scored) in steps]
    except IndexError as error:
        raise UserError(f"names and answers need a text per token and class, and have {len(names)} and {len(answers)}") from error


@dataclass(frozen=True)
class SequenceData(Task):
    """A task over a data set: a labelled sequence, ``gap`` blank steps, then a question at which the label is due.

    A subclass defines ``name``, ``question``, ``reference`` and :meth:`load`. Sizes, lengths and chance follow from the data. The
    blank and the question are two more tokens. Where inputs are values, blanks are 0, and one more channel is 1 at the question.
    Training draws sequences at random. An evaluation uses all held-out sequences equally often, up to one.

    Example:
        >>> class Parity(SequenceData):
        ...     name, question, reference = "parity-data", "Is the number of ones odd?", "none"
        ...     def load(self, split):
        ...         bits = torch.tensor([[k >> place & 1 for place in range(6)] for k in range(64)])  # (n, T)
        ...         rows = split_rows(64, split)
        ...         return bits[rows], bits[rows].sum(dim=1) % 2
        >>> Parity().length(gap=10), Parity().input_size, Parity().output_size
        (17, 4, 2)
    """

    default_gaps: ClassVar[tuple[int, ...]] = (0, 10, 50, 200)
    default_max_steps: ClassVar[int] = 3000
    unit: ClassVar[str] = "labels"

    @abstractmethod
    def load(self, split: str) -> tuple[Tensor, Tensor]:
        """Return the sequences of a split, ``train`` or ``eval``, and their labels; called once per process and file content.

        Returns:
            (n, T) int64 tokens or (n, T, D) float32 values, and (n,) int64 classes. T is the same in both splits.
        """

    def data(self, split: str) -> tuple[Tensor, Tensor]:
        """Return what :meth:`load` returned for this split, until a file in ``files`` changes."""
        return _loaded(self, split, files_digest(type(self)))

    @property
    def input_size(self) -> int:
        inputs = [self.data(split)[0] for split in ("train", "eval")]
        if inputs[0].is_floating_point():
            return inputs[0].shape[2] + 1
        return max(int(tokens.max()) for tokens in inputs) + 3

    @property
    def output_size(self) -> int:
        return max(int(self.data(split)[1].max()) for split in ("train", "eval")) + 1

    def length(self, gap: int) -> int:
        return self.data("eval")[0].shape[1] + gap + 1

    def sample(self, gap: int, batch_size: int, generator: Generator, split: str = "train") -> Batch:
        inputs, labels = self.data(split)
        n, T, size = len(inputs), self.length(gap), self.input_size
        rows = torch.randint(n, (batch_size,), generator=generator)  # (B)
        if split == "eval":
            rounds = [torch.randperm(n, generator=generator) for _ in range(-(-batch_size // n))]
            rows = torch.cat(rounds)[:batch_size]
        chosen = inputs[rows].transpose(0, 1)  # (T - gap - 1, B) or (T - gap - 1, B, D)
        if inputs.is_floating_point():
            sequence = torch.zeros(T, batch_size, size)
            sequence[: len(chosen), :, :-1] = chosen
            sequence[-1, :, -1] = 1
        else:
            sequence = torch.full((T, batch_size), size - 2)
            sequence[: len(chosen)] = chosen
            sequence[-1] = size - 1
        targets = labels.new_zeros(T, batch_size)  # (T, B)
        targets[-1] = labels[rows]
        return Batch(sequence, targets, scored_at(-1, T, batch_size))

    def chance(self, gap: int) -> Chance:
        counts = torch.bincount(self.data("eval")[1]).double()
        shares = counts[counts > 0] / counts.sum()
        return Chance(float(shares.max()), float(-(shares * shares.log()).sum()))

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        sequence = batch.inputs[:, b]  # (T) or (T, D)
        blanks = len(sequence) - self.length(0)
        words = [Word(self.word(step), cue=True) for step in sequence[: len(sequence) - blanks - 1]]
        return [*words, *[Word("_")] * blanks, Word("?", str(int(batch.targets[-1, b])))]

    def word(self, step: Tensor) -> str:
        """Return one step of a sequence, a token () or values (D + 1,) with the question's channel, as text without spaces."""
        return "/".join(f"{value:.2g}" for value in step[:-1].tolist()) if step.dim() else str(int(step))


@lru_cache(maxsize=8)
def _loaded(task: SequenceData, split: str, files: bytes) -> tuple[Tensor, Tensor]:
    inputs, labels = task.load(split)
    if inputs.dim() != 2 + inputs.is_floating_point() or labels.shape != inputs.shape[:1] or not len(labels):
        wanted = "(n, T) int64 tokens or (n, T, D) float32 values, and (n,) int64 labels"
        given = f"{tuple(inputs.shape)} {inputs.dtype} and {tuple(labels.shape)}"
        raise PluginError(f"{class_location(type(task))}: load returned {given}, not {wanted}")
    return inputs.float() if inputs.is_floating_point() else inputs.long(), labels.long()


@checked
def split_rows(count: Positive, split: Literal["train", "eval"], eval_share: Annotated[float, Field(ge=0, le=1)] = 0.2) -> Tensor:
    """Return the rows of a data set that belong to a split, (n,) int64 in ascending order; always the same for a ``count``.

    Args:
        count: number of sequences.
        split: ``train`` or ``eval``.
        eval_share: share of the sequences that are held out.

    Example:
        >>> split_rows(10, "eval").tolist(), len(split_rows(10, "train"))
        ([5, 8], 8)
    """
    order = torch.randperm(count, generator=Generator().manual_seed(0))
    held_out = round(eval_share * count)
    return order[:held_out].sort().values if split == "eval" else order[held_out:].sort().values
