"""What a trained network still remembers: the effect of replaced early inputs, and the accuracy of each answer of a sequence.

Both look forward, from inputs to predictions, and need only the outputs of a network. So they apply to whole-sequence models too.
"""

from __future__ import annotations

import pandas as pd
import torch
from torch import Tensor

from rnnbench._config import Sequences, as_list
from rnnbench._errors import UserError
from rnnbench._spec.arguments import checked
from rnnbench._spec.request import CellsLike, TasksLike
from rnnbench._spec.resolve import Resolved
from rnnbench._study.insight_tables import PositionRow, RemembranceRow
from rnnbench._training.evaluate import EVAL_CHUNK
from rnnbench._training.model import Model, stream
from rnnbench.insight._arguments import Counting, Gaps, SeveralRuns, StudyLike
from rnnbench.insight._load import finished_runs, load_trained
from rnnbench.task import Batch

POINTS = 32
"""Numbers of replaced inputs that are measured, at most."""


@checked
def measure_remembrance(
    run: SeveralRuns,
    *,
    study: StudyLike = "results",
    cell: CellsLike | None = None,
    task: TasksLike | None = None,
    sequences: Sequences = 256,
    progress: Counting = iter,
) -> pd.DataFrame:
    """Measure how much the predictions of finished runs change when the first t inputs are replaced.

    The first t inputs of each sequence become those of another fresh sequence of the task; the others stay. Where a network has
    forgotten the first t inputs, nothing changes. Where it remembers them, its answers become those to the other sequence.

    Args:
        run: finished runs: results, or run_ids of ``study`` or their beginnings.
        study: the study that contains the runs named in ``run``.
        cell, task: files, ``package.module:Class`` or classes of the runs' cells and tasks that are plug-ins.
        sequences: number of fresh sequences, from the seed's stream ``insight``.
        progress: progress bar, such as ``tqdm.tqdm``.

    Returns:
        One row per run and number of replaced inputs: ``run_id, cell, init, task, gap, seed, replaced, steps_before, changed,
        distance``. ``replaced`` is t. ``steps_before`` is the number of time steps from the last replaced input to the last answer.
        ``changed`` is the share of the answers that differ. ``distance`` is the total variation between the two predicted
        distributions, a mean over answers. Where answers are numbers or vectors, it is the mean absolute difference, and an answer
        counts as changed if a number moves by more than .04, the error that the adding problem allows.

    Raises:
        UserError: a run does not exist, or its cell or task is a plug-in that is not given.

    Example:
        >>> import rnnbench
        >>> result = rnnbench.run(cell="gru", task="beijing", gap=5, hidden_size=8, max_steps=10, progress=False)
        >>> measure_remembrance(result, sequences=32)["replaced"].tolist()
        [0, 1, 2, 3, 4, 5, 6]
    """
    rows: list[dict[str, object]] = []
    for resolved, home in progress(finished_runs(run, study, cell, task)):
        rows += remembrance(load_trained(resolved, home), resolved, sequences)
    return pd.DataFrame(rows, columns=list(RemembranceRow.columns()))


@torch.no_grad()
def remembrance(model: Model, resolved: Resolved, sequences: int) -> list[dict[str, object]]:
    """Return the rows of :func:`measure_remembrance` for one network."""
    run, generator = resolved.run, stream(resolved.run.seed, "insight")
    batch, other = (resolved.task.sample(run.gap, sequences, generator) for _ in range(2))
    last = int(batch.scored.any(dim=1).nonzero().max())
    before = model(batch)  # (N, output_size)
    rows = []
    for replaced in _spaced(last):
        inputs = torch.cat([other.inputs[:replaced], batch.inputs[replaced:]])
        after = model(batch._replace(inputs=inputs))  # (N, output_size)
        changed, distance = _difference(before, after, batch)
        values = (run.run_id, run.cell, run.init, run.task, run.gap, run.seed, replaced, last + 1 - replaced, changed, distance)
        rows.append(dict(zip(RemembranceRow.columns(), values, strict=True)))
    return rows


def _spaced(last: int) -> list[int]:
    """Return at most :data:`POINTS` numbers of inputs from 0 to ``last``, both included."""
    return sorted({round(last * k / (POINTS - 1)) for k in range(POINTS)})


def _difference(before: Tensor, after: Tensor, batch: Batch) -> tuple[float, float]:
    """Return the share of answers that differ, and the mean distance of the two predictions (N, output_size)."""
    if batch.targets.is_floating_point() or batch.targets.ndim > 2:
        moved = (after - before).abs()  # (N, output_size)
        return float((moved.amax(dim=1) > 0.04).double().mean()), float(moved.double().mean())
    distance = (after.softmax(dim=1) - before.softmax(dim=1)).abs().sum(dim=1) / 2  # (N)
    return float((after.argmax(dim=1) != before.argmax(dim=1)).double().mean()), float(distance.double().mean())


@checked
def measure_positions(
    run: SeveralRuns,
    *,
    gap: Gaps | None = None,
    study: StudyLike = "results",
    cell: CellsLike | None = None,
    task: TasksLike | None = None,
    sequences: Sequences = 1024,
    progress: Counting = iter,
) -> pd.DataFrame:
    """Measure the accuracy of finished runs at each answer of a sequence: which of ten symbols is lost.

    Args:
        run: finished runs: results, or run_ids of ``study`` or their beginnings.
        gap: gaps of the evaluation in time steps. Default: that of each run.
        study: the study that contains the runs named in ``run``.
        cell, task: files, ``package.module:Class`` or classes of the runs' cells and tasks that are plug-ins.
        sequences: number of fresh sequences for each gap, from the seed's stream ``insight``.
        progress: progress bar, such as ``tqdm.tqdm``.

    Returns:
        One row per run, gap and position: ``run_id, cell, init, task, gap, seed, eval_gap, position, accuracy, answers,
        chance_accuracy``. Position 0 is the first answer of a sequence.

    Raises:
        UserError: a run does not exist, its task does not support a gap, or a plug-in is not given.

    Example:
        >>> import rnnbench
        >>> result = rnnbench.run(cell="gru", task="copy", gap=5, hidden_size=8, max_steps=2, eval_every=2, progress=False)
        >>> len(measure_positions(result, gap=[5, 8], sequences=32))  # ten symbols at two gaps
        20
    """
    pairs = []
    for resolved, home in finished_runs(run, study, cell, task):
        for eval_gap in [resolved.run.gap] if gap is None else as_list(gap):
            try:
                resolved.task.check_gap(eval_gap)
            except ValueError as error:
                raise UserError(str(error)) from error
            pairs.append((resolved, home, eval_gap))
    rows: list[dict[str, object]] = []
    for resolved, home, eval_gap in progress(pairs):
        rows += positions(load_trained(resolved, home), resolved, eval_gap, sequences)
    return pd.DataFrame(rows, columns=list(PositionRow.columns()))


@torch.no_grad()
def positions(model: Model, resolved: Resolved, gap: int, sequences: int) -> list[dict[str, object]]:
    """Return the rows of :func:`measure_positions` for one network at one gap."""
    run, task, generator = resolved.run, resolved.task, stream(resolved.run.seed, "insight")
    right, answers = torch.zeros(0), torch.zeros(0)
    for first in range(0, sequences, EVAL_CHUNK):
        batch = task.sample(gap, min(EVAL_CHUNK, sequences - first), generator)
        position = (batch.scored.long().cumsum(dim=0) - 1)[batch.scored]  # (N), in the order of batch.answers
        correct = task.correct(model(batch), batch)  # (N)
        size = max(len(answers), int(position.max()) + 1)
        right = _padded(right, size) + torch.zeros(size).index_add_(0, position, correct.float())
        answers = _padded(answers, size) + torch.bincount(position, minlength=size)
    chance = task.chance(gap).accuracy
    about = (run.run_id, run.cell, run.init, run.task, run.gap, run.seed, gap)
    counted = zip(right.tolist(), answers.tolist(), strict=True)
    values = [(*about, k, hits / count, int(count), chance) for k, (hits, count) in enumerate(counted) if count]
    return [dict(zip(PositionRow.columns(), row, strict=True)) for row in values]


def _padded(values: Tensor, size: int) -> Tensor:
    return torch.cat([values, values.new_zeros(size - len(values))])
