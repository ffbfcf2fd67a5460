"""State tracking: the product of a long list of group elements.

Worked example (``rnnbench show tracking --gap 1 --option length=5``), in the group of the six permutations of three things::

    input 213 231 231 123 321
    due   .   321 132 132 312

An element is written as the image of 1 2 3: ``231`` maps 1 to 2, 2 to 3 and 3 to 1. The leftmost acts first, and the product of all
elements so far is due at every step from step ``gap`` on. If one factor is unknown, all products are equally likely: forgetting one
element is as bad as forgetting all of them.

At gap 1, the default, every product is scored, which is the published protocol: a network can learn short products first. All of
them need the first element, so the distance that matters is the length of the sequence. It is the second axis of this task:
``--option length=8,16,32`` compares lengths, and tables, figures and scores show them in place of the gap. The option is recorded
as ``answers``, the number of scored products, which is the length less the gap. With ``answers=1``, the default of ``--recipe v2``,
only the last product is scored: no cell of the atlas learned that at gap 10 or more (4,000 steps).

``group=Z2`` is parity, ``Zn`` addition modulo n, ``Sn`` all permutations of n objects, ``An`` the even ones. A5 and S5 are not
solvable groups. Under the usual conjectures, attention and recurrences whose steps do not depend on the state cannot track them at
every length with a fixed number of layers. One layer whose steps depend on the state can.

Source: Barrington 1989 (the word problem of S5); Merrill, Petty & Sabharwal 2024 (networks, A5 among others, every step scored).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import Any, ClassVar, Literal

import torch
from torch import Generator, Tensor

from rnnbench.task import Batch, Chance, Task, Word, at_least, random_tokens, scored_at, token_words, uniform_chance

Element = tuple[int, ...]

LARGEST = {"Z": 120, "S": 5, "A": 5}
"""Largest n of each family: up to 120 elements."""


@cache
def elements(group: str) -> tuple[Element, ...]:
    """Return a group's elements as permutations of 0 .. n - 1, the identity first; raises ValueError for an unknown group."""
    match = re.fullmatch(r"([ZSA])(\d+)", group)
    family, n = (match[1], int(match[2])) if match else ("", 0)
    if not 2 + (family == "A") <= n <= LARGEST.get(family, 0):
        raise ValueError(f"option group must be Z2 .. Z120, S2 .. S5 or A3 .. A5, not {group}")
    if family == "Z":
        return tuple(tuple((i + shift) % n for i in range(n)) for shift in range(n))
    return tuple(p for p in permutations(range(n)) if family == "S" or even(p))


def even(permutation: Element) -> bool:
    """Return True if a permutation consists of an even number of swaps."""
    return sum(a > b for k, a in enumerate(permutation) for b in permutation[k:]) % 2 == 0


@cache
def product_table(group: str) -> Tensor:
    """Return the multiplication table (N, N) int64: the index of the product of elements a and b, with a applied first."""
    members = elements(group)
    number = {element: k for k, element in enumerate(members)}
    return torch.tensor([[number[tuple(b[i] for i in a)] for b in members] for a in members])


@dataclass(frozen=True)
class Tracking(Task):
    """Options: ``group`` (Z2, S3, A5, S5, ...); ``answers``, the number of scored products, or in its place ``length``."""

    group: str = "S3"
    answers: int = 63

    name: ClassVar[str] = "tracking"
    question: ClassVar[str] = "Does it know the state that a long list of moves leads to?"
    reference: ClassVar[str] = "Barrington 1989; Merrill, Petty & Sabharwal 2024"
    default_gaps: ClassVar[tuple[int, ...]] = (1,)
    default_max_steps: ClassVar[int] = 8000
    default_gap: ClassVar[int] = 1
    axis: ClassVar[Literal["gap", "length"]] = "length"
    default_lengths: ClassVar[tuple[int, ...]] = (8, 16, 32, 64, 128)
    former_defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "v2": {"default_gap": 200, "default_gaps": (3, 5, 10, 20, 50, 100, 200), "default_lengths": ()}
    }
    min_gap: ClassVar[int] = 1  # at gap 0 the answer would be the input
    unit: ClassVar[str] = "products"

    def __post_init__(self) -> None:
        elements(self.group)
        at_least("answers", self.answers, 1)

    @classmethod
    def run_options(cls, given: Mapping[str, Any], gap: int, recipe: str | None = None) -> dict[str, Any]:
        options = dict(given)
        if "length" in options:
            if "answers" in options:
                raise ValueError("options length and answers exclude each other: give one of them")
            text = str(options.pop("length"))
            if not text.isdecimal() or int(text) <= gap:
                raise ValueError(f"option length must be a whole number above the gap, {gap}, not {text[:40]}")
            options["answers"] = int(text) - gap
        return {"answers": 1} | options if recipe == "v2" else options

    @property
    def input_size(self) -> int:
        return len(elements(self.group))

    @property
    def output_size(self) -> int:
        return len(elements(self.group))

    def length(self, gap: int) -> int:
        return gap + self.answers

    def horizon_gap(self, gap: int) -> int:
        return self.length(gap) - 1  # the last product needs the first element

    def scored_answers(self, gap: int) -> int:
        return self.answers

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        inputs = random_tokens(0, self.input_size, (self.length(gap), batch_size), generator)  # (T, B)
        scored = scored_at(slice(gap, None), self.length(gap), batch_size)  # (T, B)
        return Batch(inputs, self.products(inputs), scored)

    def products(self, factors: Tensor) -> Tensor:
        """Return the products (T, B) of each of (T, B) elements with all earlier ones, in log T parallel steps."""
        stride = 1
        while stride < len(factors):
            longer = product_table(self.group)[factors[:-stride], factors[stride:]]  # (T - stride, B)
            factors, stride = torch.cat((factors[:stride], longer)), 2 * stride
        return factors

    def chance(self, gap: int) -> Chance:
        return uniform_chance(self.output_size)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        names = [self.word(element) for element in elements(self.group)]
        return token_words(batch, b, names, cues=range(len(batch.inputs)))

    def word(self, element: Element) -> str:
        """Write an element: a number for addition modulo n, else the image of 1 2 3 ..."""
        return str(element[0]) if self.group.startswith("Z") else "".join(str(i + 1) for i in element)


TASK = Tracking
