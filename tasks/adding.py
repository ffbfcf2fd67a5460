"""The adding problem: add the two marked numbers of a long list.

Worked example (``rnnbench show adding --gap 3``): six values, one mark in each half, the sum due at the end::

    input 0.84 0.46* 0.44 0.80 0.78* 0.06
    due   .    .     .    .    .     1.24

Values are drawn from U[0, 1]; a second channel marks one of the first ``gap`` values and one of the last ``gap``. The sequence
is ``2 * gap`` steps long (published T = 2 * gap), so the first marked value lies at least ``gap`` steps before the answer.

An answer is correct if its error is less than 0.04. The best memoryless predictor sees the last value and its mark. Without a
mark it answers 1; then the sum of two uniform numbers lies within 0.04 of 1 with probability 1 - 0.96^2 = 7.84 %, and the mean
squared error is 1/6. With a mark it answers that value + 0.5; then the probability is 8 % and the mean squared error 1/12.

Source: Hochreiter & Schmidhuber 1997, section 5.4 (the 0.04); Le, Jaitly & Hinton 2015, section 4.1; Arjovsky, Shah & Bengio
2016, section 5.2 and its code (one mark in each half).
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from rnnbench.task import Batch, Chance, Task, Word, scored_at

TOLERANCE = 0.04


@dataclass(frozen=True)
class Adding(Task):
    """No options."""

    name: ClassVar[str] = "adding"
    question: ClassVar[str] = "Can it add the two marked numbers of a long list?"
    reference: ClassVar[str] = "Hochreiter & Schmidhuber 1997, section 5.4; Arjovsky, Shah & Bengio 2016, section 5.2"
    input_size: ClassVar[int] = 2  # value, mark
    output_size: ClassVar[int] = 1
    default_gaps: ClassVar[tuple[int, ...]] = (10, 20, 50, 100, 200, 300, 500)
    default_max_steps: ClassVar[int] = 8000
    min_gap: ClassVar[int] = 1  # for a mark in each half
    unit: ClassVar[str] = "sums"

    def length(self, gap: int) -> int:
        return 2 * gap

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        values = torch.rand(2 * gap, batch_size, generator=generator)  # (T, B)
        places = torch.randint(gap, (2, batch_size), generator=generator)  # (2, B)
        places[1] += gap
        marks = torch.zeros_like(values).scatter_(0, places, 1.0)  # (T, B)
        targets = torch.zeros_like(values)  # (T, B)
        targets[-1] = values.gather(0, places).sum(dim=0)  # (B,)
        return Batch(torch.stack((values, marks), dim=2), targets, scored_at(-1, 2 * gap, batch_size))

    def chance(self, gap: int) -> Chance:
        marked = 1 / gap  # probability that the last value is marked
        return Chance(
            accuracy=(1 - marked) * (1 - (1 - TOLERANCE) ** 2) + marked * 2 * TOLERANCE,
            loss=(1 - marked) / 6 + marked / 12,
        )

    def loss(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Compute the mean squared error; ``outputs`` is (N, 1)."""
        return F.mse_loss(outputs.squeeze(1), batch.answers)

    def correct(self, outputs: Tensor, batch: Batch) -> Tensor:
        """Return a bool (N,), true where the error is less than 0.04."""
        return (outputs.squeeze(1) - batch.answers).abs() < TOLERANCE  # (N,)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        return [
            Word(f"{value:.2f}{'*' if mark else ''}", f"{target:.2f}" if due else None, bool(mark))
            for (value, mark), target, due in zip(*(tensor[:, b].tolist() for tensor in batch), strict=True)
        ]


TASK = Adding
