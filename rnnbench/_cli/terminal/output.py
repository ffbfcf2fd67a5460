"""Where commands put what they made: a CSV, and a figure as png and svg."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from rnnbench._errors import UserError
from rnnbench._study import Record, Table
from rnnbench._study.atomic import replace

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def save(folder: Path, name: str, frame: pd.DataFrame, cls: type[Record], figure: Figure | None = None) -> None:
    """Write ``name.csv`` with rows of ``cls``, and the figure next to it, and print the paths; raises UserError on failure."""
    check_place(folder, f"{name}.csv")
    Table(folder / f"{name}.csv", cls).write_frame(frame)
    typer.echo(f"  {folder / f'{name}.csv'}")
    if figure is not None:
        save_figure(folder, name, figure)


def save_figure(folder: Path, name: str, figure: Figure) -> None:
    """A figure as png and svg, the same bytes for the same data."""
    from rnnbench.plots._style import render

    for kind in ("png", "svg"):
        write(folder, f"{name}.{kind}", render(figure, kind))


def prepare(folder: Path, make: bool = False) -> None:
    """Look whether the folder can be made and written to, before work is done for it; raises UserError if not."""
    try:
        if make:
            folder.mkdir(parents=True, exist_ok=True)
        there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another folder with --out") from error


def check_place(folder: Path, name: str) -> None:
    """Make the folder; raises UserError if it cannot be written to, or ``name`` is a folder."""
    prepare(folder, make=True)
    if (folder / name).is_dir():
        raise UserError(f"cannot write {folder / name}: it is a folder; choose another file with --out")


def write(folder: Path, name: str, content: bytes, announce: bool = True) -> None:
    """A whole file or none, and its path printed; raises UserError, or StorageError where the disk is full."""
    check_place(folder, name)
    replace(folder / name, content)
    if announce:
        typer.echo(f"  {folder / name}")
