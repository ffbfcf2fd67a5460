"""The runs of a sweep: the whole grid, or the few gaps that a search for the span needs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from rnnbench._analysis.statistics import gap_solved
from rnnbench._config import AXES, PAIRS, SWEEP_ONLY, Request, Run, RunRequest, SweepRequest, as_list
from rnnbench._errors import (
    FieldError,
    PluginError,
    UserError,
    did_you_mean,
    plugin_error_message,
    shorten_repr,
    validation_message,
)
from rnnbench._network.initializers import initializers_of
from rnnbench._plugins.registry import CELLS, TASKS, C, Registry
from rnnbench._spec.resolve import Resolved, fits, resolve
from rnnbench._sweep.recipes import tuning_of
from rnnbench.task import Task

T = TypeVar("T")

DEFAULT_INIT = "default"
"""Entry of ``init`` that means each cell's default initialisation."""
MOST_RUNS = 1_000_000


def grid(sweep: SweepRequest, load_errors: dict[str, str] | None = None) -> list[Run]:
    """Return every run of a sweep, each once. Small gaps come first, so that a sweep shows results early.

    If ``init`` contains ``default``, a cell that cannot take one of the other initialisations is skipped for it. Only runs whose
    initialisation uses a horizon get the sweep's horizon. ``load_errors`` receives each cell and task whose file is broken, with
    the reason; their runs are left out if others remain. Any other impossible run raises UserError.
    """
    return [resolved.run for resolved in resolved_grid(sweep, load_errors)]


def resolved_grid(sweep: SweepRequest, load_errors: dict[str, str] | None = None) -> list[Resolved]:
    """Return the runs of :func:`grid` with their tasks, cells and default rates."""
    count = math.prod(max(1, len(as_list(getattr(sweep, axis)))) for axis in AXES)
    if count > MOST_RUNS:
        raise UserError(f"a sweep has at most {MOST_RUNS:,} runs, not {count:,}: leave out values, or make several sweeps")
    errors: dict[str, str] = {}
    loaded = {"cell": _loadable(CELLS, sweep.cell, errors), "task": _loadable(TASKS, sweep.task, errors)}
    sweep = sweep.model_copy(update=loaded)
    runs: dict[str, Resolved] = {}
    for registry, specs, tables in ((CELLS, sweep.cell, sweep.cells), (TASKS, sweep.task, sweep.tasks)):
        names = {*registry.named(), *(registry.find(spec).name for spec in specs)}
        unknown = [name for name in tables if name not in names]  # one left out by a flag keeps its recipe in the file
        if unknown and not errors:
            raise UserError(f"[{registry.noun}s.{unknown[0]}]: unknown {registry.noun}{did_you_mean(unknown[0], names)}")
    horizons = 0
    for request in requests(sweep):
        try:
            resolved, uses_horizon = _resolved(request, sweep)
        except BaseException as error:
            if not (reason := plugin_error_message(error)):
                raise
            errors.setdefault(request.cell if CELLS.find(request.cell).source else request.task, reason)
            continue
        horizons += uses_horizon
        if resolved is not None:
            runs.setdefault(resolved.run.run_id, resolved)
    if errors and not (runs and load_errors is not None):
        raise UserError(next(iter(errors.values())))
    if load_errors is not None:
        load_errors |= errors
    if sweep.horizon is not None and not horizons:
        raise FieldError("{horizon} is given, and no run of this sweep has an initialisation that uses it")
    return sorted(runs.values(), key=lambda resolved: resolved.run.gap)


def _loadable(registry: Registry[C], specs: Sequence[str], errors: dict[str, str]) -> list[str]:
    """Return the specs that can be loaded, and put the others into ``errors``."""
    loadable = []
    for spec in specs:
        try:
            registry.find(spec)
            loadable.append(spec)
        except PluginError as error:
            errors[spec] = str(error)
    return loadable


def _resolved(request: RunRequest, sweep: SweepRequest) -> tuple[Resolved | None, bool]:
    """Return the run of a request (None if its cell is skipped), and True if it uses the sweep's horizon."""
    if DEFAULT_INIT in sweep.init and request.init in initializers_of(CELLS.find(request.cell).cls) and not fits(request):
        return None, False
    if sweep.horizon is None:
        return resolve(request), False
    without = resolve(request.model_copy(update={"horizon": None}))
    return (without, False) if without.run.horizon is None else (resolve(request), True)


def requests(sweep: SweepRequest) -> Iterator[RunRequest]:
    """Yield one request per combination of a sweep; tasks and cells do not check them yet."""
    recipe = sweep.model_dump(exclude={*AXES, *SWEEP_ONLY})
    tuning = tuning_of(sweep)
    for cell, task in product(sweep.cell, sweep.task):
        cell_name, entry = CELLS.find(cell).name, TASKS.find(task)
        of_cell: dict[str, Any] = sweep.cells.get(cell_name, {})
        of_task: dict[str, Any] = sweep.tasks.get(entry.name, {})
        own = _without_counterparts(of_task) | _without_counterparts(of_cell)
        options = {name: recipe[name] | of_task.get(name, {}) | of_cell.get(name, {}) for name in ("option", "cell_option")}
        axes = {name: getattr(sweep, name) for name in AXES if name not in ("cell", "task")}
        axes["gap"] = sweep.gap or list(entry.cls.default_of("default_gaps", sweep.recipe))
        if not (sweep.gap or "gap" in own):
            options["option"] = _lengths(entry.cls, sweep.recipe, options["option"]) | options["option"]
        axes["lr"] = sweep.lr or None
        for values in _combinations(axes | own | options):
            fields = recipe | values | {"cell": cell, "task": task}
            fields["init"] = None if fields["init"] == DEFAULT_INIT else fields["init"]
            try:
                request = RunRequest.model_validate(fields)
            except ValidationError as error:  # the sweep's own values are checked already
                table = f"[cells.{cell_name}]" if of_cell else f"[tasks.{entry.name}]"
                raise UserError(validation_message(error, f"{table}: {{}}".format)) from None
            yield tuning.apply(request, own) if tuning else request


def _lengths(task: type[Task], recipe: str | None, options: Mapping[str, object]) -> dict[str, object]:
    """Return the default lengths of a task that has some, as an option of the sweep; none if its options set the length."""
    lengths = task.default_of("default_lengths", recipe)
    setting = {"length", *task.run_options({"length": lengths[0]}, 0)} if lengths else set()
    return {} if setting & set(options) or not lengths else {"length": list(lengths)}


def _without_counterparts(own: Mapping[str, object]) -> dict[str, object]:
    """Return the recipe of a cell or a task, with None for the fields of the sweep that it replaces."""
    replaced = {pair[1 - k] for pair in PAIRS for k in (0, 1) if pair[k] in own}
    if "hidden_size" in own:
        replaced |= {"parameters", "max_hidden_size"}
    return dict.fromkeys(replaced - own.keys()) | dict(own)


def _combinations(values: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """Yield one dict per combination of the lists in ``values``, including the lists inside tables of options."""
    flat: dict[tuple[str, str], list[object]] = {}
    for name, value in values.items():
        for key, entry in (value if isinstance(value, dict) else {"": value}).items():
            flat[name, key] = entry if isinstance(entry, list) else [entry]
    for chosen in product(*flat.values()):
        made: dict[str, object] = {}
        tables: dict[str, dict[str, object]] = {}
        for (name, key), entry in zip(flat, chosen, strict=True):
            if key:
                tables.setdefault(name, {})[key] = entry
            else:
                made[name] = entry
        yield made | tables


def check_tables(sweep: SweepRequest) -> None:
    """Raise UserError if the recipe of a cell or a task has a key or value that no run can have."""
    allowed = {*Request.model_fields, *AXES} - {"cell", "task", "recipe"}
    tables = {f"[cells.{name}]": table for name, table in sweep.cells.items()}
    tables |= {f"[tasks.{name}]": table for name, table in sweep.tasks.items()}
    for title, recipe in tables.items():
        for key in recipe:
            if key not in allowed:
                raise UserError(f"{title}: unknown key {key!r}{did_you_mean(key.replace('-', '_'), allowed)}")
            if key in ("option", "cell_option") and not isinstance(recipe[key], dict):
                raise UserError(f"{title}: {key} must be a table of key = value, not {shorten_repr(recipe[key])}")
            if recipe[key] == []:
                raise UserError(f"{title}: {key} needs at least one value")


class SpanSearch:
    """A bisection of each curve's gaps for the largest gap that its seeds solve. Runs of a curve differ only in gap and seed.

    The search assumes that a cell which solves a gap also solves the smaller ones. It trains about log2 of the gaps of the whole
    :func:`grid`. A gap is solved by the share of seeds that :func:`gap_solved` requires; a failed run counts as unsolved.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.curves: dict[str, Bisection[Run]] = {}
        for run in runs:
            self.curves.setdefault(_curve_key(run), Bisection()).add(run.gap, run)

    def first(self) -> list[Run]:
        """Return the runs to start with: the middle gap of every curve."""
        return [run for curve in self.curves.values() for run in curve.next()]

    def after(self, run: Run, solved: bool) -> list[Run]:
        """Return the runs to add when ``run`` has ended: the next gap after the last seed of a gap, else none."""
        return self.curves[_curve_key(run)].record(run.gap, solved)

    def max_runs(self) -> int:
        """Return an upper bound of the number of runs."""
        return sum(curve.max_runs() for curve in self.curves.values())


class Bisection(Generic[T]):
    """The search on one curve: gaps up to index ``low`` are solved, those from index ``high`` are not."""

    def __init__(self) -> None:
        self.runs: dict[int, list[T]] = {}
        self.solved: dict[int, list[bool]] = {}
        self.low = -1
        self.high = 0

    def add(self, gap: int, run: T) -> None:
        self.runs.setdefault(gap, []).append(run)
        self.high = len(self.runs)

    def next(self) -> list[T]:
        if self.high - self.low < 2:
            return []
        return self.runs[sorted(self.runs)[(self.low + self.high) // 2]]

    def record(self, gap: int, solved: bool) -> list[T]:
        seen = self.solved.setdefault(gap, [])
        seen.append(solved)
        if len(seen) < len(self.runs[gap]):
            return []
        index = sorted(self.runs).index(gap)
        if gap_solved(sum(seen), len(seen)):
            self.low = index
        else:
            self.high = index
        return self.next()

    def max_runs(self) -> int:
        return math.ceil(math.log2(len(self.runs) + 1)) * max(len(seeds) for seeds in self.runs.values())


def _curve_key(run: Run) -> str:
    """Return what the runs of a curve have in common. The horizon is not part of it, as it depends on the gap."""
    return str(sorted((name, str(value)) for name, value in run.identity.items() if name not in ("gap", "seed", "horizon")))
