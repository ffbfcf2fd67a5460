"""``rnnbench report``: one page of one or several studies."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Cell, Only, Studies, Sweeps
from rnnbench._cli.terminal.output import write
from rnnbench._cli.terminal.studies import Part, logs_of, named, runs_of


@app.command(epilog="Example: rnnbench report results --out page.html")
def report(
    study: Studies = None,
    out: Annotated[Path, typer.Option(help="The page.")] = Path("report.html"),
    only: Only = None,
    cell: Cell = None,
    sweep: Sweeps = None,
    static: Annotated[bool, typer.Option("--static", help="Figures instead of charts that answer to the pointer.")] = False,
) -> None:
    """Write one page of one or several studies: verdicts, figures, numbers, claims, learning curves and conditions.

    One HTML file that needs no network, to read on a screen or a phone, to print and to send. Its charts need the extra
    `pip install 'rnnbench[report]'`; without it they are figures.
    """
    from rich.console import Console

    from rnnbench._report import build
    from rnnbench._report.charts import available

    studies, part = named(study), Part(only, cell, sweep)
    with Console(stderr=True).status("reading the studies") as status:
        runs = runs_of(studies, part)
        logged = [place for place in studies if (place / "logs").exists()]
        logs = logs_of(logged, part) if logged else None
        status.update(f"drawing {len(runs):,} runs")
        page = build(studies, runs, logs, interactive=not static)
    write(out.parent, out.name, page.encode(), announce=False)
    kind = "charts" if available() and not static else "figures"
    typer.echo(f"  {out} ({len(page.encode()) / 1e6:.2f} MB, {kind})")
    if not (available() or static):
        print("rnnbench: for charts instead of figures: pip install 'rnnbench[report]'", file=sys.stderr)
