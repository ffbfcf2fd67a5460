"""A network to look into, at initialisation or from a finished run, and one pass through it that keeps every state and gate."""

from __future__ import annotations

import json
from typing import NamedTuple

import torch
from torch import Tensor

from rnnbench import catalog
from rnnbench.cell import Cell, State, check_step
from rnnbench.config import RunConfig
from rnnbench.errors import UserError
from rnnbench.model import Model, build
from rnnbench.records import RUN_COLUMNS, Study, load_tensors, read_csv

CANDIDATES = 8
"""Runs that are named where a name could mean several."""


class Pass(NamedTuple):
    """One walk through a sequence by the cell's written-out step.

    Attributes:
        states: T + 1 states, the initial one first, each a tuple of (B, ...).
        gates: T dicts of gates and candidates by name, (B, H) each.
    """

    states: list[State]
    gates: list[dict[str, Tensor]]


def walk(cell: Cell, x: Tensor | list[Tensor]) -> Pass:
    """Take one ``step`` after the other over (T, B, D) values; gradients reach every state, and x if it asks for them."""
    state = tuple(part.clone().requires_grad_(torch.is_grad_enabled()) for part in cell.start(len(x[0])))  # (B, ...) each
    states, gates = [state], []
    for t, values in enumerate(x):  # (B, D)
        result = cell.step(values, state)
        if t == 0:
            check_step(cell, result, state)
        state, opened = result
        states.append(state)
        gates.append(opened)
    return Pass(states, gates)


def initialised(config: RunConfig, dtype: torch.dtype) -> Model:
    """The network of a resolved config before any training, in evaluation mode."""
    return build(config, catalog.make_task(config.task, config.option)).to(dtype).eval()


def trained(config: RunConfig, study: Study, dtype: torch.dtype = torch.float32) -> Model:
    """The network of a finished run, in evaluation mode; raises UserError if the study has no weights of it."""
    path = study.weights_file(config.run_id)
    if not path.exists():
        raise UserError(f"no weights of {config.run_id} in {study.folder}: make the run there first")
    model = initialised(config, torch.float32)
    model.load_state_dict(load_tensors(path))
    return model.to(dtype)


def find_run(study: Study, name: str) -> RunConfig:
    """The config of the finished run whose run_id is, or begins with, ``name``; raises UserError if it is not one run."""
    rows = read_csv(study.runs_file, RUN_COLUMNS) if study.runs_file.exists() else []
    found = [row for row in rows if row["run_id"] == name] or [row for row in rows if str(row["run_id"]).startswith(name)]
    if len(found) != 1:
        if not found:
            known = ", ".join(sorted(str(row["run_id"]) for row in rows)[:3]) or "none"
            raise UserError(f"no run {name!r} in {study.folder}: it has {known}{', ...' if len(rows) > 3 else ''}")
        which = sorted(str(row["run_id"]) for row in found)
        shown = ", ".join(which[:CANDIDATES]) + (f" and {len(which) - CANDIDATES} more" if len(which) > CANDIDATES else "")
        raise UserError(f"{len(found)} runs in {study.folder} begin with {name!r}, give more of the run_id: {shown}")
    return config_of(found[0])


def config_of(row: dict[str, str]) -> RunConfig:
    """The config that a row of ``runs.csv`` holds as text."""
    values: dict[str, object] = {}
    for name, field in RunConfig.model_fields.items():
        text = str(row[name])
        kind = str(field.annotation)
        if text == "":
            values[name] = None
        elif name in ("option", "cell_option"):
            values[name] = json.loads(text)
        elif "float" in kind:
            values[name] = float(text)
        elif "int" in kind:
            values[name] = int(text)
        else:
            values[name] = text
    return RunConfig.model_validate(values)
