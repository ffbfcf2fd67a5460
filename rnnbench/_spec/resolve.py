"""From a request to a resolved run: every default filled in once, and checked against the task, the cell and the machine."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import torch

from rnnbench._cell import Layer, has_steps
from rnnbench._config import (
    EVAL_ANSWERS,
    LARGEST_WIDTH,
    MOST_SEQUENCES,
    RECIPES,
    RECURRENT_CLIP,
    Option,
    Options,
    Recipe,
    Run,
    RunFields,
    RunRequest,
    horizon_of,
)
from rnnbench._errors import FieldError, PluginError, UserError, did_you_mean, shorten_repr
from rnnbench._network.initializers import check_init, default_init, initializers_of
from rnnbench._network.stack import stacked
from rnnbench._plugins.options import SIZES, typed_options
from rnnbench._plugins.registry import CELLS, TASKS, Entry, make_cell, make_task
from rnnbench._plugins.source import Plugin
from rnnbench._spec.gaps import gaps_of
from rnnbench._spec.rates import DefaultRate, default_rate, rate_lines
from rnnbench.task import Task


class Resolved(NamedTuple):
    """A run with the task and the cell that it names, as they are used within a process."""

    run: Run  # can be stored and sent to other processes
    task: Task  # with its options
    task_entry: Entry[Task]
    cell_entry: Entry[Layer]
    rate: DefaultRate | None = None  # None: the request sets the learning rate, or the run was stored

    @property
    def rate_text(self) -> str:
        """The learning rate, and where a default one comes from."""
        return rate_lines([self.rate])[0] if self.rate else f"lr {self.run.lr:g}"


def resolve(request: RunRequest) -> Resolved:
    """Resolve a request into a run: fill in every default, and raise UserError if it does not fit its task or its cell.

    Example:
        >>> resolve(RunRequest(task="beijing", cell="gru", gap=5)).run.horizon
        50.0
    """
    task_entry, cell_entry = TASKS.find(request.task), CELLS.find(request.cell)
    gap: int = task_entry.cls.default_of("default_gap", request.recipe) if request.gap is None else request.gap
    option = task_options(task_entry, request.option, gap, request.recipe)
    task = make_task(task_entry, option)
    try:
        task.check_gap(gap)
    except ValueError as error:
        raise UserError(str(error)) from error
    cell_option = typed_options(f"cell {cell_entry.name}", cell_entry.cls, SIZES, request.cell_option)
    width = _solved_width(request, task, cell_entry)
    init, uses_horizon = _initialisation(cell_entry, task.input_size, width, tuple(cell_option.items()), request.init)
    if request.horizon is not None and not uses_horizon:
        users = " or ".join(name for name, one in sorted(initializers_of(cell_entry.cls).items()) if one.uses_horizon)
        raise FieldError("{horizon} only applies to {init} {users}, not to {given}: leave it out", users=users, given=init)
    rate = default_rate(request, cell_entry, task_entry, init, width) if request.lr is None else None
    train_gaps, horizon = _train_gaps(request, task, gap), None
    if uses_horizon:
        largest = max(gaps_of(train_gaps) or [gap])
        if request.recipe != "v2":  # whose horizon counted the gap only
            largest = task.horizon_gap(largest)
        horizon = horizon_of(largest, request.horizon_per_gap) if request.horizon is None else request.horizon
    values = {name: getattr(request, name) for name in RunFields.model_fields if name in RunRequest.model_fields}
    run = Run.model_validate(
        values
        | {"task": task_entry.name, "task_source": task_entry.source}
        | {"cell": cell_entry.name, "cell_source": cell_entry.source}
        | {"gap": gap, "option": option, "cell_option": cell_option}
        | {"hidden_size": width, "init": init, "horizon": horizon, "train_gaps": train_gaps}
        | {"lr": rate.lr if rate else request.lr}
        | {"max_steps": task.default_max_steps if request.max_steps is None else request.max_steps}
        | {"eval_sequences": _eval_sequences(request, task, gap), "recurrent_clip": _recurrent_clip(request, cell_entry)}
    )
    _check_optimizer(run, request)
    if run.truncate and not has_steps(cell_entry.cls):
        raise FieldError("{truncate} only applies to cells that run one step at a time, not to {one}: leave it out", one=run.cell)
    return Resolved(run, task, task_entry, cell_entry, rate)


def _check_optimizer(run: Run, request: RunRequest) -> None:
    """Raise UserError for a setting of the optimiser that the run does not use."""
    if run.optimizer != "adam" and run.beta2 != RECIPES[request.recipe or "v3"]["beta2"]:
        raise FieldError("{beta2} only applies to {optimizer} adam, not to {given}: leave it out", given=run.optimizer)
    if run.momentum and run.optimizer != "sgd":
        raise FieldError("{momentum} only applies to {optimizer} sgd, not to {given}: leave it out", given=run.optimizer)
    if run.nesterov and not run.momentum:
        raise FieldError("{nesterov} only applies with {momentum}: leave it out, or set {momentum}")
    if run.warmup >= run.max_steps:
        raise FieldError("{warmup} {n} must be below {max_steps} {most}: make it smaller", n=run.warmup, most=run.max_steps)


def task_options(entry: Entry[Task], given: Mapping[str, Option], gap: int, recipe: str | None = None) -> Options:
    """Return all options of a task for a run at a gap, with defaults; raise UserError for a value that is not possible."""
    return typed_options(f"task {entry.name}", entry.cls, 0, run_options(entry, given, gap, recipe))


def run_options(entry: Entry[Task], given: Mapping[str, Option], gap: int, recipe: str | None = None) -> Options:
    """Return the options that are given, a length replaced by what sets it; raise UserError for one that is not possible."""
    try:
        return entry.cls.run_options(given, gap, recipe)
    except ValueError as error:
        raise UserError(f"task {entry.name}: {error}") from error


def at_length(entry: Entry[Task], option: Mapping[str, Option], gap: int) -> tuple[int, Options] | None:
    """Return the length of a run's sequences, and its options with the gap in place of those that set the length.

    None for a task that does not vary the length. ``option`` is a result of :func:`run_options` or :func:`task_options`.
    """
    if entry.cls.axis != "length":
        return None
    setting = entry.cls.run_options({"length": 1_000_000}, 0)
    kept: Options = {key: value for key, value in option.items() if key not in setting}
    return make_task(entry, option).length(gap), kept | {"gap": gap}


def _train_gaps(request: RunRequest, task: Task, gap: int) -> str:
    """Return the gaps to train on, empty if that is only the run's gap; raise UserError if they do not fit the task."""
    text = request.train_gaps or ""
    if text and request.train_sequences:
        raise FieldError("{train_gaps} and {train_sequences} exclude each other: give one of them")
    for one in gaps_of(text):
        try:
            task.check_gap(one)
        except ValueError as error:
            raise FieldError("{train_gaps}: {reason}", reason=error) from error
    return "" if text == str(gap) else text


def _recurrent_clip(request: RunRequest, entry: Entry[Layer]) -> float:
    """Return the limit of dL/dh_t; raise UserError for a limit that the layer has no steps for."""
    limit, steps = request.recurrent_clip, has_steps(entry.cls)
    if limit is None:
        return RECURRENT_CLIP if steps and getattr(entry.cls, "forget_signs", {}) else math.inf
    if limit != math.inf and not steps:
        raise FieldError(
            "{recurrent_clip} only applies to cells that run one step at a time, not to {one}: leave it out", one=entry.name
        )
    return limit


def _eval_sequences(request: RunRequest, task: Task, gap: int) -> int:
    """Return how many sequences an evaluation needs for the scored answers that a request wants."""
    if request.eval_sequences is not None:
        return request.eval_sequences
    needed = math.ceil((request.eval_answers or EVAL_ANSWERS) / task.scored_answers(gap))
    if needed > MOST_SEQUENCES:
        raise FieldError("{eval_answers} is too large: an evaluation has at most {most} sequences", most=f"{MOST_SEQUENCES:,}")
    return needed


def rebuild(run: Run, plugins: Sequence[Plugin] = ()) -> Resolved:
    """Return a stored or received run as :func:`resolve` returned it; ``plugins`` are :func:`plugins_of` its sender.

    Raises UserError if this process does not have its task or its cell.
    """
    for plugin in plugins:
        {TASKS.noun: TASKS.register, CELLS.noun: CELLS.register}[plugin.noun](plugin)
    task_entry, cell_entry = TASKS.get(run.task, run.task_source), CELLS.get(run.cell, run.cell_source)
    return Resolved(run, make_task(task_entry, run.option), task_entry, cell_entry)


def plugins_of(run: Run) -> tuple[Plugin, ...]:
    """Return the plug-ins that another process needs in order to :func:`rebuild` a run."""
    entries = (TASKS.get(run.task, run.task_source), CELLS.get(run.cell, run.cell_source))
    return tuple(entry.plugin for entry in entries if entry.plugin)


def cell_of(resolved: Resolved) -> Layer:
    """Return the cell of a run, or its layers as a stack, with uninitialized parameters."""
    run, task, entry = resolved.run, resolved.task, resolved.cell_entry
    return stacked(lambda D, H: make_cell(entry, D, H, run.cell_option), task.input_size, run.hidden_size, run.layers, run.block)


def sketch_of(recipe: Recipe, entry: Entry[Layer], input_size: int, width: int) -> Layer:
    """Return what :func:`cell_of` returns, without storage: see :func:`sketch`."""
    options = tuple(recipe.cell_option.items())
    with torch.device("meta"):  # for what a block adds around the cells
        return stacked(lambda D, H: sketch(entry, D, H, options), input_size, width, recipe.layers, recipe.block)


def fits(request: RunRequest) -> bool:
    """Return True if the cell of a request can take the initialisation that the request names."""
    task_entry, entry = TASKS.find(request.task), CELLS.find(request.cell)
    task = make_task(task_entry, task_options(task_entry, request.option, request.gap or 0, request.recipe))
    options = typed_options(f"cell {entry.name}", entry.cls, SIZES, request.cell_option)
    try:
        _initialised(entry, task.input_size, request.hidden_size, tuple(options.items()), request.init)
    except PluginError:
        raise
    except UserError:
        return False
    return True


@lru_cache(maxsize=1024)
def _initialisation(
    entry: Entry[Layer], input_size: int, width: int, options: tuple[tuple[str, Option], ...], init: str | None
) -> tuple[str, bool]:
    """Return the name of a cell's initialisation, and True if that reads the horizon; raises UserError."""
    inits = initializers_of(entry.cls)
    if init is not None and init not in inits:
        raise UserError(f"unknown init {shorten_repr(init)}{did_you_mean(init, inits)}")
    name = _initialised(entry, input_size, width, options, init)
    return name, inits[name].uses_horizon


def _initialised(
    entry: Entry[Layer], input_size: int, width: int, options: tuple[tuple[str, Option], ...], init: str | None
) -> str:
    """Return the name of an initialisation after a trial on a sketch of the cell; None: the cell's default. Raises UserError."""
    cell = sketch(entry, input_size, width, options)
    try:
        try:
            name = default_init(cell) if init is None else init
            check_init(name, cell)
        except (RuntimeError, NotImplementedError):  # an initialiser that reads numbers, which a sketch does not have
            with torch.random.fork_rng(devices=[]):
                cell = make_cell(entry, input_size, width, dict(options))
            name = default_init(cell) if init is None else init
            check_init(name, cell)
    except ValueError as error:
        raise UserError(str(error)) from error
    return name


def sketch(entry: Entry[Layer], input_size: int, width: int, options: tuple[tuple[str, Option], ...] = ()) -> Layer:
    """Return a cell whose parameters have shapes but no storage where its ``__init__`` allows that. It must not be run."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return make_cell(entry, input_size, width, dict(options))
        except Exception:  # its __init__ reads numbers, or is broken: then the second call raises the same again
            with torch.device("cpu"):  # also inside a block that sets another device
                return make_cell(entry, input_size, width, dict(options))


def _solved_width(request: RunRequest, task: Task, entry: Entry[Layer]) -> int:
    """Return the width of a request, solved from its budget of parameters if it has one."""
    if request.parameters is None:
        if request.max_hidden_size is not None:
            raise FieldError("{max_hidden_size} only applies with {parameters}; use {hidden_size} instead")
        return request.hidden_size

    from rnnbench._spec.width import width_for

    def network(width: int) -> torch.nn.Module:
        cell = sketch_of(request, entry, task.input_size, width)
        return torch.nn.ModuleList([cell, torch.nn.Linear(width, task.output_size, device="meta")])

    width = width_for(network, request.parameters, request.max_hidden_size or LARGEST_WIDTH)
    if width == LARGEST_WIDTH and request.max_hidden_size is None:
        raise FieldError(
            "{parameters} {n} allows more than {most} units, the largest width: make it smaller, or set {max_hidden_size}",
            n=f"{request.parameters:,}",
            most=f"{LARGEST_WIDTH:,}",
        )
    return width
