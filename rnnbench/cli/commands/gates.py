"""``rnnbench gates``: what the gates of a trained network do, word by word."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.saving import Folder, save
from rnnbench.config import MOST_SEQUENCES


@app.command(epilog="Example: rnnbench gates recall-lstm --study results")
def gates(
    run: Annotated[str, typer.Argument(help="run_id of a finished run, or how it begins.")],
    study: Annotated[Path, typer.Option(help="Study folder that has the run.")] = Path("results"),
    example: Annotated[int, typer.Option(min=0, max=MOST_SEQUENCES, metavar="NUMBER", help="Which fresh sequence to show.")] = 0,
    out: Folder = Path("results/gates"),
) -> None:
    """Show gates and state of a finished run along one sequence, and how long its units keep what they hold."""
    import torch

    from rnnbench.insight.gates import gate_values, half_life_frame, means
    from rnnbench.insight.networks import find_run, initialised, trained
    from rnnbench.plots import plot_gates
    from rnnbench.study import Study

    home = Study.open(study)
    shown = find_run(home, run)
    model = trained(shown, home, torch.float64)
    values = gate_values(model, shown, example)
    lives = half_life_frame(initialised(shown, torch.float64), model, shown)
    curves = means(values)
    for quantity, mean in curves.groupby("quantity", sort=False)["mean"]:
        typer.echo(f"{quantity:>24}: mean {mean.mean():6.3f}, from {mean.min():6.3f} to {mean.max():6.3f}")
    if len(lives):
        for when, steps in lives.groupby("when")["half_life"]:
            low, median, high = (steps.quantile(share) for share in (0.1, 0.5, 0.9))
            typer.echo(f"{when:>24}: half-life {median:,.1f} steps (median), middle 80 % of units {low:,.1f} to {high:,.1f}")
    else:
        typer.echo(f"{model.cell.name} has no gate that keeps its state, and so no half-lives")
    title = f"{model.cell.name} ({shown.init}) on {shown.task}, gap {shown.gap}, seed {shown.seed}, after training"
    save(out, f"gates_{shown.run_id}", curves, plot_gates(values, curves, lives, title))
    if len(lives):
        save(out, f"half_lives_{shown.run_id}", lives)
