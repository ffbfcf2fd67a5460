"""``rnnbench plot``: the figures of studies."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import echo

FigureFlag = Annotated[
    str | None, typer.Option("--figure", metavar="NAMES", help="Only these figures, by file name, separated by commas.")
]


@app.command(epilog="Example: rnnbench plot results --only copy --style slide")
def plot(
    study: flags.StudiesArgument = None,
    only: flags.OnlyFlag = None,
    cell: flags.CellFilterFlag = None,
    sweep: flags.SweepFilterFlag = None,
    every: flags.AllFlag = False,
    style: flags.StyleFlag = flags.Style.paper,
    language: flags.LanguageFlag = flags.Language.en,
    figure: FigureFlag = None,
    axis: flags.AxisFlag = None,
    published: Annotated[bool, typer.Option("--published", help="Also plot our losses next to published ones.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the figures. Default: STUDY/figures, or figures for several studies.")
    ] = None,
) -> None:
    """Plot the results of studies.

    The figures: accuracy, solved rate, span and steps to solve by gap; learning curves; the accuracies of `run --eval-gaps`.
    Runs that differ in more than the learning rate are separate curves, named by the difference. `--style slide` writes a file per
    panel.
    """
    from rnnbench import plots
    from rnnbench._analysis.axes import with_axis
    from rnnbench._analysis.published import comparable
    from rnnbench._cli.terminal.output import figures_folder, save_figure
    from rnnbench._cli.terminal.studies import Frames, Selection, read_frames, select_figures, warn_of_missing_logs
    from rnnbench.plots._panels import slides

    studies = study or [Path("results")]
    folder = out or (figures_folder(studies[0]) if len(studies) == 1 else Path("figures"))
    frames = read_frames(studies, Selection(only, cell, sweep, every))
    warn_of_missing_logs(frames, figure if axis is None else "")
    if axis is not None and frames.runs is not None:
        frames = Frames(with_axis(frames.runs, axis), None, None)
    figures = select_figures(figure, dict(plots.every_figure(*frames)))
    if published and frames.runs is not None:
        rows, runs = comparable(frames.runs), frames.runs[frames.runs["gap"] > 0]
        if rows.empty:
            echo("the study has no task with a verified published result")
        else:
            figures.append(("published", partial(plots.plot_published, rows, runs)))
    with plots.style(style, language):
        for name, draw in figures:
            name = name if axis is None or name == "published" else f"{name.removesuffix('_by_gap')}_by_{axis}"
            for panel, drawn in slides(draw) if style == flags.Style.slide else [("", draw())]:
                save_figure(folder, f"{name}_{panel}" if panel else name, drawn)
