"""``rnnbench guess``: random weights until a network solves the task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._config import LARGEST_COUNT, MOST_SEEDS


@app.command(epilog="Example: rnnbench guess --cell rnn --task beijing,recall,adding,copy --gap 200")
def guess(
    cell: flags.CellsFlag = "rnn",
    task: flags.TasksFlag = "beijing,recall,adding,copy",
    gap: flags.GapFlag = 200,
    hidden_size: flags.WidthFlag = 3,
    scale: Annotated[float, typer.Option(help="Weights and biases are drawn from U[-SCALE, SCALE].")] = 100.0,
    max_guesses: Annotated[int, typer.Option(callback=flags.within(1, LARGEST_COUNT), help="Most guesses per repeat.")] = 5000,
    repeats: Annotated[int, typer.Option(callback=flags.within(1, MOST_SEEDS), help="Repeats, each with its own seed.")] = 20,
    seed: flags.SeedFlag = 0,
    option: flags.TaskOptionFlag = None,
    study: Annotated[Path | None, typer.Option(help="Study whose trained runs are shown next to the guesses.")] = None,
    out: flags.FolderFlag = Path("results/guess"),
    quiet: flags.QuietFlag = False,
) -> None:
    """Guess all weights at random until a network solves the task.

    A task that guessing solves quickly shows little about learning. The same command resumes after an interruption.
    """
    from rnnbench._cli.terminal.analysis_text import guess_lines
    from rnnbench._cli.terminal.formatting import print_wrapped
    from rnnbench._cli.terminal.output import save_figure
    from rnnbench._cli.terminal.progress_bar import counting
    from rnnbench._study import StudyFolder
    from rnnbench.insight import measure_guesses
    from rnnbench.plots import plot_guesses

    runs = StudyFolder.open(study).runs() if study else None  # read first, so that a wrong study fails at once
    result = measure_guesses(
        cell=flags.name_list("--cell", cell),
        task=flags.name_list("--task", task),
        seed=range(seed, seed + repeats),
        option=flags.parse_options(option),
        file=out / "guess.csv",
        progress=counting("guessing", quiet),
        gap=gap,
        hidden_size=hidden_size,
        scale=scale,
        max_guesses=max_guesses,
    )
    for line in (*guess_lines(result), f"  {out / 'guess.csv'}"):
        print_wrapped(line)
    save_figure(out, "guess", plot_guesses(result, runs))
