"""``rnnbench plot``: draw a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.saving import save_figure


@app.command(epilog="Example: rnnbench plot results")
def plot(
    study: Annotated[Path, typer.Argument(help="Study folder, as given to run --out.")] = Path("results"),
    out: Annotated[Path | None, typer.Option(help="Folder for the figures. Default: STUDY/figures.")] = None,
) -> None:
    """Draw all that a study allows: accuracy, solved rate, span and steps to solve against the gap, learning curves, and what
    `run --eval-gaps` measured."""
    from rnnbench.plots.accuracy_by_gap import accuracy_by_gap
    from rnnbench.plots.extrapolation import extrapolation
    from rnnbench.plots.learning_curves import learning_curves
    from rnnbench.plots.solved_rate import solved_rate
    from rnnbench.plots.span import span
    from rnnbench.plots.steps_to_solve import steps_to_solve
    from rnnbench.records import load_extrapolation, load_logs, load_runs

    figures = {"learning_curves": learning_curves(load_logs(study))}
    if (study / "runs.csv").exists():
        runs = load_runs(study)
        if runs.groupby("task")["gap"].nunique().max() > 1:
            figures |= {"accuracy_by_gap": accuracy_by_gap(runs), "solved_rate": solved_rate(runs), "span": span(runs)}
            if (runs["status"] == "solved").any():
                figures["steps_to_solve"] = steps_to_solve(runs)
    if (study / "extrapolation.csv").exists():
        figures["extrapolation"] = extrapolation(load_extrapolation(study))
    for name, figure in figures.items():
        save_figure(out or study / "figures", name, figure)
