"""``rnnbench sensitivity``: the curse of memory."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.flags import Folder, TaskOption, comma_list, parse_options, steps
from rnnbench.cli.terminal.saving import save


@app.command(epilog="Example: rnnbench sensitivity --cell rnn,lstm,gru --task recall --gap 10,100,500")
def sensitivity(
    cell: Annotated[str, typer.Option(metavar="rnn,lstm", help="Cells, with commas between.")] = "rnn,lstm,gru",
    task: Annotated[str, typer.Option(help="Task, by name or path.")] = "recall",
    gap: Annotated[str, typer.Option(metavar="10,20,50", help="Gaps, with commas between.")] = "10,20,50,100,200,500",
    seed: Annotated[str, typer.Option(metavar="0,1,2", help="Seeds, with commas between.")] = "0,1,2",
    hidden_size: Annotated[int, typer.Option(min=1, metavar="UNITS", help="Width.")] = 128,
    init: Annotated[str | None, typer.Option(help="Initialisation of all cells. Default: each cell's own.")] = None,
    option: TaskOption = None,
    out: Folder = Path("results/sensitivity"),
) -> None:
    """Measure how the output depends on the parameters before training, against the gap: why long memories need small steps."""
    import pandas as pd
    import torch

    from rnnbench.ask import request
    from rnnbench.insight.networks import initialised
    from rnnbench.insight.sensitivity import COLUMNS, growth
    from rnnbench.insight.sensitivity import sensitivity as measure
    from rnnbench.plots import plot_sensitivity
    from rnnbench.resolve import resolve

    gaps, seeds = comma_list("--gap", gap, steps, "10,100"), comma_list("--seed", seed, int, "0,1,2")
    given = {"task": task, "hidden_size": hidden_size, "init": init, "option": parse_options(option)}
    names = [name.strip() for name in cell.split(",")]
    runs = [resolve(request(given | {"cell": name, "gap": g, "seed": s})) for name in names for g in gaps for s in seeds]
    rows = []
    typer.echo(f"{'cell':>12} {'gap':>6} {'seed':>5} {'d out/d parameters':>19} {'d out/d state':>14}")
    for run in runs:
        row = measure(initialised(run, torch.float64), run)
        rows.append(row)
        typer.echo(f"{run.cell:>12} {run.gap:>6} {run.seed:>5} {row['sensitivity']:>19.3g} {row['through_time']:>14.2g}")
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    for one in growth(table).itertuples():
        typer.echo(f"{one.cell} ({one.init}): sensitivity grows like gap to the power of {one.exponent:.2f}")
    save(out, f"sensitivity_{table['task'].iloc[0]}", table, plot_sensitivity(table))
