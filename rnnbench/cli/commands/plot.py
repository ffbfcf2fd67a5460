"""``rnnbench plot``: draw one study, or several in one figure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.saving import save_figure
from rnnbench.cli.terminal.studies import Cell, Only, Studies, Style, StyleOption, chosen, logs_of, named, runs_of

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


@app.command(epilog="Example: rnnbench plot results --only copy --style slide")
def plot(
    study: Studies = None,
    only: Only = None,
    cell: Cell = None,
    style: StyleOption = Style.paper,
    published: Annotated[bool, typer.Option("--published", help="Also draw our losses beside the published ones.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the figures. Default: STUDY/figures; figures/ here for several studies.")
    ] = None,
) -> None:
    """Draw all that the studies allow: accuracy, solved rate, span and steps to solve against the gap, learning curves of each
    task, and what `run --eval-gaps` measured.

    Several studies are drawn together: runs that differ in anything but the learning rate are curves of their own, named by what
    differs.
    """
    from rnnbench import plots

    studies = named(study)
    folder = out or (studies[0] / "figures" if len(studies) == 1 else Path("figures"))
    with plots.style(style):
        for name, figure in figures(studies, only, cell, published):
            save_figure(folder, name, figure)


def figures(studies: list[Path], only: str | None, cell: str | None, published: bool) -> Iterator[tuple[str, Figure]]:
    """Each figure with the name of its file, drawn when it is asked for."""
    import pandas as pd

    from rnnbench import plots
    from rnnbench.config import stem
    from rnnbench.plots.budget import by_budget
    from rnnbench.records import load_extrapolation

    finished = [place for place in studies if (place / "runs.csv").exists()]  # one with its first run on the way has logs alone
    logged = [place for place in studies if (place / "logs").exists()]
    runs = runs_of(finished or studies, only, cell) if finished or not logged else None
    if runs is not None and runs.groupby("task")["gap"].nunique().max() > 1:
        yield "accuracy_by_gap", plots.plot_accuracy(runs)
        yield "solved_rate", plots.plot_solved(runs)
        yield "span", plots.plot_span(runs)
        if (runs["status"] == "solved").any():
            yield "steps_to_solve", plots.plot_steps(runs)
    if runs is not None and len(by_budget(runs)):
        yield "budget", plots.plot_budget(runs)
    if logged:
        for task, logs in logs_of(logged, only, cell).groupby("task"):
            yield f"learning_curves_{stem(str(task))}", plots.plot_learning(logs, runs)
    measured = [load_extrapolation(place) for place in studies if (place / "extrapolation.csv").exists()]
    if measured:
        yield "extrapolation", plots.plot_extrapolation(chosen(pd.concat(measured, ignore_index=True), only, cell))
    if published and runs is not None:
        yield from published_figure(runs)


def published_figure(runs: pd.DataFrame) -> Iterator[tuple[str, Figure]]:
    """The figure of the published record, if there are runs of a task that verified rows report a loss of."""
    from rnnbench.plots import plot_published
    from rnnbench.published import published

    rows = published()
    rows = rows[rows["verified"] & rows["over_chance"].notna() & rows["our_gap"].notna() & rows["our_task"].isin(runs["task"])]
    if rows.empty:
        typer.echo("no verified published result is of a task in this study")
    else:
        yield "published", plot_published(rows, runs[runs["gap"] > 0])
