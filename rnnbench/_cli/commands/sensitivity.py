"""``rnnbench sensitivity``: how the output depends on the parameters (the curse of memory)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import print_lines
from rnnbench._config import file_word


@app.command(epilog="Example: rnnbench sensitivity --cell rnn,lstm,gru --task recall --gap 10,100,500")
def sensitivity(
    context: typer.Context,
    cell: flags.CellsFlag = "rnn,lstm,gru",
    task: flags.TaskFlag = "recall",
    gap: flags.GapsFlag = "10,20,50,100,200,500",
    seed: Annotated[str, typer.Option("--seed", metavar="0,1,2", help="Seeds, separated by commas.")] = "0,1,2",
    hidden_size: flags.WidthFlag = 128,
    init: flags.InitFlag = None,
    recipe: flags.RecipeFlag = None,
    option: flags.TaskOptionFlag = None,
    run: flags.RunsFlag = None,
    study: flags.StudyFlag = Path("results"),
    out: flags.FolderFlag = Path("results/sensitivity"),
    quiet: flags.QuietFlag = False,
) -> None:
    """Measure how strongly the output depends on the parameters, by gap.

    A long memory makes the output sensitive to small changes. The networks are not trained. With --run, finished runs are measured
    before and after training, each at its own gap and seed; --cell and --task then give the plug-ins of the runs, as in the run.
    """
    from rnnbench._cli.terminal.analysis_text import sensitivity_lines
    from rnnbench._cli.terminal.output import check_writable, save
    from rnnbench._cli.terminal.progress_bar import counting
    from rnnbench._study.insight_tables import SensitivityRow, TrainedSensitivityRow
    from rnnbench.insight import measure_sensitivity
    from rnnbench.plots import plot_sensitivity

    if run is None:
        flags.only_with(context, "--run", "study")
    check_writable(out)
    result = measure_sensitivity(
        cell=flags.name_list("--cell", cell),
        gap=flags.comma_list("--gap", gap, flags.steps, "10,100"),
        seed=flags.comma_list("--seed", seed, flags.steps, "0,1,2"),
        progress=counting("measuring", quiet),
        task=task,
        hidden_size=hidden_size,
        init=init,
        recipe=recipe,
        option=flags.parse_options(option),
        run=None if run is None else flags.name_list("--run", run),
        study=study,
    )
    print_lines(sensitivity_lines(result))
    columns = SensitivityRow if run is None else TrainedSensitivityRow
    save(out, f"sensitivity_{file_word(result['task'].iloc[0])}", result, columns, plot_sensitivity(result))
