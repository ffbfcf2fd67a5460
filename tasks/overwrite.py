"""Overwrite: where is the key now? It is moved several times, and only the last place counts.

Worked example (``rnnbench show overwrite --gap 3 --option earlier=2 --option before=4``)::

    input garden we kitchen slowly hall then we rest where?
    due   .      .  .       .      .    .    .  .    hall

The first ``before`` steps contain ``earlier`` places, the first of them at step 0. Then comes the place that counts, then ``gap``
filler words, then the question. The network must replace the stored place with the new one; a latch, which keeps its first input,
fails. Places are drawn independently, so the earlier ones carry no information about the answer.

The place that counts lies ``gap + 1`` steps before the answer.

Source: Gers, Schmidhuber & Cummins 2000 (why an LSTM must learn to forget); as a task, the flip-flop language of Liu et al. 2023
with a single read, at a fixed distance from the last write.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator

from rnnbench.task import Batch, Chance, Task, Word, at_least, random_tokens, scored_at, token_words, uniform_chance

PLACES = {
    "en": ("kitchen", "garden", "cellar", "attic", "garage", "bedroom", "hall", "office"),
    "zh": ("厨房", "花园", "地窖", "阁楼", "车库", "卧室", "门厅", "书房"),
}
FILLERS = {
    "en": ("then", "we", "slowly", "talk", "and", "rest", "near", "trees", "while", "rain", "falls", "again"),
    "zh": (
        *("天气很好", "我们聊着天", "歇了一会", "外面有树", "天色晚了", "起风了"),
        *("下起小雨", "有人唱歌", "灯亮了", "雨停了", "屋里很静", "茶凉了"),
    ),
}
WHERE = {"en": "where?", "zh": "钥匙在哪里？"}
ASK, FIRST_FILLER = 8, 9  # tokens: 8 places, the question, the fillers


@dataclass(frozen=True)
class Overwrite(Task):
    """Options: ``earlier``, number of places before the one that counts; ``before``, steps before it; ``fillers``, filler words."""

    earlier: int = 4
    before: int = 20
    fillers: int = 8

    name: ClassVar[str] = "overwrite"
    question: ClassVar[str] = "Does the last of several values replace the ones before it?"
    reference: ClassVar[str] = "Gers, Schmidhuber & Cummins 2000; Liu et al. 2023 (flip-flop language)"
    output_size: ClassVar[int] = len(PLACES["en"])
    default_gaps: ClassVar[tuple[int, ...]] = (0, 10, 20, 50, 100, 200, 500)
    default_max_steps: ClassVar[int] = 3000
    languages: ClassVar[tuple[str, ...]] = ("en", "zh")

    def __post_init__(self) -> None:
        at_least("earlier", self.earlier, 0)
        at_least("before", self.before, self.earlier)
        at_least("fillers", self.fillers, 1, len(FILLERS["en"]))

    @property
    def input_size(self) -> int:
        return FIRST_FILLER + self.fillers

    def length(self, gap: int) -> int:
        return self.before + 1 + gap + 1

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        inputs = random_tokens(FIRST_FILLER, self.input_size, (self.length(gap), batch_size), generator)  # (T, B)
        if self.earlier:
            times = torch.rand(self.before, batch_size, generator=generator)  # (before, B)
            times[0] = -1.0  # the first step always names a place
            times = times.argsort(dim=0)[: self.earlier]  # (earlier, B)
            inputs.scatter_(0, times, random_tokens(0, self.output_size, (self.earlier, batch_size), generator))
        inputs[self.before] = random_tokens(0, self.output_size, (batch_size,), generator)
        inputs[-1] = ASK
        targets = torch.zeros_like(inputs)  # (T, B)
        targets[-1] = inputs[self.before]
        return Batch(inputs, targets, scored_at(-1, self.length(gap), batch_size))

    def chance(self, gap: int) -> Chance:
        return uniform_chance(self.output_size)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        names = (*PLACES[language], WHERE[language], *FILLERS[language])
        return token_words(batch, b, names, cues=[self.before])


TASK = Overwrite
