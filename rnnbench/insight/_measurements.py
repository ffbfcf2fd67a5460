"""What the explaining commands measure, each as a function from what is asked, in the words of the flags, to DataFrames.

from rnnbench.insight import measure_gradients
from rnnbench.plots import plot_gradients

curves, numbers = measure_gradients(cell=["rnn", "lstm"], task="beijing", gap=100)
plot_gradients(curves)
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import NamedTuple, Protocol, TypeVar

import pandas as pd
import torch

from rnnbench._config import Run
from rnnbench._errors import UserError
from rnnbench._plugins.registry import TASKS, make_task
from rnnbench._spec.request import CellLike, TaskLike, request
from rnnbench._spec.resolve import resolve, task_of
from rnnbench._study import Study
from rnnbench._training.process_state import threads
from rnnbench.insight import _constructions, _gates, _gradients, _random_search
from rnnbench.insight._constructions import CONSTRUCTIONS, Construction, construction
from rnnbench.insight._kept import Counting, Kept
from rnnbench.insight._load import find_run, initialised, trained

T = TypeVar("T")


class Finished(Protocol):
    """A run and the study that has its weights, such as a :class:`rnnbench.Result`."""

    @property
    def run(self) -> Run: ...
    @property
    def study(self) -> Study: ...


class Gradients(NamedTuple):
    """What :func:`measure_gradients` found.

    Attributes:
        curves: as :func:`rnnbench.insight._gradients.gradient_norms` gives it, for every network.
        numbers: one row per network: ``cell, init, task, gap, when, decay_per_step, sigma_max, spectral_radius,
            median_half_life`` (time steps) and ``at_gap``, the norm at the distance of the gap.
    """

    curves: pd.DataFrame
    numbers: pd.DataFrame


class Gates(NamedTuple):
    """What :func:`measure_gates` found.

    Attributes:
        values: as :func:`rnnbench.insight._gates.gate_values` gives it.
        means: over units, as :func:`rnnbench.insight._gates.means`.
        half_lives: ``when, unit, half_life`` (time steps) before and after training; empty without a gate that keeps.
        title: what network this is.
    """

    values: pd.DataFrame
    means: pd.DataFrame
    half_lives: pd.DataFrame
    title: str


def measure_gradients(
    *,
    cell: CellLike | Sequence[CellLike] = ("rnn", "lstm", "gru"),
    run: str | Finished | Sequence[str | Finished] | None = None,
    study: Study | Path | str = "results",
    float64: bool = True,
    **asked: object,
) -> Gradients:
    """How the gradient fades on its way back through the gap: of untrained networks, or of finished runs before and after training.

    Args:
        cell: one or several cells, untrained.
        run: finished runs in their place: results, or run_ids of ``study`` or how they begin.
        study: has the runs named.
        float64: precision; float32 ends at 1e-45.
        asked: the other words of a run: ``task`` (beijing if not given), ``gap``, ``hidden_size``, ``init``, ``seed``, ``option``.

    Raises:
        UserError: something named is not there, or the runs are not of one task and gap, which one figure takes.

    Example:
        >>> curves, numbers = measure_gradients(cell=["rnn", "lstm"], task="beijing", gap=20, hidden_size=16)
        >>> numbers["cell"].tolist(), int(curves["distance"].max())
        (['rnn', 'lstm'], 21)
    """
    dtype = torch.float64 if float64 else torch.float32
    networks = []
    if run is not None:
        named: list[str | Finished] = _several(run)
        for which, home in [_finished(one, study) for one in named]:
            networks += [(which, "initial", initialised(which, dtype)), (which, "trained", trained(which, home, dtype))]
    else:
        for one in _several(cell):
            which = resolve(request({"task": "beijing", "cell": one} | asked))
            networks.append((which, "initial", initialised(which, dtype)))
    if len({(which.task, which.gap) for which, _, _ in networks}) > 1:
        raise UserError("run takes runs of one task and gap, so that they fit one figure")
    curves, numbers = [], []
    for which, when, model in networks:
        curve = _gradients.gradient_norms(model, which, when)
        about = {"cell": which.cell, "init": which.init, "task": which.task, "gap": which.gap, "when": when}
        far = curve[_gradients.shown_column(curve)].iloc[min(which.gap, len(curve) - 1)]
        curves.append(curve)
        numbers.append(about | _gradients.summary(model, which, curve) | {"at_gap": far})
    return Gradients(pd.concat(curves, ignore_index=True), pd.DataFrame(numbers))


def measure_gates(run: str | Finished, *, study: Study | Path | str = "results", example: int = 0) -> Gates:
    """What gates and state of a finished run do along one sequence, and how long its units keep what they hold.

    Args:
        run: a result, or the run_id of a run of ``study``, or how it begins.
        study: has it, if it is named.
        example: which fresh sequence.

    Raises:
        UserError: there is no such run, or it takes whole sequences at once and has no step to look into.

    Example:
        >>> import rnnbench
        >>> result = rnnbench.run(cell="lstm", task="beijing", gap=5, hidden_size=8, max_steps=10, progress=False)
        >>> sorted(set(measure_gates(result).half_lives["when"]))
        ['initial', 'trained']
    """
    which, home = _finished(run, study)
    model = trained(which, home, torch.float64)
    values = _gates.gate_values(model, which, example)
    lives = _gates.half_life_frame(initialised(which, torch.float64), model, which)
    title = f"{model.cell.name} ({which.init}) on {which.task}, gap {which.gap}, seed {which.seed}, after training"
    return Gates(values, _gates.means(values), lives, title)


def measure_constructions(
    name: str | Sequence[str] | None = None,
    *,
    gap: int | Iterable[int] = (10, 200, 2000),
    noise: float | Iterable[float] = (0, 0.001, 0.01, 0.1, 0.3),
    sequences: int = 256,
    seed: int = 0,
    progress: Counting = iter,
) -> pd.DataFrame:
    """Weights picked by hand: how often they are right at any gap and under noise, and the gradient that they pass on.

    Args:
        name: constructions, as ``rnn-copy``; all of them if None.
        gap: time steps.
        noise: standard deviations of noise on the state; 0 is always among them.
        sequences: how many an accuracy is counted on.
        seed: of the sequences and the noise.
        progress: shows how far it is.

    Returns:
        One row per construction, gap and noise: ``name, cell, task, units, gap, noise, accuracy, chance_accuracy, gradient``, the
        last one in float64, as :func:`rnnbench.insight._constructions.gradient_through_gap`.

    Example:
        >>> measure_constructions("rnn-beijing", gap=50, noise=0, sequences=64)["accuracy"].tolist()
        [1.0]
    """
    rows = []
    with threads(1):  # tiny products: threads only cost
        for found, far in progress([(found, far) for found in _chosen(name) for far in sorted({*_several(gap)})]):
            model, task = found.build()
            gradient = _constructions.gradient_through_gap(found.build(torch.float64)[0], task, far, seed)
            for sd in sorted({0.0, *map(float, _several(noise))}):
                right = _constructions.accuracy(model, task, far, sequences, sd, seed)
                chance = task.chance(far).accuracy
                rows.append((found.name, found.cell, found.task, found.units, far, sd, right, chance, gradient))
    return pd.DataFrame(rows, columns=MEASURED)


MEASURED = ["name", "cell", "task", "units", "gap", "noise", "accuracy", "chance_accuracy", "gradient"]


def train_constructions(
    name: str | Sequence[str] | None = None,
    *,
    perturb: float | Iterable[float] = (0, 0.01, 0.03, 0.1, 0.3, 1),
    train_gap: int = 50,
    seed: int | Iterable[int] = (0, 1, 2),
    lr: float = 0.002,
    max_steps: int = 1000,
    file: Path | str | None = None,
    progress: Counting = iter,
) -> pd.DataFrame:
    """Train from hand-picked weights, disturbed: from how far away does gradient descent still find them?

    Args:
        name: constructions; all of them if None.
        perturb: noise on the weights, as shares of their root mean square.
        train_gap: time steps.
        seed: a perturbation each.
        lr, max_steps: of the training.
        file: a CSV file that takes each row as it comes; rows that it has are not trained again.
        progress: shows how far it is.

    Returns:
        One row per construction, amount and seed, as :func:`rnnbench.plots.plot_train_from` takes them.
    """
    kept = Kept(file, TRAINED, TRAINED[:8])
    wanted = [
        (found.name, found.cell, found.task, train_gap, float(amount), number, lr, max_steps)
        for found in _chosen(name)
        for amount in _several(perturb)
        for number in _several(seed)
    ]
    for key in progress([key for key in wanted if not kept.has(key)]):
        which, _, task, _, amount, number, _, _ = key
        evaluations = list(_constructions.train_from(which, train_gap, amount, number, lr, max_steps))
        (_, before, _), (step, after, status) = evaluations[0], evaluations[-1]
        kept.add([*key, before, after, make_task(TASKS.find(task)).chance(train_gap).accuracy, step, status])
    return kept.rows(wanted)


TRAINED = ["name", "cell", "task", "gap", "amount", "seed", "lr", "max_steps"]
TRAINED += ["start_accuracy", "accuracy", "chance_accuracy", "step", "status"]


def measure_guesses(
    *,
    cell: CellLike | Sequence[CellLike] = "rnn",
    task: TaskLike | Sequence[TaskLike] = ("beijing", "recall", "adding", "copy"),
    gap: int = 200,
    hidden_size: int = 3,
    scale: float = 100.0,
    max_guesses: int = 5000,
    seed: int | Iterable[int] = range(20),
    option: dict[str, bool | int | float | str] | None = None,
    file: Path | str | None = None,
    progress: Counting = iter,
) -> pd.DataFrame:
    """Guess all weights at random until a network solves the task.

    Args:
        cell, task: one or several.
        gap: time steps.
        hidden_size: width; guessing finds small networks.
        scale: weights and biases are drawn from U[-scale, scale].
        max_guesses: guesses of a repeat before it counts as unsolved.
        seed: one per repeat.
        option: of the task.
        file: a CSV file that takes each repeat as it ends; those that it has are not repeated.
        progress: shows how far it is.

    Returns:
        One row per task, cell and seed: the key :data:`GUESS_KEY`, and ``guesses, solved, sequences, accuracy, chance_accuracy``.

    Example:
        >>> found = measure_guesses(task="beijing", gap=1, option={"fillers": 1}, seed=7, max_guesses=2000)
        >>> bool(found["solved"].iloc[0])
        True
    """
    if not 0 < scale < float("inf"):
        raise UserError(f"scale must be a number above 0, not {scale}")
    fixed = {"gap": gap, "hidden_size": hidden_size, "option": option or {}}
    axes = product(_several(task), _several(cell), _several(seed))
    runs = [resolve(request({"task": which, "cell": kind, "seed": number} | fixed)) for which, kind, number in axes]
    kept = Kept(file, GUESSED, GUESS_KEY)
    keys = {
        run.run_id: (run.task, run.cell, gap, hidden_size, scale, max_guesses, json.dumps(run.option), run.seed) for run in runs
    }
    for run in progress([run for run in runs if not kept.has(keys[run.run_id])]):
        found = _random_search.guess(run, scale, max_guesses)
        chance = task_of(run).chance(gap).accuracy
        kept.add([*keys[run.run_id], found.guesses, found.solved, found.sequences, found.accuracy, chance])
    return kept.rows(keys.values())


GUESS_KEY = ["task", "cell", "gap", "hidden_size", "scale", "max_guesses", "option", "seed"]
GUESSED = [*GUESS_KEY, "guesses", "solved", "sequences", "accuracy", "chance_accuracy"]


def _several(given: T | Iterable[T]) -> list[T]:
    """A list as it is, and one thing as a list of one."""
    return list(given) if isinstance(given, Iterable) and not isinstance(given, str | type) else [given]


def _chosen(name: str | Sequence[str] | None) -> list[Construction]:
    names: list[str] = _several(name or list(CONSTRUCTIONS))
    return [construction(one) for one in names]


def _finished(run: str | Finished, study: Study | Path | str) -> tuple[Run, Study]:
    if not isinstance(run, str):
        return run.run, run.study
    home = study if isinstance(study, Study) else Study.open(study)
    return find_run(home, run.strip()), home
