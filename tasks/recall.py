"""Distant-cue recall: "I live in CHINA ... I speak" CHINESE.

Worked example (``rnnbench show recall --gap 2``)::

    input I live-in china turns the I speak
    due   . .       .     .     .   . chinese

One of ten countries is named early and determines the language at the end; ``gap`` filler words separate the two sentences. With
``cues=3`` three people each live in a country, and the question is about one of them. The network must then store three countries
until it reads which one counts.

The country lies ``gap + 2`` steps before the answer (further for all but the last of several people).

Source: the textbook sentence "I grew up in France ... I speak fluent French" (Bengio, Simard & Frasconi 1994 explain why it is
hard); with several cues it is associative recall, as in Graves, Wayne & Danihelka 2014, section 4.3.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Generator

from rnnbench.task import Batch, Chance, Task, Word, at_least, random_tokens, scored_at, token_words, uniform_chance

COUNTRIES = {
    "en": ("china", "france", "germany", "italy", "spain", "japan", "russia", "turkey", "greece", "poland"),
    "zh": ("中国", "法国", "德国", "意大利", "西班牙", "日本", "俄罗斯", "土耳其", "希腊", "波兰"),
}
LANGUAGES = {
    "en": (
        *("chinese", "french", "german", "italian", "spanish"),
        *("japanese", "russian", "turkish", "greek", "polish"),
    ),
    "zh": ("中文", "法语", "德语", "意大利语", "西班牙语", "日语", "俄语", "土耳其语", "希腊语", "波兰语"),
}
PEOPLE = {"en": ("I", "Ann", "Ben", "Cai", "Dora", "Emil"), "zh": ("我", "安", "本", "蔡", "朵拉", "埃米尔")}
PHRASES = {"en": ("live-in", "speak"), "zh": ("住在", "会讲")}
FILLERS = {
    "en": ("then", "slowly", "the", "old", "road", "turns", "under", "bright", "clouds", "and", "winds", "rise"),
    "zh": (
        *("春天来了", "道路很长", "云朵很白", "起风了", "河水流过", "树叶绿了"),
        *("天亮了", "下过雨了", "鸟在唱歌", "花开了", "夜里很静", "月亮很圆"),
    ),
}
FIRST_PERSON = 10  # tokens: 10 countries, 6 people, "live in", "speak", the fillers
LIVE_IN, SPEAK, FIRST_FILLER = 16, 17, 18


@dataclass(frozen=True)
class Recall(Task):
    """Options: ``cues``, number of people with a country each; ``fillers``, number of different filler words."""

    cues: int = 1
    fillers: int = 8

    name: ClassVar[str] = "recall"
    question: ClassVar[str] = "Does an early country still decide the language asked for at the end?"
    reference: ClassVar[str] = "textbook example; Graves, Wayne & Danihelka 2014, section 4.3 (several cues)"
    output_size: ClassVar[int] = len(COUNTRIES["en"])
    default_gaps: ClassVar[tuple[int, ...]] = (0, 10, 20, 50, 100, 200, 500)
    default_max_steps: ClassVar[int] = 3000
    languages: ClassVar[tuple[str, ...]] = ("en", "zh")

    def __post_init__(self) -> None:
        at_least("cues", self.cues, 1, len(PEOPLE["en"]))
        at_least("fillers", self.fillers, 1, len(FILLERS["en"]))

    @property
    def input_size(self) -> int:
        return FIRST_FILLER + self.fillers

    def length(self, gap: int) -> int:
        return 3 * self.cues + gap + 2

    def sample(self, gap: int, batch_size: int, generator: Generator) -> Batch:
        countries = random_tokens(0, self.output_size, (self.cues, batch_size), generator)  # (cues, B)
        asked = random_tokens(0, self.cues, (1, batch_size), generator)  # (1, B)
        fillers = random_tokens(FIRST_FILLER, self.input_size, (gap, batch_size), generator)  # (gap, B)
        sentences = torch.full((self.cues, 3, batch_size), LIVE_IN)  # (cues, 3, B): person, live in, country
        sentences[:, 0] = FIRST_PERSON + torch.arange(self.cues).unsqueeze(1)
        sentences[:, 2] = countries
        speak = torch.full((1, batch_size), SPEAK)  # (1, B)
        inputs = torch.cat((sentences.flatten(0, 1), fillers, FIRST_PERSON + asked, speak))  # (T, B)
        targets = torch.zeros_like(inputs)  # (T, B)
        targets[-1] = countries.gather(0, asked)[0]  # (B,)
        return Batch(inputs, targets, scored_at(-1, self.length(gap), batch_size))

    def chance(self, gap: int) -> Chance:
        return uniform_chance(self.output_size)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        names = (*COUNTRIES[language], *PEOPLE[language], *PHRASES[language], *FILLERS[language])
        asked = int(batch.inputs[-2, b]) - FIRST_PERSON
        return token_words(batch, b, names, LANGUAGES[language], cues=[3 * asked + 2])


TASK = Recall
