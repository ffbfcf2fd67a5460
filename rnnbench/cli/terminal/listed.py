"""Lists of tasks and cells, and one example of a task."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import torch
import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table

from rnnbench.catalog import CELLS, TASKS, make_cell, make_task
from rnnbench.cell import Cell
from rnnbench.config import Option
from rnnbench.engine import available, refusal
from rnnbench.errors import UserError, fault_of_file
from rnnbench.initializers import default
from rnnbench.model import parameter_count, stream


def show_tasks() -> None:
    """A row per task."""
    table = Table("task", "question", "chance", "options (default)", "source", title="Tasks")
    broken = {}
    for name, entry in TASKS.named().items():
        kind = entry.kind
        try:
            task = make_task(entry)
            chance = task.chance(200)
        except BaseException as error:
            broken[name] = _fault(error)
            continue
        options = ", ".join(f"{field.name} ({getattr(task, field.name)})" for field in dataclasses.fields(kind)) or "none"
        table.add_row(name, kind.question, f"{100 * chance.accuracy:.1f} %, loss {chance.loss:.3f}", options, kind.reference)
    Console().print(table)
    _say_broken(broken | TASKS.broken)


def _fault(error: BaseException) -> str:
    """What an installed plug-in did wrong; an exception that is not its own goes on."""
    told = fault_of_file(error)
    if told is None:
        raise error
    return told


def _say_broken(broken: Mapping[str, str]) -> None:
    for name, reason in broken.items():
        typer.echo(f"{name} is installed, and cannot be used: {reason}", err=True)


def show_cells(names: list[str] | None, hidden_size: int, task: str) -> None:
    """A row per cell, and below it why the engine does not compile some."""
    entries = [CELLS.find(name) for name in names] if names else list(CELLS.named().values())
    inputs = make_task(TASKS.find(task)).input_size
    table = Table(title=f"Cells with {hidden_size} units on {task}", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for title in ("cell", "remembers with", "default init", "parameters", "state", "compiled"):
        table.add_column(title, justify="right" if title in ("parameters", "state") else "left")
    notes, broken = [], {}
    for entry in entries:
        try:
            with torch.random.fork_rng(devices=[]):
                cell = make_cell(entry, inputs, hidden_size)
        except BaseException as error:
            if names or not entry.source:
                raise
            broken[entry.name] = _fault(error)
            continue
        state = "grows" if cell.state_size is None else f"{cell.state_size:,}"
        why = refusal(cell) if isinstance(cell, Cell) else "it takes whole sequences, and the engine compiles steps"
        compiled = "no" if why else "yes" if available() else "no numba"
        parameters = f"{parameter_count(cell):,}"
        table.add_row(entry.name, entry.kind.memory or entry.kind.summary, default(cell), parameters, state, compiled)
        notes += [f"{entry.name} is not compiled: {why}"] if why else []
    Console().print(table)
    for note in notes:
        typer.echo(note)
    if not names:
        _say_broken(broken | CELLS.broken)


def show_example(task: str, gap: int, seed: int, language: str, options: dict[str, Option]) -> None:
    """One sequence, what is due at each step below it."""
    made = make_task(TASKS.find(task), options)
    if language not in made.languages:
        raise UserError(f"task {made.name} speaks {' and '.join(made.languages)}, not {language!r}")
    try:
        made.check_gap(gap)
    except ValueError as error:
        raise UserError(str(error)) from error
    words = made.words(made.sample(gap, 1, stream(seed, "show")), 0, language)
    top, bottom = ["input"], ["due  "]
    for word in words:
        due = word.answer or "."
        width = max(cell_len(word.text), cell_len(due))  # a Chinese character is two columns wide
        top.append(word.text + " " * (width - cell_len(word.text)))
        bottom.append(due + " " * (width - cell_len(due)))
    typer.echo(" ".join(top).rstrip())
    typer.echo(" ".join(bottom).rstrip())
    chance = made.chance(gap)
    typer.echo(f"chance {100 * chance.accuracy:.1f} % right, loss {chance.loss:.3f}; {made.reference}")
