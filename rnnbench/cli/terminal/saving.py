"""Where commands put what they made: a CSV, and a figure as png and svg."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.errors import UserError
from rnnbench.study.files import replace

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

Folder = Annotated[Path, typer.Option("--out", help="Folder for the CSV and the figure.")]


def save(folder: Path, name: str, frame: pd.DataFrame, figure: Figure | None = None, announce: bool = True) -> None:
    """Write ``name.csv``, and the figure beside it, and print the paths; raises UserError if the folder does not take them."""
    write(folder, f"{name}.csv", frame.to_csv(index=False).encode(), announce)
    if figure is not None:
        save_figure(folder, name, figure)


def save_figure(folder: Path, name: str, figure: Figure) -> None:
    """A figure as png and svg, the same bytes for the same data."""
    from rnnbench.plots.looks import render

    for kind in ("png", "svg"):
        write(folder, f"{name}.{kind}", render(figure, kind))


def write(folder: Path, name: str, content: bytes, announce: bool = True) -> None:
    """A whole file or none, and its path printed; raises UserError, or StorageError where the disk is full."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another folder with --out") from error
    if not os.access(folder, os.W_OK):
        raise UserError(f"cannot write to {folder}: choose another folder with --out")
    replace(folder / name, content)
    if announce:
        typer.echo(f"  {folder / name}")


def resumed(folder: Path, name: str, columns: list[str], key: list[str]) -> tuple[pd.DataFrame, set[tuple[object, ...]]]:
    """What an earlier, perhaps interrupted, command saved as ``name.csv``, and the keys of its rows."""
    import pandas as pd

    file = folder / f"{name}.csv"
    try:
        frame = pd.read_csv(file) if file.exists() else pd.DataFrame(columns=columns)
        return frame[columns], {tuple(row) for row in frame[key].itertuples(index=False)}
    except (OSError, ValueError, KeyError) as error:
        raise UserError(f"{file} is not a table of this command: {error}; move it away or choose another --out") from error


def added(frame: pd.DataFrame, row: Sequence[object]) -> pd.DataFrame:
    """The table with one more row."""
    import pandas as pd

    last = pd.DataFrame([row], columns=frame.columns)
    return pd.concat([frame, last], ignore_index=True) if len(frame) else last
