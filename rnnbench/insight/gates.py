"""What a network does with one sequence: its gates and its state over time, and how long its units keep what they hold.

The forget gate decides at every step what share of the state stays (Gers, Schmidhuber & Cummins 2000); its half-life says for how
long (Tallec & Ollivier 2018, section 3).
"""

from __future__ import annotations

import pandas as pd
import torch

from rnnbench import catalog
from rnnbench.config import RunConfig
from rnnbench.errors import UserError
from rnnbench.insight.gradients import KEEP, half_lives
from rnnbench.insight.networks import walk
from rnnbench.model import Model, stream

NAMES = {
    "lstm": {"f": "forget gate f (1 keeps)", "i": "input gate i (1 writes)", "o": "output gate o"},
    "gru": {"keep": "1 - z (1 keeps)", "r": "reset gate r"},
    "gru-torch": {"keep": "z (1 keeps)", "r": "reset gate r"},
}
"""What is shown of a cell and how it is called; of a cell that is not here all gates are, by their own names."""


@torch.no_grad()
def gate_values(model: Model, config: RunConfig, example: int = 0) -> pd.DataFrame:
    """Every gate and the state of every unit along one fresh sequence.

    Args:
        model: the network.
        config: its resolved config.
        example: which sequence of the seed's stream ``insight``.

    Returns:
        Columns ``step, word, answer, quantity, unit, value``: a row a step, quantity and unit. The state of the LSTM is C; the
        hidden state of every other cell is its state. ``answer`` is empty where none is due.

    Raises:
        UserError: the cell carries no state.
    """
    cell = model.cell
    if cell.name == "memoryless":
        raise UserError("cell memoryless has neither gates nor a state to look at")
    task = catalog.make_task(config.task, config.option)
    batch = task.sample(config.gap, example + 1, stream(config.seed, "insight"))
    words = task.words(batch, example)
    passed = walk(cell, batch.inputs)
    names = NAMES.get(cell.name) or {name: name for name in passed.gates[0]}
    rows = []
    for step, (word, opened, state) in enumerate(zip(words, passed.gates, passed.states[1:], strict=True)):
        shown = dict(opened)
        if cell.name in KEEP:
            shown["keep"] = KEEP[cell.name](opened)
        values = {label: shown[name] for name, label in names.items()}
        values["state C" if cell.name == "lstm" else "state h"] = state[-1]
        for quantity, tensor in values.items():
            numbers = tensor[example].tolist()  # (H)
            rows += [(step, word.text, word.answer or "", quantity, unit, value) for unit, value in enumerate(numbers)]
    return pd.DataFrame(rows, columns=["step", "word", "answer", "quantity", "unit", "value"])


def half_life_frame(initial: Model, trained: Model, config: RunConfig) -> pd.DataFrame:
    """Columns ``when, unit, half_life`` (time steps): before and after training; no rows for a cell without a keeping gate."""
    rows = []
    if trained.cell.name in KEEP:
        for when, model in (("initial", initial), ("trained", trained)):
            rows += [(when, unit, steps) for unit, steps in enumerate(half_lives(model, config).tolist())]
    return pd.DataFrame(rows, columns=["when", "unit", "half_life"])


def means(values: pd.DataFrame) -> pd.DataFrame:
    """Columns ``step, word, answer, quantity, mean, low, high``: over units, low and high the 10 and 90 % quantiles."""
    groups = values.groupby(["step", "word", "answer", "quantity"], sort=False)["value"]
    return groups.agg(mean="mean", low=lambda v: v.quantile(0.1), high=lambda v: v.quantile(0.9)).reset_index()
