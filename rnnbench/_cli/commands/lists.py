"""``rnnbench tasks``, ``cells`` and ``show``: lists of both, and what a network gets to read."""

from __future__ import annotations

from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Gap, Seed, TaskOption, TheTask, Width, complete_cells, complete_tasks, parse_options

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE_OR_NAME...", help="Cells. Default: all.", autocompletion=complete_cells, show_default=False),
]


@app.command(epilog="Example: rnnbench tasks")
def tasks() -> None:
    """List the tasks: the question, its chance level, its options and where it comes from."""
    from rnnbench._cli.terminal.listings import show_tasks

    show_tasks()


@app.command(epilog="Example: rnnbench cells --hidden-size 64")
def cells(names: Names = None, hidden_size: Width = 128, task: TheTask = "copy") -> None:
    """List the cells: what they remember with, their default initialisation, their size, and whether the engine compiles them.

    Parameters and the numbers that a sequence carries from step to step are counted at a width, for the inputs of a task.
    """
    from rnnbench._cli.terminal.listings import show_cells

    show_cells(names, hidden_size, task)


@app.command(epilog="Example: rnnbench show beijing --gap 5 --language zh")
def show(
    task: Annotated[str, typer.Argument(help="Task, by name or path.", autocompletion=complete_tasks)],
    gap: Gap = 5,
    seed: Seed = 0,
    language: Annotated[str, typer.Option(help="en, or zh for the two sentence tasks.")] = "en",
    option: TaskOption = None,
) -> None:
    """Show one example of a task as a person reads it: the input, and what is due at which step."""
    from rnnbench._cli.terminal.listings import show_example

    show_example(task, gap, seed, language, parse_options(option))
