"""Tuning of recipes: the same grid, pilot seeds and rule for every cell. Results on pilot seeds are never reported."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean, median, stdev
from typing import Literal, NamedTuple

from rnnbench._analysis.summary import CHANCE_SKILL, skill
from rnnbench._config import NO_PILOTS, PILOT_SEEDS, PILOTS, Options, Run, SweepRequest
from rnnbench._errors import FieldError, UserError
from rnnbench._plugins.registry import TASKS
from rnnbench._spec.resolve import at_length
from rnnbench._study import RunRecord, StudyFolder, Table, Tuned
from rnnbench._study.schema import this_machine
from rnnbench._sweep.grid import grid
from rnnbench._sweep.recipes import check_tuned_fields, missing_recipes
from rnnbench._sweep.sweep_file import read_sweep

TIE = 0.02
"""The difference in mean skill up to which candidates always tie."""
RULE = (
    "mean skill over gaps and seeds; candidates within one standard error of the best, or within 0.02, tie; of those tied the "
    "middle rate (of two, the smaller), then the narrowest"
)
"""The rule of choice. The standard error is that of the best candidate over seeds: the 1 SE rule of Breiman et al. 1984 (CART)."""


def with_defaults(sweep: SweepRequest) -> SweepRequest:
    """Return the sweep with the rates and seeds of :data:`rnnbench._config.PILOTS`, where it sets none."""
    return sweep.model_copy(update={name: value for name, value in PILOTS.items() if name not in sweep.model_fields_set})


class Pilots(NamedTuple):
    """The pilot runs of a tuning, and where its results go."""

    request: SweepRequest
    runs: list[Run]
    folder: Path  # of their study
    table: Path  # for the chosen recipes

    def check_table(self) -> None:
        """Raise an error before the runs if the chosen recipes could not be written afterwards."""
        Table(self.table, Tuned).check_writable()

    def record(self, command: str) -> list[Tuned]:
        """Choose the recipes and write them into the table; ``command`` is the command that was run."""
        rows = choose(self.runs, StudyFolder.open(self.folder), command)
        if rows:
            table, replaced = Table(self.table, Tuned), {row.tuned_for for row in rows}
            table.write([*(row for row in table.rows() if row.tuned_for not in replaced), *rows])
        return rows

    def cautions(self) -> list[str]:
        """Return why the choices may not hold: a single gap or length, or fewer than three seeds."""
        values: dict[tuple[str, str], set[int]] = {}
        for run, place in zip(self.runs, places(self.runs), strict=True):
            values.setdefault((place.axis, run.task), set()).add(place.value)
        found = []
        for axis in ("gap", "length"):
            if single := [task for (name, task), of_task in values.items() if name == axis and len(of_task) == 1]:
                where = f"{', '.join(single)} tuned at a single {axis}"
                found.append(f"{where}: the chosen rates may not fit other {axis}s; tune over at least two")
        seeds = {run.seed for run in self.runs}
        if len(seeds) < 3:
            found.append(f"tuned on {len(seeds)} pilot seed{'s' * (len(seeds) > 1)}: the choices may be noise; use at least three")
        return found


def needed(sweep: SweepRequest) -> Pilots | None:
    """Return the pilot runs that a sweep with ``tune`` needs first; None if its table has every recipe. Raises UserError."""
    if sweep.tune is None:
        return None
    if sweep.tuned is None:
        raise FieldError("{tune} needs {tuned}, the table for the chosen recipes: set {tuned} too")
    table = Path(sweep.tuned)
    cells, tasks = missing_recipes(sweep, table)
    if not cells:
        return None
    check_tuned_fields(sweep)
    grid(sweep.model_copy(update={"tuned": None}), {})  # other mistakes in the sweep are reported before hours of pilot runs
    options = {name: value for name in ("option", "cell_option") if (value := getattr(sweep, name))}
    request = with_defaults(read_sweep(Path(sweep.tune), {"cell": cells, "task": tasks} | options))
    return Pilots(request, pilots(request), table.with_name(f"{table.stem}-pilots"), table)


def pilots(sweep: SweepRequest) -> list[Run]:
    """Return the pilot runs of a tuning; raises UserError for a seed that could be reported, or a grid that differs by cell."""
    low = [seed for seed in sweep.seed if seed < PILOT_SEEDS]
    if low:
        raise UserError(f"seed {low[0]} is one of the reported seeds: tune on pilot seeds, from {PILOT_SEEDS} up")
    for name in NO_PILOTS:
        if getattr(sweep, name):
            raise FieldError(f"{{{name}}} is for sweeps, which run the chosen recipes: leave it out here")
    runs = grid(sweep)
    candidates = {(_tuned_for(run, place), run.lr, run.hidden_size) for run, place in zip(runs, places(runs), strict=True)}
    if sweep.cells and len(set(Counter(group for group, *_ in candidates).values())) > 1:
        raise UserError("[cells.NAME] gives one cell more candidates than another: every cell needs the same number of candidates")
    return runs


def choose(runs: Sequence[Run], study: StudyFolder, command: str) -> list[Tuned]:
    """Return the recipe of every cell, task and initialisation whose :func:`pilots` are all finished, by :data:`RULE`.

    ``command`` is the command that ran them.
    """
    groups: dict[tuple[str, ...], list[tuple[Place, RunRecord | None]]] = {}
    for run, place in zip(runs, places(runs), strict=True):
        groups.setdefault(_tuned_for(run, place), []).append((place, study.finished(run.run_id)))
    return [
        _row([record for _, record in group if record], {place.value for place, _ in group}, group[0][0], command)
        for group in groups.values()
        if all(record for _, record in group)
    ]


class Place(NamedTuple):
    """The gap of a pilot run, or its length, and the options of its task without that."""

    axis: Literal["gap", "length"]
    value: int
    option: Options


def places(runs: Sequence[Run]) -> list[Place]:
    """Return the place of every pilot run on the axis of its task, over which one rate is chosen.

    It is the length for a task that varies it, if its runs have one gap: the task's default gap, or a gap with several lengths.
    """
    found: dict[tuple[str, str], set[tuple[int, int]]] = {}
    lengths = [at_length(TASKS.get(run.task, run.task_source), run.option, run.gap) for run in runs]
    for run, length in zip(runs, lengths, strict=True):
        if length is not None:
            found.setdefault((run.task, run.task_source), set()).add((run.gap, length[0]))
    by_length = set()
    for (task, source), pairs in found.items():
        gaps = {gap for gap, _ in pairs}
        if len(gaps) == 1 and (len(pairs) > 1 or gaps == {TASKS.get(task, source).cls.default_gap}):
            by_length.add((task, source))
    return [
        Place("length", *length) if length and (run.task, run.task_source) in by_length else Place("gap", run.gap, run.option)
        for run, length in zip(runs, lengths, strict=True)
    ]


class _Candidate(NamedTuple):
    """A rate and a width, their pilot runs, and the skill of those."""

    lr: float
    hidden_size: int
    records: list[RunRecord]
    skill: float  # mean over seeds of a seed's mean over gaps
    error: float  # standard error of that mean; 0 with a single seed


def _candidate(recipe: tuple[float, int], records: list[RunRecord]) -> _Candidate:
    by_seed: dict[int, list[float]] = {}
    for record in records:
        by_seed.setdefault(record.seed, []).append(skill(record.accuracy, record.chance_accuracy))
    skills = [mean(values) for values in by_seed.values()]
    error = stdev(skills) / math.sqrt(len(skills)) if len(skills) > 1 else 0.0
    return _Candidate(*recipe, records, mean(skills), error)


def _best(candidates: Sequence[_Candidate]) -> _Candidate:
    """Return the candidate that :data:`RULE` chooses."""
    best = max(candidates, key=lambda one: one.skill)
    tied = [one for one in candidates if one.skill >= best.skill - max(TIE, best.error)]
    rates = sorted({one.lr for one in tied})
    middle = rates[(len(rates) - 1) // 2]
    return min((one for one in tied if one.lr == middle), key=lambda one: one.hidden_size)


def _row(records: Sequence[RunRecord], values: set[int], place: Place, command: str) -> Tuned:
    recipes: dict[tuple[float, int], list[RunRecord]] = {}
    for record in records:
        recipes.setdefault((record.lr, record.hidden_size), []).append(record)
    candidates = [_candidate(recipe, of_recipe) for recipe, of_recipe in recipes.items()]
    chosen = _best(candidates)
    first, steps = chosen.records[0], _solved_steps(chosen.records)
    shared = {name: getattr(first, name) for name in Tuned.model_fields if name in RunRecord.model_fields}
    versions = {name: text for name, text in this_machine().items() if name in Tuned.model_fields}
    return Tuned.model_validate(
        shared
        | versions
        | {"gap": _words(values), "axis": place.axis, "option": place.option}
        | {"seeds": _words({record.seed for record in records})}
        | {"lr": chosen.lr, "hidden_size": chosen.hidden_size, "skill": chosen.skill}
        | {"candidates": len(recipes), "grid": _grid_text(recipes, first.init)}
        | {"learned": "learned" if max(one.skill for one in candidates) >= CHANCE_SKILL else "none learned"}
        | {"solved": len(steps), "accuracy": median(record.accuracy for record in chosen.records)}
        | {"steps_to_solve": median(steps) if steps else None, "rule": RULE, "command": command}
    )


def _solved_steps(records: Iterable[RunRecord]) -> list[int]:
    return [record.steps_to_solve for record in records if record.status == "solved" and record.steps_to_solve is not None]


def _words(numbers: Iterable[int]) -> str:
    return " ".join(str(number) for number in sorted(numbers))


def _grid_text(recipes: Iterable[tuple[float, int]], init: str) -> str:
    rates, widths = (set(values) for values in zip(*recipes, strict=True))
    return f"lr {' '.join(f'{rate:g}' for rate in sorted(rates, reverse=True))}; {_words(widths)} units; {init}"


def _tuned_for(run: Run, place: Place) -> tuple[str, ...]:
    names = ("task", "task_source", "cell", "cell_source", "cell_option", "init")
    return str(place.option), *(str(getattr(run, name)) for name in names)
