"""Copy memory: repeat a list of symbols after a long silence.

Worked example (``rnnbench show copy --gap 4 --option symbols=3``), with the cue one step before the recall::

    input e b f _ _ _ ? _ _ _
    due   . . . . . . . e b f

The symbols come first. Then come ``gap`` steps, of which the last is the cue ``?`` and the others are blanks ``_``. Then comes
one blank per symbol, at which that symbol is due. The sequence is ``gap + 2 * symbols`` steps long and each symbol lies ``gap +
symbols`` steps before its recall.

Only the recalled symbols are scored. Over all steps of gap 200, a network that always answers "blank" would reach 96 %.

A network that knows which symbols came, and not in which order, answers the most frequent one everywhere. This baseline,
``order-free``, is the expected share of that symbol: 30.2 % of 10 symbols of 8, where chance is 12.5 %.

Source: Hochreiter & Schmidhuber 1997, section 5 (the idea); Arjovsky, Shah & Bengio 2016, section 5.1 and its code (the
protocol: 10 symbols of an alphabet of 8).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import ClassVar

import torch
from torch import Generator

from rnnbench.task import Batch, Chance, Task, Word, at_least, order_free, random_tokens, scored_at, token_words, uniform_chance


@dataclass(frozen=True)
class CopyMemory(Task):
    """Options: ``symbols`` to remember (S), ``alphabet`` they are drawn from (K)."""

    symbols: int = 10
    alphabet: int = 8

    name: ClassVar[str] = "copy"
    question: ClassVar[str] = "Can it repeat a list of symbols after a silence?"
    reference: ClassVar[str] = "Arjovsky, Shah & Bengio 2016, section 5.1"
    default_gaps: ClassVar[tuple[int, ...]] = (10, 20, 50, 100, 200, 300, 500)
    default_max_steps: ClassVar[int] = 8000
    min_gap: ClassVar[int] = 1  # for the cue
    unit: ClassVar[str] = "symbols"

    def __post_init__(self) -> None:
        at_least("symbols", self.symbols, 1)
        at_least("alphabet", self.alphabet, 2, len(ascii_lowercase))

    @property
    def input_size(self) -> int:
        return self.alphabet + 2  # the symbols, then blank, then cue

    @property
    def output_size(self) -> int:
        return self.alphabet

    def length(self, gap: int) -> int:
        return gap + 2 * self.symbols

    def scored_answers(self, gap: int) -> int:
        return self.symbols

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        blank, cue, S = self.alphabet, self.alphabet + 1, self.symbols
        symbols = random_tokens(0, self.alphabet, (S, batch_size), generator)  # (S, B)
        inputs = torch.full((self.length(gap), batch_size), blank)  # (T, B)
        inputs[:S] = symbols
        inputs[S + gap - 1] = cue
        targets = torch.zeros_like(inputs)  # (T, B)
        targets[-S:] = symbols
        return Batch(inputs, targets, scored_at(slice(-S, None), self.length(gap), batch_size))

    def chance(self, gap: int) -> Chance:
        return uniform_chance(self.alphabet)

    def baselines(self, gap: int) -> Mapping[str, float]:
        return order_free(self.symbols, self.alphabet)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        return token_words(batch, b, ascii_lowercase[: self.alphabet] + "_?", cues=range(self.symbols))


TASK = CopyMemory
