"""``rnnbench sensitivity``: the curse of memory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import (
    Cells,
    Folder,
    Gaps,
    Init,
    Quiet,
    TaskOption,
    TheTask,
    Width,
    comma_list,
    parse_options,
    steps,
)


@app.command(epilog="Example: rnnbench sensitivity --cell rnn,lstm,gru --task recall --gap 10,100,500")
def sensitivity(
    cell: Cells = "rnn,lstm,gru",
    task: TheTask = "recall",
    gap: Gaps = "10,20,50,100,200,500",
    seed: Annotated[str, typer.Option("--seed", metavar="0,1,2", help="Seeds, with commas between.")] = "0,1,2",
    hidden_size: Width = 128,
    init: Init = None,
    option: TaskOption = None,
    out: Folder = Path("results/sensitivity"),
    quiet: Quiet = False,
) -> None:
    """Measure how the output depends on the parameters before training, against the gap: why long memories need small steps."""
    from rnnbench._cli.terminal.analysis_text import sensitivity_lines
    from rnnbench._cli.terminal.output import prepare, save
    from rnnbench._cli.terminal.progress import counting
    from rnnbench._study.insight_tables import SensitivityRow
    from rnnbench.insight import measure_sensitivity
    from rnnbench.plots import plot_sensitivity

    prepare(out)
    found = measure_sensitivity(
        cell=cell.replace(" ", "").split(","),
        gap=comma_list("--gap", gap, steps, "10,100"),
        seed=comma_list("--seed", seed, steps, "0,1,2"),
        progress=counting("measuring", quiet),
        task=task,
        hidden_size=hidden_size,
        init=init,
        option=parse_options(option),
    )
    typer.echo(sensitivity_lines(found))
    save(out, f"sensitivity_{found['task'].iloc[0]}", found, SensitivityRow, plot_sensitivity(found))
