"""``rnnbench sensitivity``: how the output depends on the parameters (the curse of memory)."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import (
    CellsFlag,
    FolderFlag,
    GapsFlag,
    InitFlag,
    QuietFlag,
    TaskFlag,
    TaskOptionFlag,
    WidthFlag,
    comma_list,
    name_list,
    parse_options,
    steps,
)


@app.command(epilog="Example: rnnbench sensitivity --cell rnn,lstm,gru --task recall --gap 10,100,500")
def sensitivity(
    cell: CellsFlag = "rnn,lstm,gru",
    task: TaskFlag = "recall",
    gap: GapsFlag = "10,20,50,100,200,500",
    seed: Annotated[str, typer.Option("--seed", metavar="0,1,2", help="Seeds, separated by commas.")] = "0,1,2",
    hidden_size: WidthFlag = 128,
    init: InitFlag = None,
    option: TaskOptionFlag = None,
    out: FolderFlag = Path("results/sensitivity"),
    quiet: QuietFlag = False,
) -> None:
    """Measure how strongly the output depends on the parameters, by gap.

    The networks are not trained. A long memory makes the output sensitive to small changes of the parameters.
    """
    from rnnbench._cli.terminal.analysis_text import sensitivity_lines
    from rnnbench._cli.terminal.output import check_writable, save
    from rnnbench._cli.terminal.progress_bar import counting
    from rnnbench._study.insight_tables import SensitivityRow
    from rnnbench.insight import measure_sensitivity
    from rnnbench.plots import plot_sensitivity

    check_writable(out)
    result = measure_sensitivity(
        cell=name_list("--cell", cell),
        gap=comma_list("--gap", gap, steps, "10,100"),
        seed=comma_list("--seed", seed, steps, "0,1,2"),
        progress=counting("measuring", quiet),
        task=task,
        hidden_size=hidden_size,
        init=init,
        option=parse_options(option),
    )
    typer.echo(sensitivity_lines(result))
    save(out, f"sensitivity_{result['task'].iloc[0]}", result, SensitivityRow, plot_sensitivity(result))
