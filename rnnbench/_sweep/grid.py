"""From a sweep to its runs: the whole grid, or the few gaps that a search for the span asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from pydantic import ValidationError

from rnnbench._analysis.statistics import gap_solved
from rnnbench._config import AXES, BESIDES, Request, Run, RunRequest, SweepRequest
from rnnbench._errors import PluginError, UserError, did_you_mean, fault_of_file, mistake, shown
from rnnbench._network.initializers import known
from rnnbench._plugins.registry import CELLS, TASKS, C, Registry
from rnnbench._spec.resolve import fits, resolve
from rnnbench._sweep.recipes import tuning_of

OWN = "default"
"""The init that stands for each cell's own."""


def grid(sweep: SweepRequest, broken: dict[str, str] | None = None) -> list[Run]:
    """Every run of a sweep, resolved, each once; small gaps first, so that a sweep shows results early.

    A cell that cannot take a named init is left out if the init list also has ``default``, which every cell can take; the horizon
    goes to the runs whose initialisation has a use for one.

    Args:
        sweep: what was asked for.
        broken: takes the cells and tasks whose own file is at fault, as they were asked for, with the reason. Their runs are left
            out, unless there are no others.

    Raises:
        UserError: a run of the grid cannot be.
    """
    found: dict[str, str] = {}
    whole = {"cell": _sound(CELLS, sweep.cell, found), "task": _sound(TASKS, sweep.task, found)}
    sweep = sweep.model_copy(update=whole)
    runs: dict[str, Run] = {}
    known_cells = {*CELLS.named(), *(CELLS.find(cell).name for cell in sweep.cell)}
    unknown = [name for name in sweep.cells if name not in known_cells]  # a cell left out by --cell keeps its recipe in the file
    if unknown and not found:
        raise UserError(f"[cells.{unknown[0]}]: there is no cell of that name{did_you_mean(unknown[0], known_cells)}")
    horizons = 0
    for request in requests(sweep):
        try:
            run, uses_horizon = _resolved(request, sweep)
        except BaseException as error:
            if not (reason := fault_of_file(error)):
                raise
            found.setdefault(request.cell if CELLS.find(request.cell).source else request.task, reason)
            continue
        horizons += uses_horizon
        if run is not None:
            runs.setdefault(run.run_id, run)
    if found and not (runs and broken is not None):
        raise UserError(next(iter(found.values())))
    if broken is not None:
        broken |= found
    if sweep.horizon is not None and not horizons:
        raise UserError("horizon is given, and no run of this sweep has an initialisation that uses it")
    return sorted(runs.values(), key=lambda run: run.gap)


def _sound(registry: Registry[C], asked: Sequence[str], broken: dict[str, str]) -> list[str]:
    """Those that can be loaded."""
    sound = []
    for spec in asked:
        try:
            registry.find(spec)
            sound.append(spec)
        except PluginError as error:
            broken[spec] = str(error)
    return sound


def _resolved(request: RunRequest, sweep: SweepRequest) -> tuple[Run | None, bool]:
    """The run of a request, or None if its cell is to be left out; and whether the sweep's horizon was of use."""
    named = request.init
    if OWN in sweep.init and named is not None and named in known(CELLS.find(request.cell).kind) and not fits(request):
        return None, False
    if sweep.horizon is None:
        return resolve(request), False
    bare = resolve(request.model_copy(update={"horizon": None}))
    return (bare, False) if bare.horizon is None else (resolve(request), True)


def requests(sweep: SweepRequest) -> Iterator[RunRequest]:
    """What a sweep asks for, one request per combination; nothing is checked against tasks and cells."""
    recipe = sweep.model_dump(exclude={*AXES, *BESIDES})
    tuning = tuning_of(sweep)
    for cell in sweep.cell:
        own = sweep.cells.get(CELLS.find(cell).name, {})
        axes = {name: getattr(sweep, name) for name in AXES if name not in ("cell", "task", "gap", *own)}
        if "hidden_size" in own:  # a width of its own stands in the place of a budget of parameters for all
            own = {"parameters": None, "max_hidden_size": None} | own
        for values in _combinations(own | axes):
            init = values.pop("init", OWN)
            own_options = values.pop("cell_option", None)
            options = recipe["cell_option"] | (own_options if isinstance(own_options, dict) else {})
            own_gap = [values.pop("gap")] if "gap" in values else []
            for task in sweep.task:
                gaps: Sequence[object] = own_gap or sweep.gap or TASKS.find(task).kind.default_gaps
                for gap in gaps:
                    asked = recipe | values | {"cell_option": options, "cell": cell, "task": task, "gap": gap}
                    asked["init"] = None if init == OWN else init
                    try:
                        request = RunRequest.model_validate(asked)
                    except ValidationError as error:  # the sweep's own values are checked already
                        name = CELLS.find(cell).name
                        raise UserError(mistake(error, f"[cells.{name}]: {{}}".format)) from error
                    yield tuning.apply(request, own) if tuning else request


def _combinations(values: Mapping[str, object]) -> Iterator[dict[str, object]]:
    """One dict per combination of the lists in ``values``; in a table of options a list is an axis too."""
    flat: dict[tuple[str, str], list[object]] = {}
    for name, value in values.items():
        inside = value if isinstance(value, dict) else {"": value}
        for key, entry in inside.items():
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


def check_cells(cells: Mapping[str, Mapping[str, object]]) -> None:
    """Raise UserError, naming the key, for a cell's recipe that no run could have."""
    allowed = {*Request.model_fields, *AXES} - {"cell", "task"}
    for cell, recipe in cells.items():
        for key in recipe:
            if key not in allowed:
                raise UserError(f"[cells.{cell}]: unknown key {key!r}{did_you_mean(key.replace('-', '_'), allowed)}")
            if key in ("option", "cell_option") and not isinstance(recipe[key], dict):
                raise UserError(f"[cells.{cell}]: {key} must be a table of key = value, not {shown(recipe[key])}")
            if recipe[key] == []:
                raise UserError(f"[cells.{cell}]: {key} needs at least one value")


class SpanSearch:
    """Bisects the gap list of every curve (all that is the same but gap and seed) for the largest gap its seeds solve.

    It takes for granted that a cell which solves a gap solves the smaller ones, and needs about log2 of the gaps instead of all.
    A gap is solved by at least 4 in 5 seeds; a failed run solved nothing.

    Args:
        runs: the whole :func:`grid`; what the search asks for is part of it.
    """

    def __init__(self, runs: Sequence[Run]) -> None:
        self.curves: dict[str, _Bisection] = {}
        for run in runs:
            self.curves.setdefault(_curve(run), _Bisection()).add(run)

    def first(self) -> list[Run]:
        """The runs to start with: every curve's middle gap."""
        return [run for curve in self.curves.values() for run in curve.next()]

    def after(self, run: Run, solved: bool) -> list[Run]:
        """The runs to do once ``run`` has ended: another gap if it was the last seed of this one, else none."""
        return self.curves[_curve(run)].note(run, solved)

    def most(self) -> int:
        """Upper bound of the number of runs."""
        return sum(curve.most() for curve in self.curves.values())


class _Bisection:
    """One curve: gaps up to index ``low`` are solved, those from ``high`` on are not."""

    def __init__(self) -> None:
        self.runs: dict[int, list[Run]] = {}
        self.solved: dict[int, list[bool]] = {}
        self.low = -1
        self.high = 0

    def add(self, run: Run) -> None:
        self.runs.setdefault(run.gap, []).append(run)
        self.high = len(self.runs)

    def next(self) -> list[Run]:
        if self.high - self.low < 2:
            return []
        return self.runs[sorted(self.runs)[(self.low + self.high) // 2]]

    def note(self, run: Run, solved: bool) -> list[Run]:
        seen = self.solved.setdefault(run.gap, [])
        seen.append(solved)
        if len(seen) < len(self.runs[run.gap]):
            return []
        index = sorted(self.runs).index(run.gap)
        if gap_solved(sum(seen), len(seen)):
            self.low = index
        else:
            self.high = index
        return self.next()

    def most(self) -> int:
        return math.ceil(math.log2(len(self.runs) + 1)) * max(len(seeds) for seeds in self.runs.values())


def _curve(run: Run) -> str:
    """What is common to the runs of a curve; the horizon follows the gap, and so does not count."""
    return str(sorted((name, str(value)) for name, value in run.identity.items() if name not in ("gap", "seed", "horizon")))
