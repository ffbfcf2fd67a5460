"""State tracking: the product of a long list of group elements, each of which counts.

Worked example (``rnnbench show tracking --gap 4``), in the group of the six permutations of three things::

    input 213 231 231 123 321
    due   .   .   .   .   312

An element is written as what it makes of 1 2 3: ``231`` sends 1 to 2, 2 to 3 and 3 to 1. The leftmost acts first, and the product
of all ``gap + 1`` of them is due at the last. The first lies ``gap`` steps before the answer. In a group, one unknown factor leaves
every product equally likely: forgetting one element is as bad as forgetting all of them.

``group=Z2`` is parity, ``Zn`` addition modulo n, ``Sn`` all permutations of n things, ``An`` the even ones. A5 and S5 are not
solvable groups: under the usual conjectures no fixed number of layers whose steps compose in parallel (attention, and recurrences
that do not depend on their state) tracks them at every length, while one layer whose steps depend on the state can.

Source: Barrington 1989 (the word problem of S5); Merrill, Petty & Sabharwal 2024 (networks, A5 among others; they score every
step, here the last alone is scored, since an answer after few steps needs no distant input).
"""

import re
from dataclasses import dataclass
from functools import cache
from itertools import permutations
from typing import ClassVar

import torch
from torch import Generator, Tensor

from rnnbench.task import Batch, Chance, Task, Word, random_tokens, scored_at, uniform_chance

Element = tuple[int, ...]

LARGEST = {"Z": 120, "S": 5, "A": 5}
"""Largest n of each family: up to 120 elements."""


@cache
def elements(group: str) -> tuple[Element, ...]:
    """The elements of a group as permutations of 0 .. n - 1, the identity first; raises ValueError for an unknown group."""
    match = re.fullmatch(r"([ZSA])(\d+)", group)
    family, n = (match[1], int(match[2])) if match else ("", 0)
    if not 2 + (family == "A") <= n <= LARGEST.get(family, 0):
        raise ValueError(f"option group must be Z2 .. Z120, S2 .. S5 or A3 .. A5, not {group}")
    if family == "Z":
        return tuple(tuple((i + shift) % n for i in range(n)) for shift in range(n))
    return tuple(p for p in permutations(range(n)) if family == "S" or even(p))


def even(permutation: Element) -> bool:
    """Whether a permutation consists of an even number of swaps."""
    return sum(a > b for k, a in enumerate(permutation) for b in permutation[k:]) % 2 == 0


@cache
def table(group: str) -> Tensor:
    """(N, N) int64: the number of the product of elements a and b, a applied first."""
    members = elements(group)
    number = {element: k for k, element in enumerate(members)}
    return torch.tensor([[number[tuple(b[i] for i in a)] for b in members] for a in members])


@dataclass(frozen=True)
class Tracking(Task):
    """Options: ``group``, whose elements are multiplied (Z2, S3, A5, S5, ...)."""

    group: str = "S3"

    name: ClassVar[str] = "tracking"
    question: ClassVar[str] = "Does it know the state that a long list of moves leads to?"
    reference: ClassVar[str] = "Barrington 1989; Merrill, Petty & Sabharwal 2024"
    default_gaps: ClassVar[tuple[int, ...]] = (3, 5, 10, 20, 50, 100, 200)
    default_max_steps: ClassVar[int] = 8000
    min_gap: ClassVar[int] = 1  # one element alone is its own product
    unit: ClassVar[str] = "products"

    def __post_init__(self) -> None:
        elements(self.group)

    @property
    def input_size(self) -> int:
        return len(elements(self.group))

    @property
    def output_size(self) -> int:
        return len(elements(self.group))

    def length(self, gap: int) -> int:
        return gap + 1

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        inputs = random_tokens(0, self.input_size, (self.length(gap), batch_size), generator)  # (T, B)
        targets = torch.zeros_like(inputs)  # (T, B)
        targets[-1] = self.product(inputs)
        return Batch(inputs, targets, scored_at(-1, self.length(gap), batch_size))

    def product(self, factors: Tensor) -> Tensor:
        """(B,) products of (T, B) elements, neighbours first: the group's law is associative."""
        while len(factors) > 1:
            odd = factors[len(factors) // 2 * 2 :]  # (0 or 1, B)
            factors = torch.cat((table(self.group)[factors[:-1:2], factors[1::2]], odd))  # (ceil(T / 2), B)
        return factors[0]

    def chance(self, gap: int) -> Chance:
        return uniform_chance(self.output_size)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        names = [self.word(element) for element in elements(self.group)]
        return [
            Word(names[token], names[target] if due else None)
            for token, target, due in zip(*(tensor[:, b].tolist() for tensor in batch), strict=True)
        ]

    def word(self, element: Element) -> str:
        """A number for addition modulo n, else what becomes of 1 2 3 ..."""
        return str(element[0]) if self.group.startswith("Z") else "".join(str(i + 1) for i in element)


TASK = Tracking
