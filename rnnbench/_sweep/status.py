"""The state of every run of a study."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rnnbench._config import Run
from rnnbench._study import Failure, StudyFolder


@dataclass
class RunStates:
    """run_ids by state. Each run has one state."""

    done: dict[str, str] = field(default_factory=dict)  # to the run's status
    running: list[str] = field(default_factory=list)
    failed: dict[str, Failure] = field(default_factory=dict)  # to its row of failed.csv
    interrupted: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)


def run_states(study: StudyFolder, runs: Sequence[Run] | None) -> RunStates:
    """Return the states of these runs, or (None) of every run that has files in the study. Writes nothing."""
    finished = {record.run_id: record.status for record in study.records()}
    failures = {row.run_id: row for row in study.failures.rows()}
    checkpoints = {path.stem for path in (study.folder / "checkpoints").glob("*.pt")}
    if runs is None:
        locks = {path.stem for path in (study.folder / ".locks").glob("*-*.lock")}
        run_ids = sorted(finished.keys() | failures.keys() | checkpoints | {name for name in locks if study.claimed(name)})
    else:
        run_ids = [run.run_id for run in runs]
    states = RunStates()
    for run_id in run_ids:
        if run_id in finished:
            states.done[run_id] = finished[run_id]
        elif study.claimed(run_id):
            states.running.append(run_id)
        elif run_id in failures:
            states.failed[run_id] = failures[run_id]
        elif run_id in checkpoints:
            states.interrupted.append(run_id)
        else:
            states.to_do.append(run_id)
    return states
