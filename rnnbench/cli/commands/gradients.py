"""``rnnbench gradients``: how the gradient fades through the gap."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.options import TaskOption, checked, parse_options
from rnnbench.cli.terminal.saving import Folder, save
from rnnbench.errors import UserError


@app.command(epilog="Example: rnnbench gradients --cell rnn,lstm,gru --task beijing --gap 200")
def gradients(
    cell: Annotated[str, typer.Option(metavar="rnn,lstm", help="Cells, with commas between; ignored with --run.")] = "rnn,lstm,gru",
    task: Annotated[str, typer.Option(help="Task, by name or path; ignored with --run.")] = "beijing",
    gap: Annotated[int, typer.Option(min=0, metavar="STEPS", help="Gap; ignored with --run.")] = 200,
    hidden_size: Annotated[int, typer.Option(min=1, metavar="UNITS", help="Width; ignored with --run.")] = 128,
    init: Annotated[str | None, typer.Option(help="Initialisation of all cells. Default: each cell's own.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the weights and the sequences.")] = 0,
    run: Annotated[str | None, typer.Option(metavar="RUN_IDS", help="Finished runs instead, also after training.")] = None,
    study: Annotated[Path, typer.Option(help="Study folder that has the runs.")] = Path("results"),
    float64: Annotated[bool, typer.Option("--float64/--float32", help="Precision; float32 ends at 1e-45.")] = True,
    option: TaskOption = None,
    out: Folder = Path("results/gradients"),
) -> None:
    """Measure the norm of d loss / d state against the distance to the answer, before training and, for finished runs, after it."""
    import pandas as pd
    import torch

    from rnnbench.insight import gradients as measure
    from rnnbench.insight.networks import find_run, initialised, trained
    from rnnbench.plots import plot_gradients
    from rnnbench.resolve import resolve
    from rnnbench.study import Study

    dtype = torch.float64 if float64 else torch.float32
    if run is not None:
        home = Study.open(study)
        configs = [find_run(home, name.strip()) for name in run.split(",")]
        if len({(config.task, config.gap) for config in configs}) > 1:
            raise UserError("--run takes runs of one task and gap, so that they fit one figure")
    else:
        options = parse_options(option)
        given = {"task": task, "gap": gap, "hidden_size": hidden_size, "init": init, "seed": seed, "option": options}
        configs = [resolve(checked(given | {"cell": name.strip()})) for name in cell.split(",")]
    frames = []
    typer.echo(f"{'cell':>12} {'when':>8} {'decay/step':>11} {'sigma_max':>10} {'radius':>7} {'half-life':>10} {'at gap':>9}")
    for config in configs:
        networks = {"initial": initialised(config, dtype)}
        if run is not None:
            networks["trained"] = trained(config, home, dtype)
        for when, model in networks.items():
            frame = measure.gradient_norms(model, config, when)
            frames.append(frame)
            numbers = measure.summary(model, config, frame)
            far = frame[measure.shown_column(frame)].iloc[min(config.gap, len(frame) - 1)]
            typer.echo(
                f"{model.cell.name:>12} {when:>8} {numbers['decay_per_step']:11.4f} {numbers['sigma_max']:10.3f} "
                f"{numbers['spectral_radius']:7.3f} {numbers['median_half_life']:10.1f} {far:9.1e}"
            )
    table = pd.concat(frames, ignore_index=True)
    save(out, f"gradients_{table['task'].iloc[0]}_gap{configs[0].gap}", table, plot_gradients(table))
