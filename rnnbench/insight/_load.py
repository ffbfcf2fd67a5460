"""Networks to analyse, untrained or from a finished run, and a forward pass that keeps every state and gate."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench._cell import Cell, State, cast, check_step
from rnnbench._config import Run, as_list
from rnnbench._errors import UserError
from rnnbench._plugins.registry import CELLS, TASKS, Registry
from rnnbench._spec.arguments import warn
from rnnbench._spec.request import spec_of
from rnnbench._spec.resolve import Resolved, rebuild
from rnnbench._study import StudyFolder
from rnnbench._study.atomic import load_tensors, unreadable
from rnnbench._training.model import Model, build
from rnnbench.insight._arguments import FinishedRun, SeveralRuns, StudyLike
from rnnbench.task import Task

MOST_STEPS = 200_000
"""Time steps of the longest sequence that is measured step by step."""
CANDIDATES = 8
"""Number of runs listed when a name is ambiguous."""


class Trajectory(NamedTuple):
    """States and gates of a cell over one sequence.

    Attributes:
        states: T + 1 states, the initial one first, each a tuple of (B, ...).
        gates: T dicts of gates and candidates by name, (B, H) each.
    """

    states: list[State]
    gates: list[dict[str, Tensor]]


def unroll(cell: Cell, x: Tensor | list[Tensor]) -> Trajectory:
    """Apply ``step`` to x (T, B, D), one time step after the other.

    Gradients reach every state, and x if it requires them.
    """
    state = tuple(part.clone().requires_grad_(torch.is_grad_enabled()) for part in cell.start(len(x[0])))  # (B, ...) each
    states, gates = [state], []
    for t, values in enumerate(x):  # (B, D)
        result = cell.step(values, state)
        if t == 0:
            check_step(cell, result, state)
        state, opened = result
        states.append(state)
        gates.append(opened)
    return Trajectory(states, gates)


def check_steps(task: Task, gap: int) -> None:
    """Raise UserError for sequences that would take hours step by step, each step kept for the gradient."""
    if (steps := task.length(gap)) > MOST_STEPS:
        long = f"gap {gap:,} of task {task.name} has sequences of {steps:,} steps, which are measured one step at a time"
        raise UserError(f"{long}: give a smaller gap, for at most {MOST_STEPS:,} steps")


def build_initialised(resolved: Resolved, dtype: torch.dtype) -> Model:
    """Return the untrained network of a run, in evaluation mode."""
    run = resolved.run
    if run.engine in ("scan", "fast", "cudnn"):  # the row of a run that was made where this engine could run its cell
        run = run.model_copy(update={"engine": "auto"})
    model = build(resolved._replace(run=run)).eval()
    cast(model, dtype)
    return model


def load_trained(resolved: Resolved, study: StudyFolder, dtype: torch.dtype = torch.float32) -> Model:
    """Return the trained network of a finished run, in evaluation mode.

    Raises:
        UserError: the study has no weights of the run.
    """
    run = resolved.run
    path = study.weights_file(run.run_id)
    if not path.exists():
        remedy = "`rnnbench run --force` repeats it" if study.finished(run.run_id) else "run it there first"
        raise UserError(f"no weights of {run.run_id} in {study.folder}: {remedy}")
    for word, entry in (("cell", resolved.cell_entry), ("task", resolved.task_entry)):
        if entry.changed:
            text = f"{word} {entry.name} has changed in Python since {run.run_id} was trained"
            warn(f"{text}: its weights are loaded into the current class")
    model = build_initialised(resolved, torch.float32)
    try:
        model.load_state_dict(load_tensors(path))
    except RuntimeError as error:
        raise unreadable(path) from error
    cast(model, dtype)
    return model


def finished_runs(
    runs: SeveralRuns, study: StudyLike, cell: object = None, task: object = None
) -> list[tuple[Resolved, StudyFolder]]:
    """Return finished runs, given as results or by run_id, each with its study.

    ``cell`` and ``task`` are the plug-ins that the runs need: a file, ``package.module:Class`` or a class, or several of them.

    Raises:
        UserError: a run does not exist, or its cell or task is a plug-in that is not given.
    """
    given: tuple[tuple[Registry[Any], object], ...] = ((CELLS, cell), (TASKS, task))
    for registry, plugins in given:
        for one in [] if plugins is None else as_list(plugins):
            if spec := spec_of(registry, one):
                registry.find(spec[0])
    named: list[str | FinishedRun] = as_list(runs)
    found = []
    for one in named:
        if isinstance(one, str):
            home = study if isinstance(study, StudyFolder) else StudyFolder.open(study)
            found.append((rebuild(find_run(home, one.strip())), home))
        else:
            found.append((rebuild(one.run), one.study))
    return found


def find_run(study: StudyFolder, name: str) -> Run:
    """Return the finished run whose run_id is ``name`` or begins with it.

    Raises:
        UserError: no run or several runs match.
    """
    records = study.records()
    found = [r for r in records if r.run_id == name] or [r for r in records if r.run_id.startswith(name)]
    if len(found) != 1:
        if not found:
            known = ", ".join(sorted(r.run_id for r in records)[:3]) or "none"
            raise UserError(f"no run {name!r} in {study.folder}: it has {known}{', ...' if len(records) > 3 else ''}")
        which = sorted(r.run_id for r in found)
        shown = ", ".join(which[:CANDIDATES]) + (f" and {len(which) - CANDIDATES} more" if len(which) > CANDIDATES else "")
        raise UserError(f"{len(found)} runs in {study.folder} begin with {name!r}; give more of the run_id: {shown}")
    return found[0].run
