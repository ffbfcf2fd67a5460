"""``rnnbench report``: an HTML report on studies."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import echo


@app.command(epilog="Example: rnnbench report results --out page.html --open")
def report(
    study: flags.StudiesArgument = None,
    out: Annotated[Path, typer.Option(help="File of the report.")] = Path("report.html"),
    only: flags.OnlyFlag = None,
    cell: flags.CellFilterFlag = None,
    sweep: flags.SweepFilterFlag = None,
    every: flags.AllFlag = False,
    show: Annotated[bool, typer.Option("--open", help="Open the report in a browser.")] = False,
    static: Annotated[bool, typer.Option("--static", help="Static figures instead of interactive charts.")] = False,
) -> None:
    """Write an HTML report on one or several studies.

    The file contains all it needs, so it can be read offline and sent to others. Interactive charts need the extra
    `pip install 'rnnbench[report]'`; without it the report has static figures.
    """
    from rnnbench._cli.terminal.console import stderr_console
    from rnnbench._cli.terminal.output import write_file
    from rnnbench._cli.terminal.studies import Selection, read_logs, read_runs
    from rnnbench._report.page import altair_installed, build_page

    studies, selection = study or [Path("results")], Selection(only, cell, sweep, every)
    with stderr_console().status("reading the studies") as status:
        runs = read_runs(studies, selection)
        logged = [path for path in studies if any((path / "logs").glob("*.csv"))]
        logs = read_logs(logged, selection) if logged else None
        status.update(f"drawing {len(runs):,} runs")
        page = build_page(studies, runs, logs, interactive=not static)
    write_file(out.parent, out.name, page.encode(), announce=False)
    charts = "charts" if altair_installed() and not static else "figures"
    echo(f"  {out} ({len(page.encode()) / 1e6:.2f} MB, {charts})")
    if show and not webbrowser.open(out.resolve().as_uri()):
        echo(f"rnnbench: no browser found: open {out} by hand", err=True)
    if not (altair_installed() or static):
        echo("rnnbench: for interactive charts: pip install 'rnnbench[report]'", err=True)
