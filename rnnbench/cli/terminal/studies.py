"""What the commands that read studies share: which studies, and which of their tasks and cells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rnnbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


def named(studies: list[Path] | None) -> list[Path]:
    """The studies that a command is about."""
    return studies or [Path("results")]


def chosen(frame: pd.DataFrame, only: str | None, cell: str | None) -> pd.DataFrame:
    """The rows of the tasks and cells asked for; raises UserError naming those there are, if one of them has none."""
    for flag, column, wanted in (("--only", "task", only), ("--cell", "cell", cell)):
        if wanted is not None:
            names = [name.strip() for name in wanted.split(",")]
            have = set(frame[column])
            if missing := [name for name in names if name not in have]:
                raise UserError(f"{flag}: no runs of {column} {missing[0]!r}; there are {', '.join(sorted(have))}")
            frame = frame[frame[column].isin(names)]
    return frame.reset_index(drop=True)


def runs_of(studies: list[Path], only: str | None = None, cell: str | None = None) -> pd.DataFrame:
    """The finished runs of all studies together, with the ``study`` of each; raises UserError if one of them has none.

    A run that two studies hold comes twice; :func:`rnnbench.summary.count_once` keeps the later study's.
    """
    import pandas as pd

    from rnnbench.study import Study

    frames = [Study.open(study).runs().assign(study=str(study)) for study in studies]
    return chosen(pd.concat(frames, ignore_index=True), only, cell)


class Frames(NamedTuple):
    """All that can be drawn of some studies."""

    runs: pd.DataFrame | None
    logs: pd.DataFrame | None
    extrapolation: pd.DataFrame | None


def frames_of(studies: list[Path], only: str | None = None, cell: str | None = None) -> Frames:
    """The tables of all studies; one with its first run on the way has logs alone. Raises UserError if there is nothing at all."""
    import pandas as pd

    from rnnbench.study import Study

    finished = [place for place in studies if (place / "runs.csv").exists()]
    logged = [place for place in studies if any((place / "logs").glob("*.csv"))]
    measured = [home.extrapolation() for home in map(Study.open, studies) if home.extrapolations.rows()]
    return Frames(
        runs_of(finished or studies, only, cell) if finished or not logged else None,
        logs_of(logged, only, cell) if logged else None,
        chosen(pd.concat(measured, ignore_index=True), only, cell) if measured else None,
    )


def logs_of(studies: list[Path], only: str | None = None, cell: str | None = None) -> pd.DataFrame:
    """The evaluations of every run of all studies; of a run that two of them hold, those of the later study."""
    import pandas as pd

    from rnnbench.study import Study

    found: pd.DataFrame | None = None
    for study in studies:
        logs = Study.open(study).logs()
        found = logs if found is None else pd.concat([found[~found["run_id"].isin(logs["run_id"])], logs], ignore_index=True)
    assert found is not None
    return chosen(found, only, cell)
