"""``rnnbench gradients``: the norm of the gradient through the gap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import print_lines
from rnnbench._config import file_word


@app.command(epilog="Example: rnnbench gradients --cell rnn,lstm,gru --task beijing --gap 200")
def gradients(
    context: typer.Context,
    cell: flags.CellsFlag = "rnn,lstm,gru",
    task: flags.TaskFlag = "beijing",
    gap: flags.GapFlag = 200,
    hidden_size: flags.WidthFlag = 128,
    init: flags.InitFlag = None,
    seed: flags.SeedFlag = 0,
    run: flags.RunsFlag = None,
    study: flags.StudyFlag = Path("results"),
    float64: Annotated[bool, typer.Option("--float64/--float32", help="Precision; float32 cannot hold norms below 1e-45.")] = True,
    option: flags.TaskOptionFlag = None,
    out: flags.FolderFlag = Path("results/gradients"),
) -> None:
    """Measure how the gradient fades through the gap.

    Measures the norm of d loss / d state by distance to the answer, before training and, with --run, also after it. With --run the
    flags of an untrained network are ignored, but --cell and --task give the plug-ins of the runs, as when they were made.
    """
    from rnnbench._cli.terminal.analysis_text import gradient_lines
    from rnnbench._cli.terminal.output import check_writable, save
    from rnnbench._study.insight_tables import GradientRow
    from rnnbench.insight import measure_gradients
    from rnnbench.plots import plot_gradients

    if run is None:
        flags.only_with(context, "--run", "study")
    check_writable(out)
    result = measure_gradients(
        cell=flags.name_list("--cell", cell),
        task=task,
        gap=gap,
        hidden_size=hidden_size,
        init=init,
        seed=seed,
        option=flags.parse_options(option),
        run=None if run is None else flags.name_list("--run", run),
        study=study,
        float64=float64,
    )
    print_lines(gradient_lines(result.numbers))
    name = f"gradients_{file_word(result.numbers['task'].iloc[0])}_gap{result.numbers['gap'].iloc[0]}"
    save(out, name, result.curves, GradientRow, plot_gradients(result.curves))
