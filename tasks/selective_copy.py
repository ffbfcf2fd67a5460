"""Selective copy: find the symbols among blanks, and repeat them after a silence.

Worked example (``rnnbench show selective-copy --gap 3 --option symbols=3 --option blanks=4``)::

    input _ _ e _ _ b f _ _ ? _ _ _
    due   . . . . . . . . . . e b f

The symbols lie at random steps among the first ``symbols + blanks`` steps; all other steps are blanks ``_``. Then come ``gap``
steps, of which the last is the cue ``?`` and the others are blanks. Then comes one blank per symbol, at which that symbol is due,
in the original order. With ``blanks=0`` this is copy.

Each symbol lies at least ``gap + symbols`` steps before its recall. The exact distance depends on the sequence, so a fixed delay
line does not solve the task: what is stored, and when, must depend on the input. Only the recalled symbols are scored. The baseline
``order-free`` is that of copy.

Source: Jing et al. 2019 (the denoising task); Gu & Dao 2023, section 4.1.1 and appendix E.1: 16 symbols in a sequence of 4,096
steps. This is ``symbols=16 blanks=4063`` at gap 1, since their task has no silence before the recall.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from string import ascii_lowercase
from typing import ClassVar

import torch
from torch import Generator

from rnnbench.task import Batch, Chance, Task, Word, at_least, order_free, random_tokens, scored_at, token_words, uniform_chance


@dataclass(frozen=True)
class SelectiveCopy(Task):
    """Options: ``symbols`` to remember (S), ``alphabet`` they are drawn from (K), ``blanks`` among them."""

    symbols: int = 10
    alphabet: int = 8
    blanks: int = 40

    name: ClassVar[str] = "selective-copy"
    question: ClassVar[str] = "Can it pick symbols out of blanks and repeat them after a silence?"
    reference: ClassVar[str] = "Gu & Dao 2023, section 4.1.1 and appendix E.1"
    default_gaps: ClassVar[tuple[int, ...]] = (10, 20, 50, 100, 200, 300, 500)
    default_max_steps: ClassVar[int] = 8000
    min_gap: ClassVar[int] = 1  # for the cue
    unit: ClassVar[str] = "symbols"

    def __post_init__(self) -> None:
        at_least("symbols", self.symbols, 1)
        at_least("alphabet", self.alphabet, 2, len(ascii_lowercase))
        at_least("blanks", self.blanks, 0)

    @property
    def input_size(self) -> int:
        return self.alphabet + 2  # the symbols, then blank, then cue

    @property
    def output_size(self) -> int:
        return self.alphabet

    def length(self, gap: int) -> int:
        return self.blanks + gap + 2 * self.symbols

    def scored_answers(self, gap: int) -> int:
        return self.symbols

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        blank, cue, S = self.alphabet, self.alphabet + 1, self.symbols
        symbols = random_tokens(0, self.alphabet, (S, batch_size), generator)  # (S, B)
        places = torch.rand(S + self.blanks, batch_size, generator=generator)  # (S + blanks, B)
        places = places.argsort(dim=0)[:S].sort(dim=0).values  # (S, B), in the order of time
        inputs = torch.full((self.length(gap), batch_size), blank)  # (T, B)
        inputs.scatter_(0, places, symbols)
        inputs[S + self.blanks + gap - 1] = cue
        targets = torch.zeros_like(inputs)  # (T, B)
        targets[-S:] = symbols
        return Batch(inputs, targets, scored_at(slice(-S, None), self.length(gap), batch_size))

    def chance(self, gap: int) -> Chance:
        return uniform_chance(self.alphabet)

    def baselines(self, gap: int) -> Mapping[str, float]:
        return order_free(self.symbols, self.alphabet)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        symbols = (batch.inputs[:, b] < self.alphabet).nonzero().flatten().tolist()
        return token_words(batch, b, ascii_lowercase[: self.alphabet] + "_?", cues=symbols)


TASK = SelectiveCopy
