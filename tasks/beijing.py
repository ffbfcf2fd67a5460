"""Arrive / leave Beijing: one early word decides the answer given at a later word.

Worked example (``rnnbench show beijing --gap 3``)::

    input arrive we rest slowly beijing
    due   .      .  .    .      arriving

At gap 0 there are only two sentences, "arrive beijing" and "leave beijing". A network that sees only the word "beijing" must give
the same answer to both. With ``distractors`` other cities appear, each after a verb ("... arrive shanghai ... beijing"); the verb
directly before another city belongs to that city and does not count.

The verb lies ``gap + 1`` steps before the answer. It is one bit, which is easy to store and found by random search (Hochreiter &
Schmidhuber 1996), so this task is not sufficient on its own.

Source: the two-sentence textbook example of why a network needs memory; with distractors, the nearest published relatives are
tasks 2a to 2c of Hochreiter & Schmidhuber 1997, section 5.2.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator

from rnnbench.task import Batch, Chance, Task, Word, at_least, random_tokens, scored_at, token_words, uniform_chance

VERBS = {"en": ("arrive", "leave"), "zh": ("到达一座城市", "离开一座城市")}
ANSWERS = {"en": ("arriving", "leaving"), "zh": ("到达", "离开")}
CITIES = {
    "en": ("beijing", "shanghai", "guangzhou", "chengdu", "wuhan"),
    "zh": ("那是北京", "那是上海", "那是广州", "那是成都", "那是武汉"),
}
FILLERS = {
    "en": ("then", "we", "slowly", "talk", "and", "rest", "near", "trees", "while", "rain", "falls", "again"),
    "zh": (
        *("天气很好", "大家聊着天", "走得很慢", "路边有树", "歇了一会", "风停了"),
        *("天色晚了", "街上很静", "下起小雨", "有人唱歌", "灯亮了", "雨又停了"),
    ),
}
FIRST_CITY, FIRST_FILLER = 2, 7  # tokens: 2 verbs, 5 cities, the fillers


@dataclass(frozen=True)
class Beijing(Task):
    """Options: ``fillers``, number of different filler words; ``distractors``, number of other cities with verbs."""

    fillers: int = 8
    distractors: int = 0

    name: ClassVar[str] = "beijing"
    question: ClassVar[str] = "Does one early word still decide the answer at a later word?"
    reference: ClassVar[str] = "textbook example; Hochreiter & Schmidhuber 1997, section 5.2 (tasks 2a-2c)"
    output_size: ClassVar[int] = 2
    default_gaps: ClassVar[tuple[int, ...]] = (0, 10, 20, 50, 100, 200, 500)
    default_max_steps: ClassVar[int] = 3000
    languages: ClassVar[tuple[str, ...]] = ("en", "zh")

    def __post_init__(self) -> None:
        at_least("fillers", self.fillers, 1, len(FILLERS["en"]))
        at_least("distractors", self.distractors, 0)

    @property
    def input_size(self) -> int:
        return FIRST_FILLER + self.fillers

    def length(self, gap: int) -> int:
        return gap + 2

    def check_gap(self, gap: int) -> None:
        super().check_gap(gap)
        if gap < 2 * self.distractors:
            raise ValueError(
                f"gap {gap} has no room for {self.distractors} distractors of two words each; "
                f"use a gap of at least {2 * self.distractors}"
            )

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        verbs = random_tokens(0, 2, (batch_size,), generator)  # (B,)
        fillers = random_tokens(FIRST_FILLER, self.input_size, (gap, batch_size), generator)  # (gap, B)
        if self.distractors:
            # Draw places among gap - distractors, then widen each by one step, so that pairs do not overlap.
            places = torch.rand(gap - self.distractors, batch_size, generator=generator)  # (gap - n, B)
            places = places.argsort(dim=0)[: self.distractors].sort(dim=0).values  # (n, B)
            places = places + torch.arange(self.distractors).unsqueeze(1)  # (n, B)
            fillers.scatter_(0, places, random_tokens(0, 2, tuple(places.shape), generator))
            cities = random_tokens(FIRST_CITY + 1, FIRST_FILLER, tuple(places.shape), generator)  # (n, B)
            fillers.scatter_(0, places + 1, cities)
        beijing = torch.full_like(verbs, FIRST_CITY)  # (B,)
        inputs = torch.cat((verbs.unsqueeze(0), fillers, beijing.unsqueeze(0)))  # (T, B)
        targets = torch.zeros_like(inputs)  # (T, B)
        targets[-1] = verbs
        return Batch(inputs, targets, scored_at(-1, self.length(gap), batch_size))

    def chance(self, gap: int) -> Chance:
        return uniform_chance(2)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        names = (*VERBS[language], *CITIES[language], *FILLERS[language])
        return token_words(batch, b, names, ANSWERS[language], cues=[0])


TASK = Beijing
