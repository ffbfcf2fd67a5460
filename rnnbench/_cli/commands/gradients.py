"""``rnnbench gradients``: how the gradient fades through the gap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Cells, Folder, Gap, Init, OneStudy, Seed, TaskOption, TheTask, Width, parse_options


@app.command(epilog="Example: rnnbench gradients --cell rnn,lstm,gru --task beijing --gap 200")
def gradients(
    cell: Cells = "rnn,lstm,gru",
    task: TheTask = "beijing",
    gap: Gap = 200,
    hidden_size: Width = 128,
    init: Init = None,
    seed: Seed = 0,
    run: Annotated[str | None, typer.Option(metavar="RUN_IDS", help="Finished runs instead, also after training.")] = None,
    study: OneStudy = Path("results"),
    float64: Annotated[bool, typer.Option("--float64/--float32", help="Precision; float32 ends at 1e-45.")] = True,
    option: TaskOption = None,
    out: Folder = Path("results/gradients"),
) -> None:
    """Measure the norm of d loss / d state against the distance to the answer, before training and, for finished runs, after it.

    With --run the flags of an untrained network are ignored.
    """
    from rnnbench._cli.terminal.analysis_text import gradient_lines
    from rnnbench._cli.terminal.output import prepare, save
    from rnnbench._study.insight_tables import GradientRow
    from rnnbench.insight import measure_gradients
    from rnnbench.plots import plot_gradients

    asked = {"task": task, "gap": gap, "hidden_size": hidden_size, "init": init, "seed": seed, "option": parse_options(option)}
    names = None if run is None else run.split(",")
    prepare(out)
    found = measure_gradients(cell=cell.replace(" ", "").split(","), run=names, study=study, float64=float64, **asked)
    typer.echo(gradient_lines(found.numbers))
    name = f"gradients_{found.numbers['task'].iloc[0]}_gap{found.numbers['gap'].iloc[0]}"
    save(out, name, found.curves, GradientRow, plot_gradients(found.curves))
