"""``rnnbench plot``: draw one study, or several in one figure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Cell, Only, Studies, Style, StyleOption, Sweeps


@app.command(epilog="Example: rnnbench plot results --only copy --style slide")
def plot(
    study: Studies = None,
    only: Only = None,
    cell: Cell = None,
    sweep: Sweeps = None,
    style: StyleOption = Style.paper,
    figure: Annotated[
        str | None, typer.Option("--figure", metavar="NAMES", help="Only these figures (their files' names), with commas between.")
    ] = None,
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
    from rnnbench._analysis.published import comparable
    from rnnbench._cli.terminal.output import save_figure
    from rnnbench._cli.terminal.studies import Part, frames_of, named, wanted

    studies = named(study)
    folder = out or (studies[0] / "figures" if len(studies) == 1 else Path("figures"))
    frames = frames_of(studies, Part(only, cell, sweep))
    with plots.style(style):
        for name, draw in wanted(figure, dict(plots.every_figure(*frames))):
            save_figure(folder, name, draw())
        if published and frames.runs is not None:
            rows = comparable(frames.runs)
            if rows.empty:
                typer.echo("no verified published result is of a task in this study")
            else:
                save_figure(folder, "published", plots.plot_published(rows, frames.runs[frames.runs["gap"] > 0]))
