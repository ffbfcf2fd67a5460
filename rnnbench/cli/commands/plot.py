"""``rnnbench plot``: draw a study."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.saving import save_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@app.command(epilog="Example: rnnbench plot results")
def plot(
    study: Annotated[Path, typer.Argument(help="Study folder, as given to run --out.")] = Path("results"),
    published: Annotated[bool, typer.Option("--published", help="Also draw our losses beside the published ones.")] = False,
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

    figures = {}
    runs = load_runs(study) if (study / "runs.csv").exists() else None  # a study with its first run on the way has logs alone
    if runs is None or (study / "logs").exists():
        figures["learning_curves"] = learning_curves(load_logs(study), runs)
    if runs is not None and runs.groupby("task")["gap"].nunique().max() > 1:
        figures |= {"accuracy_by_gap": accuracy_by_gap(runs), "solved_rate": solved_rate(runs), "span": span(runs)}
        if (runs["status"] == "solved").any():
            figures["steps_to_solve"] = steps_to_solve(runs)
    if (study / "extrapolation.csv").exists():
        figures["extrapolation"] = extrapolation(load_extrapolation(study))
    if published:
        figures |= published_figures(study)
    for name, figure in figures.items():
        save_figure(out or study / "figures", name, figure)


def published_figures(study: Path) -> dict[str, Figure]:
    """The figure of the published record, if the study has runs of a task that verified rows report a loss of."""
    from rnnbench.plots.published import published as draw
    from rnnbench.published import published
    from rnnbench.records import load_runs

    rows, runs = published(), load_runs(study)
    rows = rows[rows["verified"] & rows["over_chance"].notna() & rows["our_gap"].notna() & rows["our_task"].isin(runs["task"])]
    if rows.empty:
        typer.echo("no verified published result is of a task in this study")
        return {}
    return {"published": draw(rows, runs[runs["gap"] > 0])}
