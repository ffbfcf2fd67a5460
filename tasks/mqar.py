"""Multi-query associative recall: the value of every key, long after the pairs were shown.

Worked example (``rnnbench show mqar --gap 2 --option pairs=2``)::

    input k21 v6 k25 v12 _ _ k25 k21
    due   .   .  .   .   . . v12 v6

First come ``pairs`` different keys, each followed by a random value. Then come ``gap`` blanks, then one question per key: the keys
again in a random order, and the value of each is due at its question. With ``rounds=3`` every key is asked three times, each round
in a new order. A value lies at least ``gap + 1`` steps before its question.

The network must store which value belongs to which key. A state that is a matrix can add up one outer product per pair. Recall with
``cues`` stores as much, and asks for one of them only. A network that knows which values came, and not their keys, answers the most
frequent one everywhere. This baseline, ``key-free``, is right in 34 % of the cases with 4 pairs and 16 values. With two pairs a
network that knows only one of the values has the same accuracy, at a higher loss.

Source: Arora et al. 2024 (Zoology), section 3. There the questions follow the pairs at random distances; here they all come after
the gap, so that no distance is shorter.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator, Tensor

from rnnbench.task import Batch, Chance, Task, Word, at_least, order_free, random_tokens, scored_at, token_words, uniform_chance


@dataclass(frozen=True)
class Mqar(Task):
    """Options: ``pairs`` to store; ``keys`` and ``values`` to choose from; ``rounds``, how often each key is asked."""

    pairs: int = 4
    keys: int = 32
    values: int = 16
    rounds: int = 1

    name: ClassVar[str] = "mqar"
    question: ClassVar[str] = "Does it know the value of each of several keys?"
    reference: ClassVar[str] = "Arora et al. 2024 (Zoology), section 3"
    default_gaps: ClassVar[tuple[int, ...]] = (5, 10, 20, 50, 100, 200)
    default_max_steps: ClassVar[int] = 8000
    unit: ClassVar[str] = "values"

    def __post_init__(self) -> None:
        at_least("pairs", self.pairs, 1)
        at_least("keys", self.keys, 1)
        if self.pairs > self.keys:
            raise ValueError(f"option pairs must be at most {self.keys:,}, the number of keys, not {self.pairs:,}")
        at_least("values", self.values, 2)
        at_least("rounds", self.rounds, 1)

    @property
    def input_size(self) -> int:
        return self.keys + self.values + 1  # the last token is the blank

    @property
    def output_size(self) -> int:
        return self.values

    def length(self, gap: int) -> int:
        return 2 * self.pairs + gap + self.scored_answers(gap)

    def scored_answers(self, gap: int) -> int:
        return self.rounds * self.pairs

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        n, questions = self.pairs, self.scored_answers(gap)
        keys = random_orders(self.keys, batch_size, generator)[:n]  # (n, B), no key twice
        values = random_tokens(0, self.values, (n, batch_size), generator)  # (n, B)
        asked = torch.cat([random_orders(n, batch_size, generator) for _ in range(self.rounds)])  # (questions, B)
        inputs = torch.full((self.length(gap), batch_size), self.keys + self.values)  # (T, B), blanks
        inputs[0 : 2 * n : 2], inputs[1 : 2 * n : 2] = keys, self.keys + values
        inputs[-questions:] = keys.gather(0, asked)
        targets = torch.zeros_like(inputs)  # (T, B)
        targets[-questions:] = values.gather(0, asked)
        return Batch(inputs, targets, scored_at(slice(-questions, None), self.length(gap), batch_size))

    def chance(self, gap: int) -> Chance:
        return uniform_chance(self.values)

    def baselines(self, gap: int) -> Mapping[str, float]:
        return order_free(self.pairs, self.values, "key-free")

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        answers = [f"v{k}" for k in range(self.values)]
        names = [*(f"k{k}" for k in range(self.keys)), *answers, "_"]
        return token_words(batch, b, names, answers, cues=range(2 * self.pairs))


def random_orders(count: int, batch_size: int, generator: Generator) -> Tensor:
    """Return the numbers 0 .. count - 1 in a random order for every sequence, (count, B)."""
    return torch.rand(count, batch_size, generator=generator).argsort(dim=0)


TASK = Mqar
