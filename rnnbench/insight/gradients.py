"""How the gradient fades on its way back: the norm of d loss / d h_t against the distance from t to the answer.

Bengio, Simard & Frasconi 1994, section III; Pascanu, Mikolov & Bengio 2013, section 2.1: for a tanh RNN every step back multiplies
the gradient by at most the largest singular value of W_hh, so a value below one makes it vanish geometrically. A cell with a
forget gate carries a second path, along which the gate is the factor.
"""

from __future__ import annotations

import math

import pandas as pd
import torch
from torch import Tensor

from rnnbench import catalog
from rnnbench.config import RunConfig
from rnnbench.insight.networks import walk
from rnnbench.model import Model, stream
from rnnbench.task import Batch

COLUMNS = ("cell", "init", "task", "gap", "when", "distance", "grad_hidden", "grad_state", "bound")
KEEP = {"lstm": lambda gates: gates["f"], "gru": lambda gates: 1 - gates["z"], "gru-torch": lambda gates: gates["z"]}
"""The factor by which a gated cell keeps its state in one step, from its gates."""


def last_answers(batch: Batch) -> Batch:
    """The batch with only the last scored step of every sequence scored, so that distance has one meaning."""
    steps = torch.arange(len(batch.scored)).unsqueeze(1)  # (T, 1)
    last = (steps * batch.scored).max(dim=0).values  # (B)
    return batch._replace(scored=steps == last)


def gradient_norms(model: Model, config: RunConfig, when: str, batch_size: int = 32) -> pd.DataFrame:
    """Norms of the loss gradient at every step before the answer.

    Args:
        model: the network, in the precision that the gradients are wanted in.
        config: its resolved config; the batch comes from the seed's stream ``insight``.
        when: ``initial`` or ``trained``, for the table.
        batch_size: sequences that the norms are averaged over.

    Returns:
        One row a distance, in time steps, from 0 (the answer's own step): ``grad_hidden`` the mean norm of d loss / d h_t of one
        sequence, ``grad_state`` that of the state which the cell carries on (the LSTM's C, with what h shows of it; h elsewhere),
        ``bound`` Pascanu's bound on grad_hidden for the tanh RNN, NaN for other cells.
    """
    task = catalog.make_task(config.task, config.option)
    batch = last_answers(task.sample(config.gap, batch_size, stream(config.seed, "insight")))
    dtype = next(model.parameters()).dtype
    if batch.targets.is_floating_point():
        batch = batch._replace(targets=batch.targets.to(dtype))
    passed = walk(model.cell, batch.inputs)
    due = passed.states[-1][0]  # (B, H): every task answers last at its last step
    loss = task.loss(model.readout(due), batch) * batch_size  # the sum, so that each sequence has its own gradient
    hidden = [state[0] for state in passed.states[1:]]
    carried = [state[-1] for state in passed.states[1:]]
    grads = torch.autograd.grad(loss, [*hidden, *carried], allow_unused=True)
    T = len(hidden)
    norms = [_mean_norm(grad) for grad in grads]
    bound = math.nan
    sigma = largest_singular_value(model)
    rows = []
    for distance in range(T):
        t = T - 1 - distance
        if model.cell.name == "rnn":
            bound = norms[T - 1] * sigma**distance
        rows.append((model.cell.name, config.init, task.name, config.gap, when, distance, norms[t], norms[T + t], bound))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _mean_norm(grad: Tensor | None) -> float:
    """Mean over sequences of the norm of a (B, H) gradient; 0 where nothing depends on it."""
    return 0.0 if grad is None else float(grad.norm(dim=1).mean())


def largest_singular_value(model: Model) -> float:
    """sigma_max of the recurrent weights of the first gate block; NaN without recurrent weights."""
    return float(torch.linalg.matrix_norm(_recurrent(model), 2)) if hasattr(model.cell, "weight_hh") else math.nan


def spectral_radius(model: Model) -> float:
    """Largest absolute eigenvalue of the same block; NaN without recurrent weights."""
    return float(torch.linalg.eigvals(_recurrent(model)).abs().max()) if hasattr(model.cell, "weight_hh") else math.nan


def _recurrent(model: Model) -> Tensor:
    """(H, H): the whole matrix of a vanilla RNN, the candidate's rows of a gated cell."""
    cell = model.cell
    weight: Tensor = cell.weight_hh.detach()
    block = {"lstm": 2, "gru": 2, "gru-torch": 2}.get(cell.name, 0)
    return weight[block * cell.hidden_size : (block + 1) * cell.hidden_size]


def decay_per_step(frame: pd.DataFrame, column: str = "grad_state") -> float:
    """Factor by which the gradient shrinks in one step back: the slope of a straight line through the log norms.

    Fitted over all distances at which the norm is not zero; NaN with fewer than two of them.
    """
    seen = frame[frame[column] > 0]
    if len(seen) < 2:
        return math.nan
    x = seen["distance"].to_numpy(dtype=float)
    y = seen[column].map(math.log).to_numpy(dtype=float)
    slope = ((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum()
    return math.exp(slope)


def half_lives(model: Model, config: RunConfig, batch_size: int = 32) -> Tensor:
    """(H) half-life of every unit's state in time steps, ln 2 / -ln of its mean keep factor over the fillers of fresh sequences.

    Raises:
        ValueError: the cell has no gate that keeps its state.
    """
    if model.cell.name not in KEEP:
        raise ValueError(f"cell {model.cell.name} has no gate that keeps its state")
    task = catalog.make_task(config.task, config.option)
    batch = task.sample(config.gap, batch_size, stream(config.seed, "insight"))
    with torch.no_grad():
        gates = walk(model.cell, batch.inputs).gates
    keep = torch.stack([KEEP[model.cell.name](opened) for opened in gates])  # (T, B, H)
    return math.log(2) / -keep.log().mean(dim=(0, 1)).clamp(max=-1e-12)  # (H)


def summary(model: Model, config: RunConfig, frame: pd.DataFrame) -> dict[str, float]:
    """The numbers beside a curve: decay per step, sigma_max, spectral radius, median half-life of the gates (NaN without)."""
    half_life = float(half_lives(model, config).median()) if model.cell.name in KEEP else math.nan
    return {
        "decay_per_step": decay_per_step(frame),
        "sigma_max": largest_singular_value(model),
        "spectral_radius": spectral_radius(model),
        "median_half_life": half_life,
    }
