"""Gates and state of a network along one sequence, and half-lives of its units.

At every time step the forget gate sets the share of the state that is kept (Gers, Schmidhuber & Cummins 2000). Its half-life is the
time after which half is left (Tallec & Ollivier 2018, section 3).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

from rnnbench._cell import Cell, Gate, check_inputs
from rnnbench._errors import UserError
from rnnbench._spec.resolve import Resolved
from rnnbench._training.model import Model, stream
from rnnbench.insight._gradients import half_lives
from rnnbench.insight._load import unroll

GATE_COLUMNS = ("step", "word", "answer", "cue", "quantity", "unit", "value", "low", "high")


@torch.no_grad()
def gate_values(model: Model, resolved: Resolved, example: int = 0) -> pd.DataFrame:
    """Return every gate and the state of every unit along a fresh sequence, number ``example`` of the seed's stream ``insight``.

    Returns:
        One row per step, quantity and unit, columns ``step, word, answer, cue, quantity, unit, value, low, high``. Quantities are
        the labels of the gates, without the candidate, and last the part of the state that the cell carries on. ``answer`` is
        empty at steps that are not scored, and ``cue`` is true where an answer depends on the input. ``low`` and ``high`` are the
        range of a gate's values, NaN if unknown and for the state.

    Raises:
        UserError: the layer is a whole-sequence model, which has no ``step``.
    """
    cell = model.cell
    if not isinstance(cell, Cell):
        raise UserError(f"{cell.name} processes whole sequences at once: it has no gates or state to show")
    run, task = resolved.run, resolved.task
    batch = task.draw(run.gap, example + 1, stream(run.seed, "insight"), "eval")
    check_inputs(cell, batch.inputs)
    words = task.words(batch, example)
    trajectory = unroll(cell, cell.vectors(batch.inputs))
    unknown = math.nan, math.nan
    carried = Gate(f"state {cell.state_names[-1]}", *unknown)
    frames = []
    for step, (word, opened, state) in enumerate(zip(words, trajectory.gates, trajectory.states[1:], strict=True)):
        shown = [(cell.gates.get(name, Gate(name, *unknown)), values) for name, values in opened.items() if name != cell.candidate]
        for gate, tensor in [*shown, (carried, state[-1])]:  # (B, H) each; the state (B, ...)
            numbers = tensor[example].flatten().numpy()  # (H), or all numbers of the part
            columns = (
                step,
                word.text,
                word.answer or "",
                word.cue,
                gate.label,
                np.arange(len(numbers)),
                numbers,
                gate.low,
                gate.high,
            )
            frames.append(pd.DataFrame(dict(zip(GATE_COLUMNS, columns, strict=True))))
    return pd.concat(frames, ignore_index=True)


def half_life_table(initial: Model, trained: Model, resolved: Resolved) -> pd.DataFrame:
    """Return the half-life of every unit before and after training, in time steps: the median over sequences.

    Returns:
        Columns ``when, unit, half_life``; no rows for a cell without a gate that keeps its state.
    """
    models = {"initial": initial, "trained": trained}
    lives = {when: np.median(half_lives(model, resolved).numpy(), axis=0).tolist() for when, model in models.items()}
    rows = [(when, unit, steps) for when, found in lives.items() for unit, steps in enumerate(found)]
    return pd.DataFrame(rows, columns=["when", "unit", "half_life"])


def mean_gates(values: pd.DataFrame) -> pd.DataFrame:
    """Average gate values over units.

    Returns:
        Columns ``step, word, answer, quantity, mean, low, high``; low and high are the 10 % and 90 % quantiles.
    """
    groups = values.groupby(["step", "word", "answer", "quantity"], sort=False)["value"]
    return groups.agg(mean="mean", low=lambda v: v.quantile(0.1), high=lambda v: v.quantile(0.9)).reset_index()
