"""``rnnbench guess``: random weights until one network solves the task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Cells, Folder, Gap, Quiet, Seed, TaskOption, Tasks, Width, parse_options
from rnnbench._config import LARGEST_COUNT, MOST_SEEDS


@app.command(epilog="Example: rnnbench guess --cell rnn --task beijing,recall,adding,copy --gap 200")
def guess(
    cell: Cells = "rnn",
    task: Tasks = "beijing,recall,adding,copy",
    gap: Gap = 200,
    hidden_size: Width = 3,
    scale: Annotated[float, typer.Option(help="Weights and biases are drawn from U[-SCALE, SCALE].")] = 100.0,
    max_guesses: Annotated[int, typer.Option(min=1, max=LARGEST_COUNT, help="Guesses before a repeat is unsolved.")] = 5000,
    repeats: Annotated[int, typer.Option(min=1, max=MOST_SEEDS, help="Repeats, each with a seed of its own.")] = 20,
    seed: Seed = 0,
    option: TaskOption = None,
    study: Annotated[Path | None, typer.Option(help="Study whose runs of the same task, cell and gap are shown beside it.")] = None,
    out: Folder = Path("results/guess"),
    quiet: Quiet = False,
) -> None:
    """Guess all weights at random until a network solves the task: what guessing finds quickly proves little about learning.

    Repeats that the CSV has are skipped, so an interrupted command resumes where it stopped.
    """
    from rnnbench._cli.terminal.analysis_text import guess_lines
    from rnnbench._cli.terminal.formatting import say
    from rnnbench._cli.terminal.output import save_figure
    from rnnbench._cli.terminal.progress import counting
    from rnnbench._study import Study
    from rnnbench.insight import measure_guesses
    from rnnbench.plots import plot_guesses

    runs = Study.open(study).runs() if study else None  # before the work
    found = measure_guesses(
        cell=cell.replace(" ", "").split(","),
        task=task.replace(" ", "").split(","),
        seed=range(seed, seed + repeats),
        option=parse_options(option),
        file=out / "guess.csv",
        progress=counting("guessing", quiet),
        gap=gap,
        hidden_size=hidden_size,
        scale=scale,
        max_guesses=max_guesses,
    )
    for line in (*guess_lines(found), f"  {out / 'guess.csv'}"):
        say(line)
    save_figure(out, "guess", plot_guesses(found, runs))
