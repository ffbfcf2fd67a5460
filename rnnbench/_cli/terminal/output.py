"""Files that commands save: CSV tables, and figures as PNG and SVG."""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench._cli.terminal.formatting import echo
from rnnbench._errors import UserError
from rnnbench._study import Record, StudyFolder, Table
from rnnbench._study.atomic import replace

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure


def save(folder: Path, name: str, frame: pd.DataFrame, cls: type[Record], figure: Figure | None = None) -> None:
    """Write ``name.csv`` with rows of ``cls`` and the figure, and print the paths; raise UserError if that is not possible."""
    create_folder(folder, f"{name}.csv")
    Table(folder / f"{name}.csv", cls).write_frame(frame)
    echo(f"  {folder / f'{name}.csv'}")
    if figure is not None:
        save_figure(folder, name, figure)


def save_figure(folder: Path, name: str, figure: Figure) -> None:
    """Write a figure as PNG and SVG, the same bytes for the same data."""
    from rnnbench.plots._style import render

    for format in ("png", "svg"):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            content = render(figure, format)
        for warning in caught if format == "png" else ():
            echo(str(warning.message), err=True)
        write_file(folder, f"{name}.{format}", content)


def figures_folder(study: Path) -> Path:
    """Return the folder of a study's figures; raise UserError if it is a link."""
    if (folder := study / "figures").is_symlink():
        raise UserError(f"{folder} is a link, which may lead out of the study: name the folder for the figures with --out")
    return folder


def save_learning_curve(study: StudyFolder, run_id: str) -> None:
    """Write the learning curve of one run as PNG and SVG into the study."""
    from rnnbench.plots import plot_learning

    logs = study.logs()
    save_figure(figures_folder(study.folder), run_id, plot_learning(logs[logs["run_id"] == run_id]))


def check_writable(folder: Path, create: bool = False, flag: str = "--out") -> None:
    """Raise UserError if the folder cannot be created or written to, before work is done for it."""
    try:
        if create:
            folder.mkdir(parents=True, exist_ok=True)
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}; choose another folder with {flag}") from error


def create_folder(folder: Path, name: str, flag: str = "--out") -> None:
    """Create the folder; raise UserError if it is not writable, or if its entry ``name`` is a folder."""
    assert Path(name).name == name, "a name from a study goes through file_word"
    check_writable(folder, create=True, flag=flag)
    if (folder / name).is_dir():
        raise UserError(f"cannot write {folder / name}: it is a folder; choose another file with {flag}")


def write_file(folder: Path, name: str, content: bytes, announce: bool = True, flag: str = "--out") -> None:
    """Write a file completely or not at all, and print its path; raise UserError, or StorageError if the disk is full."""
    create_folder(folder, name, flag)
    replace(folder / name, content)
    if announce:
        echo(f"  {folder / name}")
