"""What the commands that read studies share: which studies, and which of their runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from rnnbench._errors import UserError

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    Draw = Callable[[], Figure]


def named(studies: list[Path] | None) -> list[Path]:
    """The studies that a command is about."""
    return studies or [Path("results")]


class Part(NamedTuple):
    """What a command was asked to look at, as it was typed; None for all.

    Attributes:
        tasks, cells: names, with commas between.
        sweeps: sweep files: the runs that they ask for.
    """

    tasks: str | None = None
    cells: str | None = None
    sweeps: str | None = None


ALL = Part()


def chosen(frame: pd.DataFrame, part: Part) -> pd.DataFrame:
    """The rows asked for.

    Raises:
        UserError: a task or a cell has no rows (it names those that do), or no row is of a run of a sweep file.
    """
    for flag, column, wanted in (("--only", "task", part.tasks), ("--cell", "cell", part.cells)):
        if wanted is not None:
            names = _split(wanted)
            have = set(frame[column])
            if missing := [name for name in names if name not in have]:
                raise UserError(f"{flag}: no runs of {column} {missing[0]!r}; there are {', '.join(sorted(have))}")
            frame = frame[frame[column].isin(names)]
    if part.sweeps is not None:
        frame = frame[frame["run_id"].isin(_asked_for(_split(part.sweeps), set(frame["run_id"])))]
    return frame.reset_index(drop=True)


def wanted(names: str | None, drawn: Mapping[str, Draw]) -> list[tuple[str, Draw]]:
    """The figures asked for, of those that the studies allow; raises UserError naming them, if one is not among them."""
    asked = list(drawn) if names is None else _split(names)
    if missing := [name for name in asked if name not in drawn]:
        raise UserError(f"--figure: no figure {missing[0]!r} of these runs; there are {', '.join(drawn)}")
    return [(name, drawn[name]) for name in asked]


def _split(names: str) -> list[str]:
    return [name.strip() for name in names.split(",")]


def _asked_for(files: list[str], there: set[str]) -> set[str]:
    """The runs that sweep files ask for; raises UserError for a file none of whose runs is ``there``."""
    from rnnbench._sweep.grid import grid
    from rnnbench._sweep.sweep_file import read_sweep

    asked: set[str] = set()
    for file in files:
        runs = {run.run_id for run in grid(read_sweep(Path(file), {}), load_errors={})}
        if not runs & there:
            raise UserError(f"--sweep: no runs of {file} here: `rnnbench sweep {file} --out STUDY` makes them")
        asked |= runs
    return asked


def runs_of(studies: list[Path], part: Part = ALL) -> pd.DataFrame:
    """The finished runs of all studies together, with the ``study`` of each; raises UserError if one of them has none.

    A run that two studies hold comes twice; :func:`rnnbench._analysis.summary.count_once` keeps the later study's.
    """
    import pandas as pd

    from rnnbench._study import Study

    frames = [Study.open(study).runs().assign(study=str(study)) for study in studies]
    return chosen(pd.concat(frames, ignore_index=True), part)


class Frames(NamedTuple):
    """All that can be drawn of some studies."""

    runs: pd.DataFrame | None
    logs: pd.DataFrame | None
    extrapolation: pd.DataFrame | None


def frames_of(studies: list[Path], part: Part = ALL) -> Frames:
    """The tables of all studies; one with its first run on the way has logs alone. Raises UserError if there is nothing at all."""
    import pandas as pd

    from rnnbench._study import Study

    finished = [place for place in studies if (place / "runs.csv").exists()]
    logged = [place for place in studies if any((place / "logs").glob("*.csv"))]
    measured = [home.extrapolation() for home in map(Study.open, studies) if home.extrapolations.rows()]
    return Frames(
        runs_of(finished or studies, part) if finished or not logged else None,
        logs_of(logged, part) if logged else None,
        chosen(pd.concat(measured, ignore_index=True), part) if measured else None,
    )


def logs_of(studies: list[Path], part: Part = ALL) -> pd.DataFrame:
    """The evaluations of every run of all studies; of a run that two of them hold, those of the later study."""
    import pandas as pd

    from rnnbench._study import Study

    found: pd.DataFrame | None = None
    for study in studies:
        logs = Study.open(study).logs()
        found = logs if found is None else pd.concat([found[~found["run_id"].isin(logs["run_id"])], logs], ignore_index=True)
    assert found is not None
    return chosen(found, part)
