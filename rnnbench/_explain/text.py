"""The introduction as text for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Sequence

from rich.cells import cell_len

from rnnbench._explain.content import CELLS, networks, texts
from rnnbench._explain.trace import trace

WIDTH = 80


def explain(cells: Sequence[str], language: str = "en", task: str | None = None, width: int = WIDTH) -> str:
    """Return the sections about the cells in the order of an introduction, each cell followed by a sentence with its numbers.

    Args:
        cells: names of :data:`CELLS`.
        language: one of :data:`LANGUAGES`.
        task: the task of the sentence; the first one if None.
        width: columns of the terminal.
    """
    text, lines = texts(language), []
    for cell in (name for name in CELLS if name in cells):
        sections = [section for section in text["section"] if section["cell"] == cell]
        for number, section in enumerate(sections, start=1):
            lines += [f"{text['names'][cell]} {number}. {section['title']}", ""]
            lines += [f"    {equation}" for equation in section["equations"]]
            lines += ["", *wrap(section["text"], width), *wrap(section.get("note", ""), width), ""]
        lines += [*_sentence(cell, language, task or next(iter(networks())), width), ""]
    return "\n".join([*lines, *wrap(text["text"]["next"], width)])


def _sentence(cell: str, language: str, task: str, width: int) -> Iterator[str]:
    """Yield the sentence of a task, word by word, with the numbers of the trained network."""
    text, read = texts(language), trace(cell, task, language)
    names, say = text["names"], text["text"]
    units = next(iter(read.values.values())).shape[2]
    cue, other = read.words[0][read.cue], read.words[1][read.cue]
    yield say["sentence"].format(cell=names[cell])
    yield ""
    yield from wrap(say["network"].format(cell=names[cell], units=units), width)
    yield ""
    yield "    " + " ".join(f"[{word}]" if step == read.cue else word for step, word in enumerate(read.words[0]))
    yield ""
    yield from wrap(say["arithmetic"].format(unit=read.telling_unit() + 1, cue=cue, other=other), width)
    yield ""
    margin = max(cell_len(word) for word in read.words[0]) + 2
    for step, word in enumerate(read.words[0]):
        yield f"  {_pad(word, margin)}{read.arithmetic(step)}"
    yield ""
    yield from wrap(text["see"][cell], width)
    yield ""
    yield say["all_units"].format(quantity=text["quantities"][read.memory], units=units)
    yield ""
    for word, numbers in zip(read.words[0], read.values[read.memory][0].tolist(), strict=True):
        yield f"  {_pad(word, margin)}" + " ".join(f"{number:5.2f}" for number in numbers)
    yield ""
    found = read.probabilities.max(dim=1)
    given = [(read.names[index] or "?", f"{100 * share:.1f} %") for share, index in zip(*(x.tolist() for x in found), strict=True)]
    (answer, probability), (counter, counter_probability) = given[:2]
    values = {"answer": answer, "probability": probability, "counter": counter, "counter_probability": counter_probability}
    yield from wrap(say["answer"].format(cue=cue, other=other, **values), width)
    yield say["command"]
    yield from _command(read.command, width)


def _command(command: str, width: int) -> Iterator[str]:
    """Yield the lines of a command as a shell reads them, each with whole flags."""
    whole = re.sub(r"(--\S+) ", "\\1\N{NO-BREAK SPACE}", command)
    lines = textwrap.wrap(whole, width - 10, break_on_hyphens=False, break_long_words=False)
    for number, line in enumerate(lines):
        indent, end = " " * (8 if number else 4), " \\" if number + 1 < len(lines) else ""
        yield indent + line.replace("\N{NO-BREAK SPACE}", " ") + end


def _pad(word: str, columns: int) -> str:
    return word + " " * (columns - cell_len(word))


def wrap(text: str, width: int) -> list[str]:
    """Return the lines of a paragraph; one in Chinese, which has few spaces, is broken between any two characters."""
    if cell_len(text) == len(text):
        return textwrap.wrap(text, width, break_on_hyphens=False)
    lines = [""]
    for character in text:
        if cell_len(lines[-1] + character) > width and character not in "，。：；！？、）”":
            lines.append("")
        lines[-1] += character
    return lines
