"""``rnnbench tasks``, ``cells`` and ``show``: what there is, and what a network gets to read."""

from __future__ import annotations

from typing import Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.options import TaskOption, complete_tasks, parse_options
from rnnbench.config import LARGEST_GAP, LARGEST_SEED, LARGEST_WIDTH
from rnnbench.errors import UserError


@app.command(epilog="Example: rnnbench tasks")
def tasks() -> None:
    """List the tasks: the question, its chance level, its options and where it comes from."""
    import dataclasses

    from rich.console import Console
    from rich.table import Table

    from rnnbench.catalog import TASKS

    table = Table("task", "question", "chance", "options (default)", "source", title="Tasks")
    for name, entry in TASKS.named().items():
        kind, task = entry.kind, entry.kind()
        options = ", ".join(f"{field.name} ({getattr(task, field.name)})" for field in dataclasses.fields(task)) or "none"
        chance = task.chance(200)
        table.add_row(name, kind.question, f"{100 * chance.accuracy:.1f} %, loss {chance.loss:.3f}", options, kind.reference)
    Console().print(table)


@app.command(epilog="Example: rnnbench cells --hidden-size 64")
def cells(
    hidden_size: Annotated[
        int, typer.Option(min=1, max=LARGEST_WIDTH, help="Width the parameters are counted for, in units.")
    ] = 128,
    task: Annotated[str, typer.Option(help="Task whose inputs they are counted for.", autocompletion=complete_tasks)] = "copy",
) -> None:
    """List the cells: their default initialisation and how many parameters they have, whatever the sequence length."""
    from rich.console import Console
    from rich.table import Table

    from rnnbench.catalog import CELLS, TASKS, make_task
    from rnnbench.initializers import default
    from rnnbench.model import parameter_count
    from rnnbench.resolve import sketch

    inputs = make_task(TASKS.find(task)).input_size
    table = Table("cell", "what it is", "default init", "parameters", title=f"Cells with {hidden_size} units on {task}")
    for name, entry in CELLS.named().items():
        cell = sketch(entry, inputs, hidden_size)
        table.add_row(name, entry.kind.summary, default(cell), f"{parameter_count(cell):,}")
    Console().print(table)


@app.command(epilog="Example: rnnbench show beijing --gap 5 --language zh")
def show(
    task: Annotated[str, typer.Argument(help="Task, by name or path.", autocompletion=complete_tasks)],
    gap: Annotated[int, typer.Option(min=0, max=LARGEST_GAP, metavar="STEPS", help="Time steps between cue and answer.")] = 5,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of the example.")] = 0,
    language: Annotated[str, typer.Option(help="en, or zh for the two sentence tasks.")] = "en",
    option: TaskOption = None,
) -> None:
    """Show one example of a task as a person reads it: the input, and what is due at which step."""
    from rich.cells import cell_len

    from rnnbench.catalog import TASKS, make_task
    from rnnbench.model import stream

    made = make_task(TASKS.find(task), parse_options(option))
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
