"""``rnnbench plot``: the figures of studies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import echo


@app.command(epilog="Example: rnnbench plot results --only copy --style slide")
def plot(
    study: flags.StudiesArgument = None,
    only: flags.OnlyFlag = None,
    cell: flags.CellFilterFlag = None,
    sweep: flags.SweepFilterFlag = None,
    style: flags.StyleFlag = flags.Style.paper,
    figure: Annotated[
        str | None, typer.Option("--figure", metavar="NAMES", help="Only these figures, by file name, separated by commas.")
    ] = None,
    axis: flags.AxisFlag = None,
    published: Annotated[bool, typer.Option("--published", help="Also plot our losses next to published ones.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the figures. Default: STUDY/figures, or figures for several studies.")
    ] = None,
) -> None:
    """Plot the results of studies.

    The figures: accuracy, solved rate, span and steps to solve against the gap; the learning curves of each task; the accuracies of
    `run --eval-gaps`. Several studies share the figures. Runs that differ in more than the learning rate are separate curves, named
    by the difference.
    """
    from rnnbench import plots
    from rnnbench._analysis.published import comparable
    from rnnbench._analysis.summary import with_axis
    from rnnbench._cli.terminal.output import figures_folder, save_figure
    from rnnbench._cli.terminal.studies import Frames, Selection, read_frames, select_figures
    from rnnbench.plots._panels import gap_axis

    studies = study or [Path("results")]
    folder = out or (figures_folder(studies[0]) if len(studies) == 1 else Path("figures"))
    frames = read_frames(studies, Selection(only, cell, sweep))
    if axis is not None and frames.runs is not None:
        frames = Frames(with_axis(frames.runs, axis), None, None)
    with plots.style(style), gap_axis(axis):
        for name, draw in select_figures(figure, dict(plots.every_figure(*frames))):
            save_figure(folder, name if axis is None else f"{name.removesuffix('_by_gap')}_by_{axis}", draw())
        if published and frames.runs is not None:
            rows = comparable(frames.runs)
            if rows.empty:
                echo("the study has no task with a verified published result")
            else:
                save_figure(folder, "published", plots.plot_published(rows, frames.runs[frames.runs["gap"] > 0]))
