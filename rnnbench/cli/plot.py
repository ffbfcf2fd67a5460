"""``rnnbench plot``: draw a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench.cli import app
from rnnbench.errors import UserError


@app.command(epilog="Example: rnnbench plot results")
def plot(
    study: Annotated[Path, typer.Argument(help="Study folder, as given to run --out.")] = Path("results"),
    out: Annotated[Path | None, typer.Option(help="Folder for the figures. Default: STUDY/figures.")] = None,
) -> None:
    """Draw all that a study allows: accuracy, solved rate, span and steps to solve against the gap, and learning curves."""
    from rnnbench.plots.accuracy_by_gap import accuracy_by_gap
    from rnnbench.plots.learning_curves import learning_curves
    from rnnbench.plots.solved_rate import solved_rate
    from rnnbench.plots.span import span
    from rnnbench.plots.steps_to_solve import steps_to_solve
    from rnnbench.records import load_logs, load_runs

    figures = {"learning_curves": learning_curves(load_logs(study))}
    if (study / "runs.csv").exists():
        runs = load_runs(study)
        if runs.groupby("task")["gap"].nunique().max() > 1:
            figures |= {"accuracy_by_gap": accuracy_by_gap(runs), "solved_rate": solved_rate(runs), "span": span(runs)}
            if (runs["status"] == "solved").any():
                figures["steps_to_solve"] = steps_to_solve(runs)
    folder = out or study / "figures"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            for kind in ("png", "svg"):
                path = folder / f"{name}.{kind}"
                figure.savefig(path, metadata={"Date": None} if kind == "svg" else None)
                typer.echo(str(path))
    except OSError as error:
        raise UserError(f"cannot write figures to {folder}: {error.strerror}; choose another folder with --out") from error
