"""The curse of memory: the longer a network remembers, the more its output depends on every digit of its parameters.

Zucchet & Orvieto 2024 (arXiv 2405.21064), section 2: a parameter acts at every step, and a network that keeps its state adds up
what those actions did. So the output's slope in the parameters grows with the memory, even where the gradient through time neither
vanishes nor explodes: for one linear unit h = a h + x the slope in a is about h / (1 - a). A step that is safe for a short memory
is too long for a long one, which is a reason for a clip norm as small as 0.1. A network that forgets has no such slope, and nothing
to learn from either. What tames it is to shut the input as the memory opens (section 3): chrono does, whose input
gate is the forget gate's complement, so its networks start level.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import product

import pandas as pd
import torch
from torch import Tensor

from rnnbench._cell import Cell, check_inputs
from rnnbench._config import Run
from rnnbench._spec.request import CellLike, request
from rnnbench._spec.resolve import resolve, task_of
from rnnbench._training.model import Model, stream
from rnnbench.insight._gradients import last_answers
from rnnbench.insight._kept import Counting
from rnnbench.insight._load import initialised, walk

COLUMNS = ("cell", "init", "task", "gap", "seed", "length", "parameters", "sensitivity", "through_time")


def sensitivity(model: Model, run: Run, sequences: int = 8) -> dict[str, object]:
    """How the output at the last answer depends on the cell's parameters, and on the state ``gap`` steps before.

    Args:
        model: the network, in the precision that the slopes are wanted in.
        run: its resolved run; sequences and direction come from the seed's stream ``insight``.
        sequences: as many slopes are averaged.

    Returns:
        A row of :data:`COLUMNS`: ``length`` in time steps, ``parameters`` how many the cell has, ``sensitivity`` the norm of
        d (v . y) / d theta, with y the output at the last answer, v a random unit vector and theta all parameters of the cell;
        ``through_time`` the norm of d (v . y) / d s over all parts s of the state gap steps earlier, NaN for whole-sequence models.
        Both are means over the sequences.

    Example:
        >>> from rnnbench._config import RunRequest
        >>> from rnnbench.insight._load import initialised
        >>> from rnnbench._spec.resolve import resolve
        >>> run = resolve(RunRequest(task="beijing", cell="lstm", gap=5, hidden_size=8))
        >>> bool(sensitivity(initialised(run, torch.float64), run)["sensitivity"] > 0)
        True
    """
    task, cell, generator = task_of(run), model.cell, stream(run.seed, "insight")
    theta: list[Tensor] = [parameter for parameter in cell.parameters() if parameter.requires_grad]
    slopes, through = [], []
    for _ in range(sequences):
        batch = last_answers(task.sample(run.gap, 1, generator))
        check_inputs(cell, batch.inputs)
        last = int(batch.scored.int().argmax())
        x = cell.vectors(batch.inputs).detach()[: last + 1]  # (T, 1, D)
        wanted = list(theta)
        if isinstance(cell, Cell):
            states = walk(cell, x).states
            hidden = states[-1][0]  # (1, H)
            wanted += list(states[max(0, last + 1 - run.gap)])
        else:
            hidden = cell.states(x)[-1]  # (1, H)
        y = model.readout(hidden)[0]  # (output_size)
        v = torch.randn(len(y), generator=generator).to(y.dtype)  # (output_size)
        grads = torch.autograd.grad(y @ (v / v.norm()), wanted, allow_unused=True)
        slopes.append(_norm(grads[: len(theta)]))
        through.append(_norm(grads[len(theta) :]) if len(wanted) > len(theta) else math.nan)
    values = (cell.name, run.init, task.name, run.gap, run.seed, task.length(run.gap), sum(p.numel() for p in theta))
    return dict(zip(COLUMNS, (*values, sum(slopes) / sequences, sum(through) / sequences), strict=True))


def measure_sensitivity(
    *,
    cell: CellLike | Sequence[CellLike] = ("rnn", "lstm", "gru"),
    gap: Iterable[int] = (10, 20, 50, 100, 200, 500),
    seed: Iterable[int] = (0, 1, 2),
    progress: Counting = iter,
    **asked: object,
) -> pd.DataFrame:
    """The :func:`sensitivity` of untrained networks, in float64.

    Args:
        cell: one or several.
        gap, seed: each combination is a row.
        progress: shows how far it is.
        asked: the other words of a run: ``task`` (recall if not given), ``hidden_size``, ``init``, ``option``.

    Returns:
        One row of :data:`COLUMNS` per cell, gap and seed.

    Raises:
        UserError: something named is not there.

    Example:
        >>> measure_sensitivity(cell="gru", gap=[5, 10], seed=[0], hidden_size=8)["gap"].tolist()
        [5, 10]
    """
    cells = [cell] if isinstance(cell, str | type) or not isinstance(cell, Iterable) else list(cell)
    words = list(product(cells, gap, seed))
    runs = [resolve(request({"task": "recall"} | asked | {"cell": c, "gap": g, "seed": s})) for c, g, s in words]
    return pd.DataFrame([sensitivity(initialised(run, torch.float64), run) for run in progress(runs)], columns=list(COLUMNS))


def growth(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns cell, init, exponent: k where a cell's sensitivity grows like gap ** k; a straight line through the logarithms."""
    rows = []
    for (cell, init), curve in frame[frame["gap"] > 0].groupby(["cell", "init"]):
        x, y = (curve[name].map(math.log) for name in ("gap", "sensitivity"))
        spread = float(((x - x.mean()) ** 2).sum())
        slope = float(((x - x.mean()) * (y - y.mean())).sum()) / spread if spread else math.nan
        rows.append({"cell": cell, "init": init, "exponent": slope})
    return pd.DataFrame(rows, columns=["cell", "init", "exponent"])


def _norm(grads: tuple[Tensor | None, ...]) -> float:
    return math.sqrt(sum(float(grad.double().square().sum()) for grad in grads if grad is not None))
