"""Digits: name a handwritten digit that was read row by row, or pixel by pixel, after a silence.

Worked example (``rnnbench show digits --gap 2``)::

    input ..5f9... ..f6b6.. .79..e.. .59..86. .4d..48. .1g..4b. ..f75g4. ..2ff5.. _ _ ?
    due   .        .        .        .        .        .        .        .        . . 0

A picture has 8 x 8 pixels, shown here as ``.`` for white, and 1 to 9 and a to g for darker ones. With ``by=row`` (the default) a
step is a row of eight pixels. With ``by=pixel`` it is one pixel, and the picture takes 64 steps. With ``permuted=true`` all pixels
come in one fixed random order, so that neighbours in the picture are far apart in time. The question follows ``gap`` blank steps
after the last pixel.

Of each of the ten classes, 36 pictures are held out, so that chance is exactly 10 %. The other 1,437 are for training. The pictures
ship with scikit-learn: ``pip install 'rnnbench[data]'``.

Source: Le, Jaitly & Hinton 2015, section 4.2 (pixel by pixel, and permuted; on MNIST). Data: Alpaydin & Kaynak 1998, the 1,797
digits of scikit-learn's ``load_digits``.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import ClassVar, Literal

import torch
from torch import Generator, Tensor

from rnnbench.task import Chance, SequenceData, uniform_chance

CLASSES, SIDE, HELD_OUT = 10, 8, 36
SHADES = ".123456789abcdefg"


@dataclass(frozen=True)
class Digits(SequenceData):
    """Options: ``by``, row or pixel; ``permuted``, one fixed random order of the pixels."""

    by: Literal["row", "pixel"] = "row"
    permuted: bool = False

    name: ClassVar[str] = "digits"
    question: ClassVar[str] = "Which handwritten digit was read, line by line?"
    reference: ClassVar[str] = "Le, Jaitly & Hinton 2015, section 4.2"
    output_size: ClassVar[int] = CLASSES
    unit: ClassVar[str] = "digits"

    @property
    def input_size(self) -> int:
        return (SIDE if self.by == "row" else 1) + 1

    def length(self, gap: int) -> int:
        return (SIDE if self.by == "row" else SIDE * SIDE) + gap + 1

    def check_gap(self, gap: int) -> None:
        super().check_gap(gap)
        if find_spec("sklearn") is None:
            raise ValueError("task digits needs scikit-learn, which holds its pictures: pip install 'rnnbench[data]'")

    def load(self, split: str) -> tuple[Tensor, Tensor]:
        from sklearn.datasets import load_digits

        digits = load_digits()
        labels = torch.tensor(digits.target)  # (n)
        generator = Generator().manual_seed(0)
        order = torch.randperm(SIDE * SIDE, generator=generator) if self.permuted else torch.arange(SIDE * SIDE)
        rows = []
        for digit in range(CLASSES):
            of_class = (labels == digit).nonzero().flatten()
            of_class = of_class[torch.randperm(len(of_class), generator=Generator().manual_seed(digit))]
            rows.append(of_class[:HELD_OUT] if split == "eval" else of_class[HELD_OUT:])
        chosen = torch.cat(rows)
        pixels = torch.tensor(digits.data, dtype=torch.float32)[chosen][:, order] / 16  # (n, 64), 0 is white
        return pixels.view(len(chosen), -1, self.input_size - 1), labels[chosen]

    def chance(self, gap: int) -> Chance:
        return uniform_chance(CLASSES)

    def word(self, step: Tensor) -> str:
        """Return a row, or a pixel, as one character per pixel."""
        return "".join(SHADES[round(16 * pixel)] for pixel in step[:-1].tolist())


TASK = Digits
