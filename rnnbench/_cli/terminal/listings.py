"""Lists of tasks, cells and constructions, and an example of a task."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence

import torch
from rich.cells import cell_len
from rich.text import Text

from rnnbench._cell import Cell
from rnnbench._cli.terminal.columns import Column, print_columns
from rnnbench._cli.terminal.console import PlainConsole, stderr_console
from rnnbench._cli.terminal.formatting import echo, line_width, print_wrapped
from rnnbench._config import Option
from rnnbench._engine import refusal, unavailable
from rnnbench._errors import UserError, plugin_error_message, visible
from rnnbench._network import scan, torch_nn
from rnnbench._network.initializers import default_init
from rnnbench._plugins.registry import CELLS, TASKS, make_cell, make_task
from rnnbench._spec.resolve import task_options
from rnnbench._spec.width import parameter_count
from rnnbench._training.model import stream
from rnnbench.insight._constructions import CONSTRUCTIONS

SHOWN = {
    "en": {
        "input": "input",
        "due": "due",
        "marks": "^ the cue, ? the question",
        "question": "? the question",
        "chance": "chance {:.1f} % right, loss {:.3f}; {}",
        "baseline": "{} {:.1f} % right: a network that remembers a part",
    },
    "zh": {
        "input": "输入",
        "due": "应答",
        "marks": "^ 线索，? 提问",
        "question": "? 提问",
        "chance": "随机猜测水平：准确率 {:.1f} %，损失 {:.3f}；{}",
        "baseline": "{}：准确率 {:.1f} %，只记住一部分的网络",
    },
}
"""The words around an example, by language."""

WAYS = (
    "compiled: one compiled loop over the time steps. scan: the cell's own computation of a whole sequence, where dL/dh_t has no "
    "limit (--recurrent-clip inf), else compiled or the loop. loop: a Python loop. PyTorch: all time steps at once. cuDNN: "
    "torch.nn, where dL/dh_t has no limit and without --truncate, else the loop."
)
"""What the columns CPU and CUDA of the table of cells mean."""


def print_tasks() -> None:
    """Print a table with a row per task."""
    rows: list[tuple[str, str, str, Text]] = []
    errors = {}
    for name, entry in TASKS.named().items():
        cls = entry.cls
        try:
            task = make_task(entry)
            chance = task.chance(task.default_gap)
        except BaseException as error:
            errors[name] = _plugin_error(error)
            continue
        options = ", ".join(f"{field.name} ({getattr(task, field.name)})" for field in dataclasses.fields(cls)) or "no options"
        others = "".join(f"baseline {name}: {100 * level:.1f} %\n" for name, level in task.baselines(task.default_gap).items())
        description = Text.assemble(visible(f"{cls.question}\n{options}\n{others}"), (visible(cls.reference), "dim"))
        rows.append((name, f"{100 * chance.accuracy:.1f} %", f"{chance.loss:.3f}", description))
    headings = ("task", "chance", "loss", "question, options (default) and source")
    _print_rows(headings, rows, words=("task", headings[-1]))
    _print_broken(errors | TASKS.broken)


def _print_rows(headings: Sequence[str], rows: Sequence[Sequence[str | Text]], words: Collection[str]) -> None:
    """Print a table of rows; the columns ``words`` hold text."""
    columns = zip(headings, zip(*rows, strict=True), strict=True)
    print_columns(PlainConsole(), [Column(heading, values, heading in words) for heading, values in columns])


def _plugin_error(error: BaseException) -> str:
    """Return the message for an error that an installed plug-in raised; raise any other error again."""
    message = plugin_error_message(error)
    if message is None:
        raise error
    return message


def _print_broken(errors: Mapping[str, str]) -> None:
    for name, reason in errors.items():
        echo(f"{name} is installed but cannot be used: {reason}", err=True)


def print_cells(names: list[str] | None, hidden_size: int, task: str) -> None:
    """Print a table with a row per cell, and below it why some of them are not compiled, or do not run by cuDNN."""
    entries = [CELLS.find(name) for name in names] if names else list(CELLS.named().values())
    inputs = make_task(TASKS.find(task)).input_size
    rows: list[tuple[str, ...]] = []
    notes, errors = [], {}
    for entry in entries:
        try:
            with torch.random.fork_rng(devices=[]):
                cell = make_cell(entry, inputs, hidden_size)
        except BaseException as error:
            if names or not entry.source:
                raise
            errors[entry.name] = _plugin_error(error)
            continue
        state = "grows" if cell.state_size is None else f"{cell.state_size:,}"
        cpu = cuda = "PyTorch"
        if isinstance(cell, Cell) and scan.disagreement(cell) is None:
            cpu = cuda = "scan"
        elif isinstance(cell, Cell):
            why = refusal(cell)
            cpu = "compiled" if why is None and unavailable() is None else "loop"
            other = None if cell.torch_nn is None else torch_nn.disagreement(cell)
            cuda = "loop" if cell.torch_nn is None or other else "cuDNN"
            notes += [f"{entry.name}: {reason}" for reason in (why, other) if reason]
        parameters = f"{parameter_count(cell):,}"
        rows.append((entry.name, entry.cls.memory or entry.cls.summary, default_init(cell), parameters, state, cpu, cuda))
    echo(f"Cells with {hidden_size:,} units on {task}\n")
    headings = ("cell", "remembers with", "default init", "parameters", "state", "CPU", "CUDA")
    _print_rows(headings, rows, words=("cell", "remembers with", "default init", "CPU", "CUDA"))
    for note in (WAYS, *([problem] if (problem := unavailable()) else []), *notes):
        print_wrapped(note)
    if not names:
        _print_broken(errors | CELLS.broken)


def print_example(task: str, gap: int, seed: int, language: str, options: dict[str, Option]) -> None:
    """Print a sequence, below each input the answer that is due at its step, and marks of the cues and the questions."""
    entry = TASKS.find(task)
    instance = make_task(entry, task_options(entry, options, gap))
    known = dict.fromkeys((*SHOWN, *instance.languages))
    if language not in known:
        raise UserError(f"task {instance.name} has examples in {' and '.join(known)}, not {language!r}")
    try:
        instance.check_gap(gap)
    except ValueError as error:
        raise UserError(str(error)) from error
    with stderr_console().status("drawing a sequence"):
        batch = instance.draw(gap, 1, stream(seed, "show"), "eval")
        words = instance.words(batch, 0, language if language in instance.languages else "en")
    marks = ["?" if word.answer is not None else "^" if word.cue else "" for word in words]
    columns = [(word.text, word.answer or ".", mark) for word, mark in zip(words, marks, strict=True)]
    text = SHOWN.get(language, SHOWN["en"])
    for lines in wrap_columns(columns, line_width()):
        for name, line in zip((text["input"], text["due"], ""), lines, strict=True):
            if line := f"{name}{' ' * (6 - cell_len(name))}{line}".rstrip():
                echo(line)
    chance = instance.chance(gap)
    print_wrapped(text["marks"] if "^" in marks else text["question"])
    print_wrapped(text["chance"].format(100 * chance.accuracy, chance.loss, instance.reference))
    for name, accuracy in instance.baselines(gap).items():
        print_wrapped(text["baseline"].format(name, 100 * accuracy))


def wrap_columns(words: list[tuple[str, str, str]], width: int | None) -> Iterator[list[str]]:
    """Yield the texts below each other as groups of lines, at most ``width`` columns with the heading (None: one group)."""
    group: list[list[str]] = []
    taken = len("input ")
    for word in words:
        columns = max(cell_len(text) for text in word)  # a Chinese character is two columns wide
        if width is not None and group and taken + columns > width:
            yield _joined(group)
            group, taken = [], len("input ")
        group.append([text + " " * (columns + 1 - cell_len(text)) for text in word])
        taken += columns + 1
    yield _joined(group)


def _joined(group: list[list[str]]) -> list[str]:
    return ["".join(texts) for texts in zip(*group, strict=True)]


def print_constructions() -> None:
    """Print each construction with its task, its width and how it works."""
    for name, one in CONSTRUCTIONS.items():
        print_wrapped(f"{name}: {one.units} units; {one.idea}" if one.units > 1 else f"{name}: 1 unit; {one.idea}")
