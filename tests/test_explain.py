"""Tests of `rnnbench explain`: the committed networks answer right, the numbers are those of their equations, the text holds."""

import json
import math
from functools import cache
from itertools import product

import pytest
import torch
from rich.cells import cell_len

from rnnbench._config import RunRequest
from rnnbench._explain.content import CELLS, LANGUAGES, TASKS, networks, texts
from rnnbench._explain.text import explain
from rnnbench._explain.trace import Trace, trace
from rnnbench._spec.resolve import resolve

NETWORKS = list(product(CELLS, TASKS))


@cache
def reading(cell: str, task: str) -> Trace:
    """Return the forward pass of a network over its English sentence."""
    return trace(cell, task, "en")


def keys(value: object) -> object:
    """Return the structure of a language's text without its words."""
    if isinstance(value, dict):
        return {key: keys(part) for key, part in value.items()}
    return [keys(part) for part in value] if isinstance(value, list) else None


def fields(text: str) -> set[str]:
    return {part.partition("}")[0] for part in text.split("{")[1:]}


def test_both_languages_have_the_same_sections_and_placeholders() -> None:
    en, zh = (texts(language) for language in LANGUAGES)
    assert keys(en) == keys(zh)
    assert [section["cell"] for section in en["section"]] == [section["cell"] for section in zh["section"]]
    for table in ("text", "page"):
        for name in en[table]:
            assert fields(en[table][name]) == fields(zh[table][name]), name


@pytest.mark.parametrize(
    ("language", "terms"),
    [
        ("en", ("vanishing gradient", "long-term dependency", "unroll", "parameter sharing")),
        ("zh", ("梯度消失", "长期依赖", "展开", "参数共享")),
    ],
)
def test_the_text_has_the_terms_and_fits_a_terminal(language: str, terms: tuple[str, ...]) -> None:
    text = explain(list(CELLS), language)
    assert all(term in text for term in terms)
    wide = [line for line in text.splitlines() if cell_len(line) > 82]
    assert wide == []
    unbroken = " ".join(text.replace("\\\n", " ").split())
    assert all(reading(cell, TASKS[0]).command in unbroken for cell in CELLS)
    titles = [section["title"] for section in texts(language)["section"]]
    places = [text.index(f" {title}\n") for title in titles]
    assert places == sorted(places)


@pytest.mark.parametrize(("cell", "task"), NETWORKS)
def test_every_network_answers_each_choice_right(cell: str, task: str) -> None:
    read = reading(cell, task)
    assert [read.names[k] for k in read.probabilities.argmax(dim=1).tolist()] == read.answers
    assert read.probabilities.max(dim=1).values.min() > 0.9
    assert read.words[0][read.cue] != read.words[1][read.cue]


@pytest.mark.parametrize(("cell", "task"), NETWORKS)
def test_the_command_is_the_one_that_trained_the_network(cell: str, task: str) -> None:
    network = networks()[task]["networks"][cell]
    words = network["command"].split()[2:]
    values = {
        flag[2:].replace("-", "_"): json.loads(word) if word[0].isdigit() else word
        for flag, word in zip(words[::2], words[1::2], strict=True)
    }
    assert resolve(RunRequest.model_validate(values)).run.run_id == network["run_id"]


def test_the_commands_differ_only_in_cell_and_task() -> None:
    """The page shows one of them."""
    rest = {networks()[task]["networks"][cell]["command"].replace(f"--cell {cell} --task {task}", "") for cell, task in NETWORKS}
    assert len(rest) == 1


def test_notes_follow_their_section() -> None:
    text = explain(["rnn"])
    assert "through the gradient.\nIn rnnbench: --truncate k.\n" in text


def test_the_arithmetic_gives_the_number_that_it_shows() -> None:
    for cell, task in NETWORKS:
        read = reading(cell, task)
        for choice, step in product(range(len(read.words)), range(len(read.words[0]))):
            left, _, right = read.arithmetic(step, choice).split("   ")[0].partition("= ")[2].rpartition(" = ")
            assert eval(left, {"tanh": math.tanh}) == pytest.approx(float(right), abs=0.06), (cell, task, step)


def signs_agree(read: Trace, content: str, choice: int) -> bool:
    """Return True if, after the cue, the new content of the unit shown has the sign of its memory before."""
    unit = read.telling_unit(choice)
    memory, new = read.values[read.memory][choice, :, unit], read.values[content][choice, :, unit]
    return bool(torch.all(memory[read.cue : -1] * new[read.cue + 1 :] > 0))


@pytest.mark.parametrize("task", TASKS)
def test_what_the_text_says_about_the_numbers_is_true(task: str) -> None:
    lstm, gru, rnn = (reading(cell, task) for cell in ("lstm", "gru", "rnn"))
    for choice in range(len(lstm.words)):
        unit = lstm.telling_unit(choice)
        assert lstm.values["f"][choice, :, unit].min() > 0.695, choice
        assert lstm.values["i"][choice, lstm.cue :, unit].min() > 0.25, choice
        assert signs_agree(lstm, "g", choice), choice
        assert signs_agree(gru, "n", choice), choice
        state = rnn.values["h"][choice, rnn.cue :, rnn.telling_unit(choice)]
        assert (state.max() - state.min()) > 1, choice


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["lsm"], "explain has no cell 'lsm': did you mean 'lstm'?"),
        (["rnn", "--task", "copy"], "explain has no --task 'copy': there are beijing, recall"),
        (["rnn", "--language", "fr"], "explain has no --language 'fr': there are en, zh"),
    ],
)
def test_bad_input_is_one_line(rnnbench, arguments: list[str], line: str) -> None:
    result = rnnbench("explain", *arguments)
    assert (result.code, result.err.strip()) == (2, f"rnnbench: {line}")


def test_the_command_prints_the_sections_of_one_cell(rnnbench) -> None:
    out = rnnbench("explain", "gru", "--language", "zh").out
    assert "更新门" in out
    assert "遗忘门\n" not in out
    assert "[到达一座城市]" in out
