"""The state of every run of a study."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from rnnbench._study import Failure, StudyFolder
from rnnbench._sweep.grid import Bisection
from rnnbench._sweep.sweep_file import StoredRuns


@dataclass
class RunStates:
    """run_ids by state. Each run has one state."""

    done: dict[str, str] = field(default_factory=dict)  # to the run's status
    running: list[str] = field(default_factory=list)
    failed: dict[str, Failure] = field(default_factory=dict)  # to its row of failed.csv
    interrupted: list[str] = field(default_factory=list)
    to_do: list[str] = field(default_factory=list)


def ids_so_far(study: StudyFolder, stored: StoredRuns) -> list[str]:
    """Return the run_ids of a sweep; for a search for the span those requested so far."""
    found = list(stored.run_ids)
    ended = {row.run_id: False for row in study.failed_runs()}
    ended |= {record.run_id: record.status == "solved" for record in study.records()}
    for curve in stored.curves:
        search: Bisection[str] = Bisection()
        gaps = {run_id: gap for gap, run_ids in curve.items() for run_id in run_ids}
        for run_id, gap in gaps.items():
            search.add(gap, run_id)
        waiting = deque(search.next())
        while waiting:
            run_id = waiting.popleft()
            found.append(run_id)
            if run_id in ended:
                waiting.extend(search.record(gaps[run_id], ended[run_id]))
    return found


def run_states(study: StudyFolder, run_ids: Sequence[str] | None) -> RunStates:
    """Return the states of these runs, or (None) of every run that has files in the study. Writes nothing."""
    finished = {record.run_id: record.status for record in study.records()}
    failures = {row.run_id: row for row in study.failed_runs()}
    checkpoints, locks = study.run_ids_of("checkpoints", "*.pt"), study.run_ids_of(".locks", "*-*.lock")
    if run_ids is None:
        run_ids = sorted(finished.keys() | failures.keys() | checkpoints | {name for name in locks if study.claimed(name)})
    states = RunStates()
    for run_id in run_ids:
        if run_id in finished:
            states.done[run_id] = finished[run_id]
        elif run_id in locks and study.claimed(run_id):
            states.running.append(run_id)
        elif run_id in failures:
            states.failed[run_id] = failures[run_id]
        elif run_id in checkpoints:
            states.interrupted.append(run_id)
        else:
            states.to_do.append(run_id)
    return states
