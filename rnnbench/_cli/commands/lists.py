"""``rnnbench tasks``, ``cells`` and ``show``: lists of both, and what a network gets to read."""

from __future__ import annotations

from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags

CellsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILE_OR_NAME", help="Cells. Default: all.", autocompletion=flags.COMPLETE["cell"], show_default=False),
]


@app.command(epilog="Example: rnnbench tasks")
def tasks() -> None:
    """List the tasks with their chance levels, options and sources."""
    from rnnbench._cli.terminal.listings import print_tasks

    print_tasks()


@app.command(epilog="Example: rnnbench cells --hidden-size 64")
def cells(names: CellsArgument = None, hidden_size: flags.WidthFlag = 128, task: flags.TaskFlag = "copy") -> None:
    """List the cells with their sizes, and how each is computed on a CPU and on CUDA.

    The parameters and the state (the numbers that a sequence carries from step to step) are counted for a width and the inputs of a
    task.
    """
    from rnnbench._cli.terminal.listings import print_cells

    print_cells(names, hidden_size, task)


@app.command(epilog="Example: rnnbench show beijing --gap 5 --language zh")
def show(
    task: Annotated[str, typer.Argument(metavar="TASK", help="Task, by name or path.", autocompletion=flags.COMPLETE["task"])],
    gap: flags.GapFlag = 5,
    seed: flags.SeedFlag = 0,
    language: Annotated[
        str, typer.Option(help="Language of the words around the example, and of the sentence tasks: en or zh.")
    ] = "en",
    option: flags.TaskOptionFlag = None,
) -> None:
    """Print an example sequence of a task, the answer that is due at each step, and marks of the cue and the question."""
    from rnnbench._cli.terminal.listings import print_example

    print_example(task, gap, seed, language, flags.parse_options(option))
