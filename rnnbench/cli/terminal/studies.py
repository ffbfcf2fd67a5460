"""What the commands that read studies share: which studies, which of their tasks and cells, and in what style to draw."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Studies = Annotated[
    list[Path] | None,
    typer.Argument(metavar="STUDY...", help="Study folders, as given to run --out. Default: results.", show_default=False),
]
Only = Annotated[str | None, typer.Option("--only", metavar="TASKS", help="Only these tasks, with commas between.")]
Cell = Annotated[str | None, typer.Option("--cell", metavar="CELLS", help="Only these cells, with commas between.")]


class Style(StrEnum):
    """Where a figure will be seen."""

    paper = "paper"
    slide = "slide"


StyleOption = Annotated[Style, typer.Option("--style", help="paper, or slide: larger type and thicker lines.")]


def named(studies: list[Path] | None) -> list[Path]:
    """The studies that a command is about."""
    return studies or [Path("results")]


def chosen(frame: pd.DataFrame, only: str | None, cell: str | None) -> pd.DataFrame:
    """The rows of the tasks and cells asked for; raises UserError naming those there are, if one of them has none."""
    from rnnbench.config import stem

    for flag, column, wanted in (("--only", "task", only), ("--cell", "cell", cell)):
        if wanted is not None:
            names = [name.strip() for name in wanted.split(",")]
            have = frame[column].map(lambda name: stem(str(name)))
            if missing := [name for name in names if name not in set(have)]:
                raise UserError(f"{flag}: no runs of {column} {missing[0]!r}; there are {', '.join(sorted(set(have)))}")
            frame = frame[have.isin(names)]
    return frame.reset_index(drop=True)


def runs_of(studies: list[Path], only: str | None = None, cell: str | None = None) -> pd.DataFrame:
    """The finished runs of all studies together, with the ``study`` of each; raises UserError if there are none.

    A run that two studies hold comes twice; :func:`rnnbench.summary.count_once` keeps the later study's.
    """
    import pandas as pd

    from rnnbench.records import load_runs

    frames = [load_runs(study).assign(study=str(study)) for study in studies]
    frames = [frame for frame in frames if len(frame)]
    if not frames:
        raise UserError(f"no finished runs in {', '.join(map(str, studies))}: make some with `rnnbench run --out {studies[0]}`")
    return chosen(pd.concat(frames, ignore_index=True), only, cell)


def logs_of(studies: list[Path], only: str | None = None, cell: str | None = None) -> pd.DataFrame:
    """The evaluations of every run of all studies; of a run that two of them hold, those of the later study."""
    import pandas as pd

    from rnnbench.records import load_logs

    found: pd.DataFrame | None = None
    for study in studies:
        logs = load_logs(study)
        found = logs if found is None else pd.concat([found[~found["run_id"].isin(logs["run_id"])], logs], ignore_index=True)
    assert found is not None
    return chosen(found, only, cell)
