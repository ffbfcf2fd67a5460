"""The measurements of the analysis commands, as functions from keyword arguments (named like the flags) to DataFrames.

from rnnbench.insight import measure_gradients
from rnnbench.plots import plot_gradients

curves, numbers = measure_gradients(cell=["rnn", "lstm"], task="beijing", gap=100)
plot_gradients(curves)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from itertools import product
from pathlib import Path
from typing import NamedTuple, TypeVar

import pandas as pd
import torch

from rnnbench._config import Budget, Gap, Options, Rate, Seed, Sequences, Width, as_list
from rnnbench._errors import UserError
from rnnbench._plugins.registry import TASKS, make_task
from rnnbench._spec.arguments import PathLike, checked
from rnnbench._spec.request import CellLike, CellsLike, TaskLike, TasksLike, request
from rnnbench._spec.resolve import resolve
from rnnbench._study import Table
from rnnbench._study.insight_tables import ConstructionRow, GuessRow, TrainFromRow
from rnnbench._study.record import Record, frame
from rnnbench._training.process_state import threads
from rnnbench.insight import _constructions, _gates, _gradients, _random_search
from rnnbench.insight._arguments import Amounts, Counting, Gaps, Index, Names, OneRun, Seeds, SeveralRuns, StudyLike
from rnnbench.insight._constructions import CONSTRUCTIONS, Construction, find_construction
from rnnbench.insight._load import build_initialised, check_steps, finished_runs, load_trained

K = TypeVar("K", bound=tuple[object, ...])
R = TypeVar("R", bound=Record)


class Gradients(NamedTuple):
    """The result of :func:`measure_gradients`.

    Attributes:
        curves: one row per network and distance: ``cell, init, task, gap, when, distance, grad_hidden, grad_state, grad_input,
            bound``. ``distance`` is in time steps back from the last answer. ``grad_hidden``, ``grad_state`` and ``grad_input`` are
            norms of the loss gradient at h, at the carried part of the state and at the input; the first two are NaN for
            whole-sequence models. ``bound`` is the bound of Pascanu et al. 2013 on ``grad_hidden``, NaN without one.
        numbers: one row per network: ``cell, init, task, gap, when, decay_per_step, sigma_max, spectral_radius,
            median_half_life`` (time steps) and ``at_gap``, the norm at the distance of the gap.
    """

    curves: pd.DataFrame
    numbers: pd.DataFrame


class Gates(NamedTuple):
    """The result of :func:`measure_gates`.

    Attributes:
        values: one row per step, quantity and unit: ``step, word, answer, cue, quantity, unit, value, low, high``. Quantities are
            the gates and, last, the state. ``low`` and ``high`` are the range of a gate's values, NaN if unknown.
        means: means over units: ``step, word, answer, quantity, mean, low, high``; low and high are the 10 % and 90 % quantiles.
        half_lives: ``when, unit, half_life`` (time steps, median over sequences) before and after training; empty without a gate
            that keeps the state.
        title: a description of the network.
    """

    values: pd.DataFrame
    means: pd.DataFrame
    half_lives: pd.DataFrame
    title: str


@checked
def measure_gradients(
    *,
    cell: CellsLike = ("rnn", "lstm", "gru"),
    run: SeveralRuns | None = None,
    study: StudyLike = "results",
    float64: bool = True,
    **fields: object,
) -> Gradients:
    """Measure how the loss gradient fades on its way back through the gap.

    The networks are untrained, or, with ``run``, finished runs before and after training.

    Args:
        cell: one cell or several, untrained. With ``run``: the file, ``package.module:Class`` or class of a plug-in.
        run: finished runs instead: results, or run_ids of ``study`` or their beginnings.
        study: the study that contains the runs named in ``run``.
        float64: precision; gradients in float32 end at 1e-45.
        fields: other fields of the run: ``task`` (default beijing), ``gap``, ``hidden_size``, ``init``, ``seed``, ``option``.

    Returns:
        ``curves`` for :func:`rnnbench.plots.plot_gradients`, and ``numbers``, one row per network. The method follows Bengio,
        Simard & Frasconi 1994, section III, and Pascanu, Mikolov & Bengio 2013, section 2.1.

    Raises:
        UserError: a cell, task or run does not exist, or the runs differ in task or gap.

    Example:
        >>> curves, numbers = measure_gradients(cell=["rnn", "lstm"], task="beijing", gap=20, hidden_size=16)
        >>> numbers["cell"].tolist(), int(curves["distance"].max())
        (['rnn', 'lstm'], 21)
    """
    dtype = torch.float64 if float64 else torch.float32
    networks = []
    if run is not None:
        for resolved, home in finished_runs(run, study, cell, fields.get("task")):
            networks.append((resolved, "initial", build_initialised(resolved, dtype)))
            networks.append((resolved, "trained", load_trained(resolved, home, dtype)))
    else:
        for one in as_list(cell):
            resolved = resolve(request({"task": "beijing", "cell": one} | fields))
            check_steps(resolved.task, resolved.run.gap)
            networks.append((resolved, "initial", build_initialised(resolved, dtype)))
    if len({(resolved.run.task, resolved.run.gap) for resolved, _, _ in networks}) > 1:
        raise UserError("all runs must have the same task and gap, so that they fit one figure: select fewer runs")
    curves, numbers = [], []
    for resolved, when, model in networks:
        curve, settings = _gradients.gradient_norms(model, resolved, when), resolved.run
        about = {"cell": settings.cell, "init": settings.init, "task": settings.task, "gap": settings.gap, "when": when}
        far = curve[_gradients.gradient_column(curve)].iloc[min(settings.gap, len(curve) - 1)]
        curves.append(curve)
        numbers.append(about | _gradients.gradient_numbers(model, resolved, curve) | {"at_gap": far})
    return Gradients(pd.concat(curves, ignore_index=True), pd.DataFrame(numbers))


@checked
def measure_gates(
    run: OneRun,
    *,
    study: StudyLike = "results",
    cell: CellLike | None = None,
    task: TaskLike | None = None,
    example: Index = 0,
) -> Gates:
    """Measure gates and state of a finished run along one sequence, and the half-lives of its units.

    Args:
        run: a result, or the run_id of a run of ``study`` or its beginning.
        study: the study that contains the run named in ``run``.
        cell, task: the file, ``package.module:Class`` or class of the run's cell and task, if they are plug-ins.
        example: index of the fresh sequence.

    Returns:
        ``values, means, half_lives, title``, the arguments of :func:`rnnbench.plots.plot_gates`.

    Raises:
        UserError: the run does not exist, or its layer is a whole-sequence model, which has no gates.

    Example:
        >>> import rnnbench
        >>> result = rnnbench.run(cell="lstm", task="beijing", gap=5, hidden_size=8, max_steps=10, progress=False)
        >>> sorted(set(measure_gates(result).half_lives["when"]))
        ['initial', 'trained']
    """
    ((resolved, home),) = finished_runs(run, study, cell, task)
    model = load_trained(resolved, home, torch.float64)
    values = _gates.gate_values(model, resolved, example)
    lives = _gates.half_life_table(build_initialised(resolved, torch.float64), model, resolved)
    settings = resolved.run
    title = f"{model.cell.name} ({settings.init}) on {settings.task}, gap {settings.gap}, seed {settings.seed}, after training"
    return Gates(values, _gates.mean_gates(values), lives, title)


@checked
def measure_constructions(
    name: Names | None = None,
    *,
    gap: Gaps = (10, 200, 2000),
    noise: Amounts = (0, 0.001, 0.01, 0.1, 0.3),
    sequences: Sequences = 256,
    seed: Seed = 0,
    progress: Counting = iter,
) -> pd.DataFrame:
    """Measure hand-picked weights: accuracy at any gap and under noise, and the gradient that they pass on.

    Args:
        name: names of constructions, such as ``rnn-copy``; None for all.
        gap: gaps in time steps.
        noise: standard deviations of noise on the state; 0 is always included.
        sequences: number of sequences for each accuracy.
        seed: seed of the sequences and the noise.
        progress: progress bar, such as ``tqdm.tqdm``.

    Returns:
        One row per construction, gap and noise: ``name, cell, task, units, gap, noise, accuracy, chance_accuracy, gradient``.
        ``gradient`` is the norm of d (output of the last answer) / d (state after the first input), in float64.

    Raises:
        UserError: a construction does not exist.

    Example:
        >>> measure_constructions("rnn-beijing", gap=50, noise=0, sequences=64)["accuracy"].tolist()
        [1.0]
    """
    rows = []
    with threads(1):  # the products are tiny: threads would slow them down
        for found, far in progress([(found, far) for found in _chosen(name) for far in sorted({*as_list(gap)})]):
            model, task = found.build()
            check_steps(task, far)
            gradient = _constructions.gradient_through_gap(found.build(torch.float64)[0], task, far, seed)
            for sd in sorted({0.0, *map(float, as_list(noise))}):
                right = _constructions.noisy_accuracy(model, task, far, sequences, sd, seed)
                chance = task.chance(far).accuracy
                rows.append((found.name, found.cell, found.task, found.units, far, sd, right, chance, gradient))
    return pd.DataFrame(rows, columns=list(ConstructionRow.columns()))


@checked
def train_constructions(
    name: Names | None = None,
    *,
    perturb: Amounts = (0, 0.01, 0.03, 0.1, 0.3, 1),
    train_gap: Gap = 50,
    seed: Seeds = (0, 1, 2),
    lr: Rate = 0.002,
    max_steps: Budget = 1000,
    file: PathLike | None = None,
    progress: Counting = iter,
) -> pd.DataFrame:
    """Train from perturbed hand-picked weights, to find from how far away gradient descent reaches the solution.

    Args:
        name: names of constructions; None for all.
        perturb: noise on the weights, as shares of their root mean square.
        train_gap: gap of the training, in time steps.
        seed: seeds of the perturbations.
        lr: learning rate.
        max_steps: training budget in steps.
        file: CSV file that each row is written to at once; rows that it already contains are not trained again.
        progress: progress bar, such as ``tqdm.tqdm``.

    Returns:
        One row per construction, amount and seed, for :func:`rnnbench.plots.plot_train_from`: ``name, cell, task, gap, amount,
        seed, lr, max_steps, start_accuracy, accuracy, chance_accuracy, step, status``.

    Raises:
        UserError: a construction does not exist, or ``file`` is damaged.
    """
    keys = [
        (found.name, found.cell, found.task, train_gap, float(amount), number, lr, max_steps)
        for found in _chosen(name)
        for amount in as_list(perturb)
        for number in as_list(seed)
    ]

    def train(key: tuple[str, str, str, int, float, int, float, int]) -> TrainFromRow:
        construction, _, task, _, amount, number, _, _ = key
        evaluations = list(_constructions.train_from(construction, train_gap, amount, number, lr, max_steps))
        (_, before, _), (step, after, status) = evaluations[0], evaluations[-1]
        chance = make_task(TASKS.find(task)).chance(train_gap).accuracy
        values = (*key, before, after, chance, step, status)
        return TrainFromRow.model_validate(dict(zip(TrainFromRow.columns(), values, strict=True)))

    return _complete_table(file, TrainFromRow, keys, train, progress)


@checked
def measure_guesses(
    *,
    cell: CellsLike = "rnn",
    task: TasksLike = ("beijing", "recall", "adding", "copy"),
    gap: Gap = 200,
    hidden_size: Width = 3,
    scale: Rate = 100.0,
    max_guesses: Budget = 5000,
    seed: Seeds = range(20),
    option: Options | None = None,
    file: PathLike | None = None,
    progress: Counting = iter,
) -> pd.DataFrame:
    """Guess all weights at random until a network solves the task.

    Args:
        cell: one cell or several.
        task: one task or several.
        gap: gap in time steps.
        hidden_size: width in units; guessing finds small networks.
        scale: weights and biases are drawn from U[-scale, scale].
        max_guesses: number of guesses after which a repeat is unsolved.
        seed: seeds, one per repeat.
        option: options of the task.
        file: CSV file that each repeat is written to at its end; repeats that it already contains are skipped.
        progress: progress bar, such as ``tqdm.tqdm``.

    Returns:
        One row per task, cell and seed: ``task, cell, gap, hidden_size, scale, max_guesses, option, seed, guesses, solved,
        sequences, accuracy, chance_accuracy``. The method follows Hochreiter & Schmidhuber 1996, sections 3 and 4.

    Raises:
        UserError: a cell or task does not exist, ``scale`` is not above 0, or ``file`` is damaged.

    Example:
        >>> found = measure_guesses(task="beijing", gap=1, option={"fillers": 1}, seed=7, max_guesses=2000)
        >>> bool(found["solved"].iloc[0])
        True
    """
    fixed = {"gap": gap, "hidden_size": hidden_size, "option": option or {}}
    axes = product(as_list(task), as_list(cell), as_list(seed))
    runs = [resolve(request({"task": t, "cell": c, "seed": s} | fixed)) for t, c, s in axes]
    limits = {"scale": float(scale), "max_guesses": max_guesses}
    searches = {}
    for one in runs:
        columns = one.run.model_dump(include=set(GuessRow.KEY)) | limits
        searches[GuessRow.key_of(columns)] = one, columns

    def search(key: tuple[object, ...]) -> GuessRow:
        resolved, columns = searches[key]
        found = asdict(_random_search.random_search(resolved, scale, max_guesses))
        return GuessRow.model_validate(columns | found | {"chance_accuracy": resolved.task.chance(gap).accuracy})

    return _complete_table(file, GuessRow, list(searches), search, progress)


def _complete_table(
    file: Path | str | None, cls: type[R], keys: list[K], measure: Callable[[K], R], progress: Counting
) -> pd.DataFrame:
    """Return a row per key: the file's, or else a measured one, which is written to the file at once."""
    table = Table(Path(file), cls) if file is not None else None
    known: dict[tuple[object, ...], R] = {row.key: row for row in table.rows()} if table else {}
    for key in progress([key for key in keys if key not in known]):
        known[key] = measure(key)
        if table:
            table.add(known[key])
    return frame([known[key] for key in keys], cls)


def _chosen(name: Names | None) -> list[Construction]:
    """Return the constructions called ``name``, or all."""
    names: list[str] = as_list(name or list(CONSTRUCTIONS))
    return [find_construction(one) for one in names]
