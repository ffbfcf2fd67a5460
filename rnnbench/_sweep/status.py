"""Where every run of a study stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rnnbench._config import Run
from rnnbench._study import Failure, Study


@dataclass
class States:
    """run_ids by state; ``failed`` with their rows of ``failed.csv``. Each run is in one of them."""

    done: dict[str, str] = field(default_factory=dict)  # with the status
    running: list[str] = field(default_factory=list)
    failed: dict[str, Failure] = field(default_factory=dict)
    interrupted: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)


def states(study: Study, runs: Sequence[Run] | None) -> States:
    """The state of these runs; without any, of every run that has left a trace in the study. Writes nothing."""
    finished = {record.run_id: record.status for record in study.records()}
    failures = {row.run_id: row for row in study.failures.rows()}
    halfway = {path.stem for path in (study.folder / "checkpoints").glob("*.pt")}
    if runs is None:
        locks = {path.stem for path in (study.folder / ".locks").glob("*-*.lock")}
        ids = sorted(finished.keys() | failures.keys() | halfway | {name for name in locks if study.claimed(name)})
    else:
        ids = [run.run_id for run in runs]
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
