"""The curse of memory: the longer a network remembers, the more its output depends on every parameter.

A parameter acts at every step, and a network that keeps its state adds up the effects (Zucchet & Orvieto 2024, arXiv 2405.21064,
section 2). So the output's slope in the parameters grows with the memory, even where the gradient through time neither vanishes nor
explodes. For one linear unit h = a h + x the slope in a is about h / (1 - a). A step size that is safe for a short memory is too
large for a long one, which is a reason for a clip norm as small as 0.1. A network that forgets has no such slope, but it also has
no gradient to learn from. The slope stays level if the input closes as the memory opens (section 3). The chrono initialisation
does this: its input gate is the complement of the forget gate.
"""

from __future__ import annotations

import math
from itertools import product

import pandas as pd
import torch
from torch import Tensor

from rnnbench._cell import Cell, check_inputs
from rnnbench._config import as_list
from rnnbench._spec.arguments import checked
from rnnbench._spec.request import CellsLike, request
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._study.insight_tables import SensitivityRow, TrainedSensitivityRow
from rnnbench._training.model import Model, stream
from rnnbench.insight._arguments import Counting, Gaps, Seeds, SeveralRuns, StudyLike
from rnnbench.insight._gradients import keep_last_answer, line_slope
from rnnbench.insight._load import build_initialised, check_steps, finished_runs, load_trained, unroll

SENSITIVITY_COLUMNS = tuple(SensitivityRow.columns())


def parameter_sensitivity(model: Model, resolved: Resolved, sequences: int = 8) -> dict[str, object]:
    """Compute the slope of the last output in the cell's parameters, and in the state ``gap`` steps before.

    ``sensitivity`` is the norm of d (v . y) / d theta, with y the output at the last answer, v a random unit vector and theta all
    parameters of the cell. ``through_time`` is the norm of d (v . y) / d s over all parts s of the state gap steps earlier, NaN for
    whole-sequence models. Both are means over sequences of the seed's stream ``insight``, in the model's precision.
    """
    run, task, cell = resolved.run, resolved.task, model.cell
    generator = stream(run.seed, "insight")
    theta: list[Tensor] = [parameter for parameter in cell.parameters() if parameter.requires_grad]
    slopes, through = [], []
    for _ in range(sequences):
        batch = keep_last_answer(task.draw(run.gap, 1, generator, "eval"))
        check_inputs(cell, batch.inputs)
        last = int(batch.scored.int().argmax())
        x = cell.vectors(batch.inputs).detach()[: last + 1]  # (T, 1, D)
        inputs = list(theta)
        if isinstance(cell, Cell):
            states = unroll(cell, x).states
            hidden = states[-1][0]  # (1, H)
            inputs += list(states[max(0, last + 1 - run.gap)])
        else:
            hidden = cell.states(x)[-1]  # (1, H)
        y = model.readout(hidden)[0]  # (output_size)
        v = torch.randn(len(y), generator=generator).to(y.dtype)  # (output_size)
        grads = torch.autograd.grad(y @ (v / v.norm()), inputs, allow_unused=True)
        slopes.append(_norm(grads[: len(theta)]))
        through.append(_norm(grads[len(theta) :]) if len(inputs) > len(theta) else math.nan)
    values = (cell.name, run.init, task.name, run.gap, run.seed, task.length(run.gap), sum(p.numel() for p in theta))
    return dict(zip(SENSITIVITY_COLUMNS, (*values, sum(slopes) / sequences, sum(through) / sequences), strict=True))


@checked
def measure_sensitivity(
    *,
    cell: CellsLike = ("rnn", "lstm", "gru"),
    gap: Gaps = (10, 20, 50, 100, 200, 500),
    seed: Seeds = (0, 1, 2),
    run: SeveralRuns | None = None,
    study: StudyLike = "results",
    progress: Counting = iter,
    **fields: object,
) -> pd.DataFrame:
    """Measure how strongly a network's output depends on its parameters and on its state a gap earlier (float64).

    The networks are untrained, or, with ``run``, finished runs before and after training.

    Args:
        cell: one cell or several, untrained. With ``run``: the file, ``package.module:Class`` or class of a plug-in.
        gap: gaps in time steps; with ``run``, that of each run.
        seed: seeds of the initialisation and the sequences; with ``run``, that of each run.
        run: finished runs instead: results, or run_ids of ``study`` or their beginnings.
        study: the study that contains the runs named in ``run``.
        progress: progress bar, such as ``tqdm.tqdm``.
        fields: other fields of the run: ``task`` (default recall), ``hidden_size``, ``init``, ``option``, ``recipe``.

    Returns:
        One row per cell, gap and seed: ``cell, init, task, gap, seed, length, parameters, sensitivity, through_time``. ``length``
        is in time steps, ``parameters`` is their number in the cell. ``sensitivity`` is the norm of d output / d parameters,
        ``through_time`` that of d output / d state a gap earlier (Zucchet & Orvieto 2024, section 2). With ``run`` there is one
        more column, ``when``: initial or trained.

    Raises:
        UserError: a cell, task, option, initialisation or run does not exist.

    Example:
        >>> measure_sensitivity(cell="gru", gap=[5, 10], seed=[0], hidden_size=8)["gap"].tolist()
        [5, 10]
    """
    if run is not None:
        rows = []
        for resolved, home in progress(finished_runs(run, study, cell, fields.get("task"))):
            models = {"initial": build_initialised(resolved, torch.float64), "trained": load_trained(resolved, home, torch.float64)}
            rows += [parameter_sensitivity(model, resolved) | {"when": when} for when, model in models.items()]
        return pd.DataFrame(rows, columns=list(TrainedSensitivityRow.columns()))
    axes = product(as_list(cell), as_list(gap), as_list(seed))
    runs = [resolve(request({"task": "recall"} | fields | {"cell": c, "gap": g, "seed": s})) for c, g, s in axes]
    for one in runs:
        check_steps(one.task, one.run.gap)
    rows = [parameter_sensitivity(build_initialised(run, torch.float64), run) for run in progress(runs)]
    return pd.DataFrame(rows, columns=list(SENSITIVITY_COLUMNS))


def growth_exponents(frame: pd.DataFrame) -> pd.DataFrame:
    """Fit k for each untrained cell so that its sensitivity grows like gap ** k, by a straight line through the logarithms.

    Returns:
        Columns ``cell, init, exponent``; NaN with a single gap.
    """
    rows = []
    initial = frame[frame["when"] == "initial"] if "when" in frame else frame
    for (cell, init), curve in initial[initial["gap"] > 0].groupby(["cell", "init"]):
        x, y = (curve[name].map(math.log) for name in ("gap", "sensitivity"))
        rows.append({"cell": cell, "init": init, "exponent": line_slope(x, y)})
    return pd.DataFrame(rows, columns=["cell", "init", "exponent"])


def _norm(grads: tuple[Tensor | None, ...]) -> float:
    return math.sqrt(sum(float(grad.abs().double().square().sum()) for grad in grads if grad is not None))
