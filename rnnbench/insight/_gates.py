"""What a network does with one sequence: its gates and its state over time, and how long its units keep what they hold.

The forget gate decides at every step what share of the state stays (Gers, Schmidhuber & Cummins 2000); its half-life says for how
long (Tallec & Ollivier 2018, section 3).
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

from rnnbench._cell import Cell, Gate, check_inputs
from rnnbench._config import Run
from rnnbench._errors import UserError
from rnnbench._spec.resolve import task_of
from rnnbench._training.model import Model, stream
from rnnbench.insight._gradients import half_lives
from rnnbench.insight._load import walk

COLUMNS = ("step", "word", "answer", "quantity", "unit", "value", "low", "high")


@torch.no_grad()
def gate_values(model: Model, run: Run, example: int = 0) -> pd.DataFrame:
    """Every gate and the state of every unit along one fresh sequence.

    Args:
        model: the network.
        run: its resolved run.
        example: which sequence of the seed's stream ``insight``.

    Returns:
        Columns ``step, word, answer, quantity, unit, value, low, high``: a row per step, quantity and unit. Quantities are
        the gates, by their labels, without the candidate, and last the part of the state that the cell carries on. ``answer`` is
        empty where none is due; ``low`` and ``high`` are the range of a gate's values, NaN where it is not known and for the state.

    Raises:
        UserError: the layer has no step to look into.
    """
    cell = model.cell
    if not isinstance(cell, Cell):
        raise UserError(f"{cell.name} takes whole sequences at once: it has no step, and so neither gates nor a state to look at")
    task = task_of(run)
    batch = task.sample(run.gap, example + 1, stream(run.seed, "insight"))
    check_inputs(cell, batch.inputs)
    words = task.words(batch, example)
    passed = walk(cell, cell.vectors(batch.inputs))
    unknown = Gate("", math.nan, math.nan)
    frames = []
    for step, (word, opened, state) in enumerate(zip(words, passed.gates, passed.states[1:], strict=True)):
        shown = {name: values for name, values in opened.items() if name != cell.candidate}  # (B, H) each
        gates = {name: cell.gates.get(name, unknown._replace(label=name)) for name in shown}
        carried = cell.state_names[-1]
        shown[carried] = state[-1]  # (B, ...)
        gates[carried] = unknown._replace(label=f"state {carried}")
        for name, tensor in shown.items():
            numbers = tensor[example].flatten().numpy()  # (H), or all numbers of the part
            gate = gates[name]
            columns = (step, word.text, word.answer or "", gate.label, np.arange(len(numbers)), numbers, gate.low, gate.high)
            frames.append(pd.DataFrame(dict(zip(COLUMNS, columns, strict=True))))
    return pd.concat(frames, ignore_index=True)


def half_life_frame(initial: Model, trained: Model, run: Run) -> pd.DataFrame:
    """Columns ``when, unit, half_life`` (time steps): before and after training; no rows for a cell without a keeping gate."""
    rows = []
    for when, model in (("initial", initial), ("trained", trained)):
        try:
            rows += [(when, unit, steps) for unit, steps in enumerate(half_lives(model, run).tolist())]
        except ValueError:  # no gate keeps its state
            break
    return pd.DataFrame(rows, columns=["when", "unit", "half_life"])


def means(values: pd.DataFrame) -> pd.DataFrame:
    """Columns ``step, word, answer, quantity, mean, low, high``: over units, low and high the 10 and 90 % quantiles."""
    groups = values.groupby(["step", "word", "answer", "quantity"], sort=False)["value"]
    return groups.agg(mean="mean", low=lambda v: v.quantile(0.1), high=lambda v: v.quantile(0.9)).reset_index()
