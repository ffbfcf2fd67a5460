"""Where every run of a study stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from rnnbench.config import RunConfig
from rnnbench.records import RUN_COLUMNS, Study, read_csv
from rnnbench.sweep.failures import Failures


@dataclass
class States:
    """run_ids by state; ``failed`` with their rows of ``failed.csv``. Each run is in one of them."""

    done: dict[str, str] = field(default_factory=dict)  # with the status
    running: list[str] = field(default_factory=list)
    failed: dict[str, dict[str, Any]] = field(default_factory=dict)
    interrupted: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)


def states(study: Study, runs: Sequence[RunConfig] | None) -> States:
    """The state of these runs; without any, of every run that has left a trace in the study."""
    rows = read_csv(study.runs_file, RUN_COLUMNS) if study.runs_file.exists() else []
    finished = {row["run_id"]: str(row["status"]) for row in rows}
    failures = Failures(study).load()
    halfway = {path.stem for path in (study.folder / "checkpoints").glob("*.pt")}
    if runs is None:
        locks = {path.stem for path in (study.folder / ".locks").glob("*-*.lock")}
        ids = sorted(finished.keys() | failures.keys() | halfway | {name for name in locks if study.claimed(name)})
    else:
        ids = [config.run_id for config in runs]
    found = States()
    for run_id in ids:
        if run_id in finished:
            found.done[run_id] = finished[run_id]
        elif study.claimed(run_id):
            found.running.append(run_id)
        elif run_id in failures:
            found.failed[run_id] = failures[run_id]
        elif run_id in halfway:
            found.interrupted.append(run_id)
        else:
            found.to_do.append(run_id)
    return found
