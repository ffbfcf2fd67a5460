"""``rnnbench guess``: random weights until one network solves the task."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.options import Quiet, TaskOption, checked, complete_cells, complete_tasks, parse_options
from rnnbench.cli.terminal.saving import Folder, added, resumed, save
from rnnbench.config import LARGEST_COUNT, MOST_SEEDS
from rnnbench.errors import UserError

KEY = ["task", "cell", "gap", "hidden_size", "scale", "max_guesses", "option", "seed"]
COLUMNS = [*KEY, "guesses", "solved", "sequences", "accuracy", "chance_accuracy"]


@app.command(epilog="Example: rnnbench guess --cell rnn --task beijing,recall,adding,copy --gap 200")
def guess(
    cell: Annotated[
        str, typer.Option(metavar="rnn,lstm", help="Cells, with commas between.", autocompletion=complete_cells)
    ] = "rnn",
    task: Annotated[
        str, typer.Option(metavar="beijing,copy", help="Tasks, with commas between.", autocompletion=complete_tasks)
    ] = "beijing,recall,adding,copy",
    gap: Annotated[int, typer.Option(min=0, metavar="STEPS", help="Gap.")] = 200,
    hidden_size: Annotated[int, typer.Option(min=1, metavar="UNITS", help="Width; guessing finds small networks.")] = 3,
    scale: Annotated[float, typer.Option(help="Weights and biases are drawn from U[-SCALE, SCALE].")] = 100.0,
    max_guesses: Annotated[
        int, typer.Option(min=1, max=LARGEST_COUNT, help="Guesses of a repeat before it counts as unsolved.")
    ] = 5000,
    repeats: Annotated[int, typer.Option(min=1, max=MOST_SEEDS, help="Repeats, each with a seed of its own.")] = 20,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first repeat.")] = 0,
    option: TaskOption = None,
    study: Annotated[Path | None, typer.Option(help="Study whose runs of the same task, cell and gap are shown beside it.")] = None,
    out: Folder = Path("results/guess"),
    quiet: Quiet = False,
) -> None:
    """Guess all weights at random until a network solves the task: what guessing finds quickly proves little about learning.

    Repeats that the CSV has are skipped, so an interrupted command resumes where it stopped.
    """
    import json
    import statistics

    import pandas as pd

    from rnnbench.cli.terminal.screen import counted
    from rnnbench.cli.terminal.words import percent
    from rnnbench.insight import guess as guessing
    from rnnbench.plots import plot_guesses
    from rnnbench.records import load_runs
    from rnnbench.resolve import resolve, task_of
    from rnnbench.stats import wilson_interval

    if not 0 < scale < float("inf"):
        raise UserError(f"--scale must be a number above 0, not {scale}")
    runs = load_runs(study) if study else pd.DataFrame()
    options = parse_options(option)
    configs = []
    for name in task.split(","):
        for kind in cell.split(","):
            values = {"task": name.strip(), "cell": kind.strip(), "gap": gap, "hidden_size": hidden_size, "option": options}
            configs += [resolve(checked(values | {"seed": number})) for number in range(seed, seed + repeats)]
    frame, known = resumed(out, "guess", COLUMNS, KEY)
    keys = {
        config.run_id: (config.task, config.cell, gap, hidden_size, scale, max_guesses, json.dumps(config.option), config.seed)
        for config in configs
    }
    for config in counted([config for config in configs if keys[config.run_id] not in known], "guessing", quiet):
        found = guessing.guess(config, scale, max_guesses)
        at_random = task_of(config).chance(gap).accuracy
        row = [*keys[config.run_id], found.guesses, found.solved, found.sequences, found.accuracy, at_random]
        frame = added(frame, row)
        save(out, "guess", frame, announce=False)
    wanted = set(keys.values())
    shown = frame[[tuple(row) in wanted for row in frame[KEY].itertuples(index=False)]]
    if len(runs):
        runs = runs[(runs["gap"] == gap) & runs["task"].isin(shown["task"]) & runs["cell"].isin(shown["cell"])]
    for (which, used), rows in shown.groupby(["task", "cell"], sort=False):
        hits, misses = rows[rows["solved"]], rows[~rows["solved"]]
        low, high = wilson_interval(len(hits), len(rows))
        told = f"{used} on {which}, gap {gap}, {hidden_size} units: solved in {len(hits)} of {len(rows)} repeats"
        told += f" (95 % interval {100 * low:.0f} to {100 * high:.0f} %)"
        if len(hits):
            counts = hits["guesses"].tolist()
            told += f", after {statistics.median(counts):,.0f} guesses (median; {min(counts):,} to {max(counts):,})"
        if len(misses):
            chance = misses["chance_accuracy"].iloc[0]
            told += (
                f"; {len(misses)} stopped at {max_guesses:,}, best {percent(misses['accuracy'].max())}, chance {percent(chance)}"
            )
        typer.echo(told)
    save(out, "guess", frame, plot_guesses(shown, runs))
