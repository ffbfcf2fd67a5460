"""Studies that commands read, and the selection of their runs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from rnnbench._analysis.studies import disagreement_note
from rnnbench._cli.terminal.flags import name_list
from rnnbench._cli.terminal.formatting import print_wrapped
from rnnbench._errors import UserError
from rnnbench._study import RunRecord, StudyFolder
from rnnbench._study.headline import STUDY_FILE, headline_files
from rnnbench._study.record import frame

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    Draw = Callable[[], Figure]

MOST_RUNS = 100_000
"""The most runs of a sweep file in a headline: a study of somebody else must not take hours to read."""


class Selection(NamedTuple):
    """Values of ``--only``, ``--cell`` and ``--sweep`` as typed, separated by commas; None selects all.

    ``every`` is True with ``--all``: the studies' headlines select nothing.
    """

    tasks: str | None
    cells: str | None
    sweeps: str | None
    every: bool = False


def select_runs(runs: pd.DataFrame, selection: Selection, advice: str = "") -> pd.DataFrame:
    """Return the selected rows; raise UserError if a task, a cell or a sweep file has no rows, and name those that have."""
    for flag, column, text in (("--only", "task", selection.tasks), ("--cell", "cell", selection.cells)):
        if text is not None:
            names = name_list(flag, text)
            present = set(runs[column])
            if missing := [name for name in names if name not in present]:
                raise UserError(f"{flag}: no runs of {column} {missing[0]!r}; there are {', '.join(sorted(present))}{advice}")
            runs = runs[runs[column].isin(names)]
    if selection.sweeps is not None:
        runs = runs[runs["run_id"].isin(_run_ids(name_list("--sweep", selection.sweeps), set(runs["run_id"])))]
    return runs.reset_index(drop=True)


def select_figures(names: str | None, figures: Mapping[str, Draw]) -> list[tuple[str, Draw]]:
    """Return the named figures (None: all); raise UserError for a name that the studies have no figure for."""
    if not figures:
        raise UserError("no figure shows these runs: a figure needs several gaps, or several values of --axis")
    selected = list(figures) if names is None else name_list("--figure", names)
    if missing := [name for name in selected if name not in figures]:
        raise UserError(f"--figure: no figure {missing[0]!r} of these runs; there are {', '.join(figures)}")
    return [(name, figures[name]) for name in selected]


def _run_ids(files: list[str], present: set[str]) -> set[str]:
    """Return the run_ids of sweep files; raise UserError for a file without any run in ``present``."""
    from rnnbench._sweep.grid import grid  # imports torch
    from rnnbench._sweep.sweep_file import read_names

    selected: set[str] = set()
    for file in files:
        runs = {run.run_id for run in grid(read_names(Path(file), {}), load_errors={})}
        if not runs & present:
            raise UserError(f"--sweep: no runs of {file} here: `rnnbench sweep {file} --out STUDY` makes them")
        selected |= runs
    return selected


def _headline(study: Path) -> set[str]:
    """Return the run_ids of a study's headline; empty if it names none."""
    from rnnbench._sweep.grid import grid  # imports torch
    from rnnbench._sweep.sweep_file import read_names

    found: set[str] = set()
    for file in headline_files(study):
        sweep = read_names(file, {})
        for name in ("tuned", "tune"):
            if (table := getattr(sweep, name)) and Path(table).resolve().parent != study.resolve():
                raise UserError(f"{file}: {name} names a table outside {study}: copy the table into the folder")
        if math.prod(max(1, len(values)) for values in sweep.model_dump().values() if isinstance(values, list)) > MOST_RUNS:
            raise UserError(f"{file} has more than {MOST_RUNS:,} runs, too many for a headline: use --all, or shorten its lists")
        found |= {run.run_id for run in grid(sweep, load_errors={})}
    return found


def in_headline(frame: pd.DataFrame, study: Path, selection: Selection) -> pd.DataFrame:
    """Return the rows of a study that its headline names; all rows without one, or if the selection names others."""
    shown = set() if selection.every or selection.sweeps is not None else _headline(study)
    return frame[frame["run_id"].isin(shown)] if shown else frame


def read_runs(studies: list[Path], selection: Selection) -> pd.DataFrame:
    """Return the finished runs of all studies, with a column ``study``; raise UserError if a study has none.

    Of a study with a headline only its runs, with a line on stderr. A run of two studies comes twice;
    :func:`rnnbench._analysis.summary.count_once` keeps the later study's. A line on stderr names runs whose results differ.
    """
    homes, frames, advice = [StudyFolder.open(study) for study in studies], [], ""
    for home, study in zip(homes, studies, strict=True):
        every = home.runs().assign(study=str(study))
        shown = in_headline(every, study, selection)
        if shown.empty:
            raise UserError(f"no run of the headline of {study / STUDY_FILE} has finished: use --all for the other runs")
        if len(shown) < len(every):
            advice = "; --all also reads the runs that are not in the headline"
            text = f"{study}: {len(shown):,} of {len(every):,} runs, the headline of {study / STUDY_FILE}; --all shows all"
            print_wrapped(text, err=True)
        frames.append(shown)
    runs = select_runs(pd.concat(frames, ignore_index=True), selection, advice)
    warn_of_disagreement(homes, runs)
    return runs


def warn_of_disagreement(homes: Sequence[StudyFolder], runs: pd.DataFrame) -> None:
    """Print a line on stderr that names runs with two results that differ; an earlier one may be in a table that was merged."""
    replaced = [
        frame(home.finished_table.replaced, RunRecord).assign(study=str(home.folder))
        for home in homes
        if home.finished_table.replaced
    ]
    earlier = [rows[rows["run_id"].isin(runs["run_id"])] for rows in replaced]
    if note := disagreement_note(pd.concat([*earlier, runs], ignore_index=True)):
        print_wrapped(f"rnnbench: {note}", err=True)


class Frames(NamedTuple):
    """The tables of some studies; None where a study has none."""

    runs: pd.DataFrame | None
    logs: pd.DataFrame | None
    extrapolation: pd.DataFrame | None


def read_frames(studies: list[Path], selection: Selection) -> Frames:
    """Return the tables of all studies; raise UserError if there are none. Before its first run ends, a study has only logs."""
    for study in studies:
        StudyFolder(study).check_exists()
    finished = [study for study in studies if (study / "runs.csv").exists()]
    logged = [study for study in studies if any((study / "logs").glob("*.csv"))]
    measured = [home.extrapolation() for home in map(StudyFolder, studies) if home.extrapolations.rows()]
    return Frames(
        read_runs(finished or studies, selection) if finished or not logged else None,
        read_logs(logged, selection) if logged else None,
        select_runs(pd.concat(measured, ignore_index=True), selection) if measured else None,
    )


def warn_of_missing_logs(frames: Frames, figures: str | None) -> None:
    """Print a line on stderr that counts the runs without a log, if learning curves are among the figures (None: all)."""
    if frames.runs is not None and (figures is None or "learning_curves" in figures):
        finished, logged = set(frames.runs["run_id"]), set() if frames.logs is None else set(frames.logs["run_id"])
        if without := len(finished - logged):
            text = f"rnnbench: no learning curve for runs without a log in logs/: {without:,} of {len(finished):,}"
            print_wrapped(text, err=True)


def read_logs(studies: list[Path], selection: Selection) -> pd.DataFrame:
    """Return the evaluations of all runs; for a run of two studies those of the later study."""
    frame: pd.DataFrame | None = None
    for study in studies:
        logs = in_headline(StudyFolder(study).logs(), study, selection)
        frame = logs if frame is None else pd.concat([frame[~frame["run_id"].isin(logs["run_id"])], logs], ignore_index=True)
    assert frame is not None
    return select_runs(frame, selection)
