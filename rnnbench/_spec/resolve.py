"""From what was asked for to the run that it means: every default filled in, once, and checked against task, cell and machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple, cast

import torch

from rnnbench import _engine
from rnnbench._cell import Cell, Layer
from rnnbench._config import Option, Recipe, Run, RunFields, RunRequest
from rnnbench._errors import PluginError, UserError, did_you_mean, one_line
from rnnbench._network.initializers import check, default, known
from rnnbench._network.stack import stacked
from rnnbench._plugins.options import SIZES, typed_options
from rnnbench._plugins.registry import CELLS, TASKS, Entry, make_cell, make_task
from rnnbench._plugins.source import Plugin
from rnnbench.task import Task


def resolve(request: RunRequest) -> Run:
    """The run that a request means.

    Args:
        request: what was asked for. Tasks and cells are named as :meth:`rnnbench._plugins.registry.Registry.find` knows them.

    Returns:
        The run, with the names, typed options and digests of its task and cell.

    Raises:
        UserError: it does not fit its task, its cell or this machine; one sentence that says what would be right.

    Example:
        >>> resolve(RunRequest(task="beijing", cell="gru", gap=5)).horizon
        50.0
    """
    task_entry, cell_entry = TASKS.find(request.task), CELLS.find(request.cell)
    task = make_task(task_entry, request.option)
    try:
        task.check_gap(request.gap)
    except ValueError as error:
        raise UserError(str(error)) from error
    cell_option = typed_options(f"cell {cell_entry.name}", cell_entry.kind, SIZES, request.cell_option)
    width = _width(request, task, cell_entry)
    about = _about(cell_entry, task.input_size, width, tuple(cell_option.items()), request.init)
    if about.uses_horizon:
        horizon = request.horizon if request.horizon is not None else max(10.0 * request.gap, 20.0)
    elif request.horizon is not None:
        users = " or ".join(name for name, init in sorted(known(cell_entry.kind).items()) if init.uses_horizon)
        raise UserError(f"horizon is the range of init {users}, and means nothing to init {about.init}")
    else:
        horizon = None
    fast = about.refusal is None and request.device == "cpu"
    if request.engine == "fast" and not fast:
        why = about.refusal if request.device == "cpu" else f"it runs on the CPU, not on {request.device}"
        raise UserError(f"engine fast cannot run cell {cell_entry.name}: {why}; use engine auto or torch")
    values = {name: getattr(request, name) for name in RunFields.model_fields if name in RunRequest.model_fields}
    return Run.model_validate(
        values
        | {"task": task_entry.name, "task_source": task_entry.source}
        | {"cell": cell_entry.name, "cell_source": cell_entry.source}
        | {"option": typed_options(f"task {task_entry.name}", task_entry.kind, 0, request.option), "cell_option": cell_option}
        | {"hidden_size": width, "init": about.init, "horizon": horizon}
        | {"max_steps": task.default_max_steps if request.max_steps is None else request.max_steps}
        | {"engine": "fast" if fast and request.engine != "torch" else "torch"}
    )


def why_not_compiled(run: Run) -> str | None:
    """Why the compiled engine does not take a run; None if it does."""
    if run.engine == "fast":
        return None
    if run.device != "cpu":
        return f"the compiled engine runs on the CPU, not on {run.device}"
    inputs, options = task_of(run).input_size, tuple(run.cell_option.items())
    return _about(CELLS.get(run.cell, run.cell_source), inputs, run.hidden_size, options, run.init).refusal


def task_of(run: Run) -> Task:
    """The task of a resolved run; raises UserError if this process does not know it."""
    return make_task(TASKS.get(run.task, run.task_source), run.option)


def cell_of(run: Run, input_size: int) -> Layer:
    """The cell of a resolved run, or its layers, open parameters not initialised; raises UserError if it is not known here."""
    entry = CELLS.get(run.cell, run.cell_source)
    return stacked(lambda D, H: make_cell(entry, D, H, run.cell_option), input_size, run.hidden_size, run.layers, run.block)


def sketch_of(recipe: Recipe, entry: Entry[Layer], input_size: int, width: int) -> Layer:
    """As :func:`cell_of`, without storage: see :func:`sketch`."""
    options = tuple(recipe.cell_option.items())
    with torch.device("meta"):  # for what stands around the cells
        return stacked(lambda D, H: sketch(entry, D, H, options), input_size, width, recipe.layers, recipe.block)


def plugins_of(run: Run) -> tuple[Plugin, ...]:
    """What another process needs to know the task and the cell of a run: see :func:`admit`."""
    entries = (TASKS.get(run.task, run.task_source), CELLS.get(run.cell, run.cell_source))
    return tuple(entry.plugin for entry in entries if entry.plugin)


def admit(plugins: Sequence[Plugin]) -> None:
    """Make the plug-ins known that another process sent."""
    for plugin in plugins:
        {TASKS.word: TASKS.admit, CELLS.word: CELLS.admit}[plugin.word](plugin)


def fits(request: RunRequest) -> bool:
    """Whether the cell of a request can take the initialisation that it names."""
    task, entry = make_task(TASKS.find(request.task), request.option), CELLS.find(request.cell)
    options = typed_options(f"cell {entry.name}", entry.kind, SIZES, request.cell_option)
    try:
        _initialised(entry, task.input_size, request.hidden_size, tuple(options.items()), request.init)
    except PluginError:
        raise
    except UserError:
        return False
    return True


class About(NamedTuple):
    """What a cell says of itself at some width."""

    init: str
    uses_horizon: bool
    refusal: str | None


@lru_cache(maxsize=1024)
def _about(entry: Entry[Layer], input_size: int, width: int, options: tuple[tuple[str, Option], ...], asked: str | None) -> About:
    inits = known(entry.kind)
    if asked is not None and asked not in inits:
        raise UserError(f"unknown init {asked!r}{did_you_mean(asked, inits)}")
    cell, init = _initialised(entry, input_size, width, options, asked)
    if not _engine.available():
        refusal: str | None = "numba cannot be used here"
    elif isinstance(cell, Cell):
        refusal = _refusal(entry, input_size, width, options)
    else:
        refusal = f"{entry.name} takes whole sequences, and the engine compiles steps"
    return About(init, inits[init].uses_horizon, refusal)


WIDE = 1024
"""A cell wider than this is asked at this width whether its step is compiled: it need not fit into memory twice."""


def _refusal(entry: Entry[Layer], input_size: int, width: int, options: tuple[tuple[str, Option], ...]) -> str | None:
    """Why the engine does not compile a cell, whose step is run once for that; None if it does."""
    try:
        with torch.random.fork_rng(devices=[]):
            return _engine.refusal(cast(Cell, make_cell(entry, input_size, min(width, WIDE), dict(options))))
    except Exception as error:  # of its own: the checks before a run say it, and a sweep records it
        return one_line(error)


def _initialised(
    entry: Entry[Layer], input_size: int, width: int, options: tuple[tuple[str, Option], ...], asked: str | None
) -> tuple[Layer, str]:
    """The cell, not to be run, and the name of its initialisation, which was tried on it; raises UserError."""
    cell = sketch(entry, input_size, width, options)
    try:
        try:
            init = asked if asked is not None else default(cell)
            check(init, cell)
        except (RuntimeError, NotImplementedError):  # an initialiser that reads numbers, which a sketch has not
            with torch.random.fork_rng(devices=[]):
                cell = make_cell(entry, input_size, width, dict(options))
            init = asked if asked is not None else default(cell)
            check(init, cell)
    except ValueError as error:
        raise UserError(str(error)) from error
    return cell, init


def sketch(entry: Entry[Layer], input_size: int, width: int, options: tuple[tuple[str, Option], ...] = ()) -> Layer:
    """A cell without storage where it can do without: to be asked things, not to be run."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return make_cell(entry, input_size, width, dict(options))
        except Exception:  # its __init__ reads numbers, which are not there; what is truly wrong is raised again
            return make_cell(entry, input_size, width, dict(options))


def _width(request: RunRequest, task: Task, entry: Entry[Layer]) -> int:
    if request.parameters is None:
        if request.max_hidden_size is not None:
            raise UserError("max_hidden_size limits what parameters may buy, and parameters is not given: give hidden_size alone")
        return request.hidden_size

    from rnnbench._spec.width import width_for

    def network(width: int) -> torch.nn.Module:
        cell = sketch_of(request, entry, task.input_size, width)
        return torch.nn.ModuleList([cell, torch.nn.Linear(width, task.output_size, device="meta")])

    return width_for(network, request.parameters, request.max_hidden_size)
