"""Vanishing gradients: the norm of d loss / d h_t against the distance from t to the answer.

In a tanh RNN every step back multiplies the gradient by at most the largest singular value of W_hh, so a value below one makes the
gradient vanish geometrically (Bengio, Simard & Frasconi 1994, section III; Pascanu, Mikolov & Bengio 2013, section 2.1). A cell
with a forget gate has a second path, along which the gate is the factor. A whole-sequence model carries no state, so only the
gradient at its inputs is measured.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor

from rnnbench._cell import Cell, check_inputs
from rnnbench._spec.resolve import Resolved
from rnnbench._study.insight_tables import GradientRow
from rnnbench._training.model import Model, stream
from rnnbench.insight._load import unroll
from rnnbench.task import Batch

GRADIENT_COLUMNS = tuple(GradientRow.columns())


def keep_last_answer(batch: Batch) -> Batch:
    """Return the batch with only the last scored step of every sequence scored, so that distance is well defined."""
    steps = torch.arange(len(batch.scored)).unsqueeze(1)  # (T, 1)
    last = (steps * batch.scored).max(dim=0).values  # (B)
    return batch._replace(scored=steps == last)


def gradient_norms(model: Model, resolved: Resolved, when: str, batch_size: int = 32) -> pd.DataFrame:
    """Compute norms of the loss gradient at every step before the answer, in the model's precision.

    Returns:
        One row per distance, in time steps back from the last answer (distance 0). Norms are means over the sequences:

        - ``grad_hidden`` of d loss / d h_t, NaN for a whole-sequence model;
        - ``grad_state`` of the gradient at the part of the state that the cell carries on (the LSTM's C), NaN likewise;
        - ``grad_input`` of d loss / d x_t, tokens as one-hot vectors;
        - ``bound``, Pascanu's bound on grad_hidden, NaN for cells without such a bound.
    """
    run, task = resolved.run, resolved.task
    batch = keep_last_answer(task.draw(run.gap, batch_size, stream(run.seed, "insight"), "eval"))
    dtype = next(model.parameters()).dtype
    if batch.targets.is_floating_point():
        batch = batch._replace(targets=batch.targets.to(dtype))
    cell = model.cell
    check_inputs(cell, batch.inputs)
    x = list(cell.vectors(batch.inputs).detach().requires_grad_().unbind())  # T of (B, D)
    hidden: list[Tensor] = []
    carried: list[Tensor] = []
    if isinstance(cell, Cell):
        states = unroll(cell, x).states[1:]
        hidden, carried = [state[0] for state in states], [state[-1] for state in states]
        outputs = torch.stack(hidden)  # (T, B, H)
    else:
        outputs = cell.states(torch.stack(x))  # (T, B, H)
    # the sum over sequences, so that each sequence has a separate gradient
    loss = task.loss(model.readout(outputs[batch.scored]), batch) * batch_size
    grads = torch.autograd.grad(loss, [*hidden, *carried, *x], allow_unused=True)
    last = batch.scored.int().argmax(dim=0)  # (B)
    sigma = largest_singular_value(model)
    *of_states, of_input = (_by_distance(grads[k : k + len(x)], last) for k in range(0, len(grads), len(x)))
    of_hidden, of_state = of_states or [[math.nan] * len(of_input)] * 2
    rows = []
    for distance, norms in enumerate(zip(of_hidden, of_state, of_input, strict=True)):
        bound = math.nan
        if isinstance(cell, Cell) and cell.max_derivative is not None:
            bound = of_hidden[0] * (cell.max_derivative * sigma) ** distance
        rows.append((cell.name, run.init, task.name, run.gap, when, distance, *norms, bound))
    return pd.DataFrame(rows, columns=list(GRADIENT_COLUMNS))


def _by_distance(grads: Sequence[Tensor | None], last: Tensor) -> list[float]:
    """Return the mean norm of T gradients (B, ...) at each distance 0, 1, ... back from step ``last`` (B) of each sequence.

    A gradient of None counts as 0. The mean leaves out sequences that are shorter than the distance.
    """
    B = len(last)
    norms = torch.stack([last.new_zeros(B).double() if grad is None else grad.flatten(1).norm(dim=1).double() for grad in grads])
    means = []
    for distance in range(int(last.max()) + 1):
        at = last - distance  # (B)
        means.append(float(norms[at.clamp(min=0), torch.arange(B)][at >= 0].mean()))
    return means


def largest_singular_value(model: Model) -> float:
    """Return the largest singular value of the recurrent matrix; NaN without one."""
    weight = recurrent_matrix(model)
    return math.nan if weight is None else float(torch.linalg.matrix_norm(weight, 2))


def spectral_radius(model: Model) -> float:
    """Return the largest absolute eigenvalue of the recurrent matrix; NaN without one."""
    weight = recurrent_matrix(model)
    return math.nan if weight is None else float(torch.linalg.eigvals(weight).abs().max())


def recurrent_matrix(model: Model) -> Tensor | None:
    """Return the (H, H) rows of ``weight_hh`` for the cell's candidate, or all of it; None if that is not a square matrix."""
    cell = model.cell
    weight = getattr(cell, "weight_hh", None)
    if not isinstance(cell, Cell) or not isinstance(weight, Tensor):
        return None
    H = cell.hidden_size
    if cell.candidate is not None:
        row = list(cell.gates).index(cell.candidate) * H
        weight = weight[row : row + H]
    return weight.detach() if weight.shape == (H, H) else None


def gradient_column(frame: pd.DataFrame) -> str:
    """Return the column to show: the gradient at the carried state, or at the inputs of a whole-sequence model."""
    return "grad_state" if frame["grad_state"].notna().any() else "grad_input"


def decay_per_step(frame: pd.DataFrame) -> float:
    """Return the factor by which the gradient shrinks in one step back, from a straight line through the log norms.

    The line is fitted over all distances with a norm above zero; NaN with fewer than two of them.
    """
    column = gradient_column(frame)
    seen = frame[frame[column] > 0]
    return math.exp(line_slope(seen["distance"], seen[column].map(math.log)))


def line_slope(x: pd.Series[float], y: pd.Series[float]) -> float:
    """Return the slope of the straight line through points, by least squares; NaN if they have a single x."""
    x = x - x.mean()
    spread = float((x**2).sum())
    return float((x * (y - y.mean())).sum()) / spread if spread else math.nan


def half_lives(model: Model, resolved: Resolved, batch_size: int = 32) -> Tensor:
    """Compute the half-life (B, H) of every unit in each of B fresh sequences, in time steps.

    It is ln 2 / -(mean of ln f over the steps of the sequence), f being the share of the state that is kept. A mean over sequences
    too would let one sequence in which the unit closes decide for all. A cell without a gate that keeps its state has none (B, 0).
    """
    cell = model.cell
    run, task = resolved.run, resolved.task
    batch = task.draw(run.gap, batch_size, stream(run.seed, "insight"), "eval")
    if not isinstance(cell, Cell):
        return torch.empty(batch_size, 0)
    check_inputs(cell, batch.inputs)
    with torch.no_grad():
        kept = [cell.keep(opened) for opened in unroll(cell, cell.vectors(batch.inputs)).gates]  # T of (B, H)
    shares = [share for share in kept if share is not None]
    if not shares:
        return torch.empty(batch_size, 0)
    return math.log(2) / -torch.stack(shares).log().mean(dim=0).clamp(max=-1e-12)  # (B, H)


def gradient_numbers(model: Model, resolved: Resolved, frame: pd.DataFrame) -> dict[str, float]:
    """Return decay per step, sigma_max, spectral radius, and the median half-life over sequences and units (NaN without gates)."""
    return {
        "decay_per_step": decay_per_step(frame),
        "sigma_max": largest_singular_value(model),
        "spectral_radius": spectral_radius(model),
        "median_half_life": float(half_lives(model, resolved).median()),
    }
