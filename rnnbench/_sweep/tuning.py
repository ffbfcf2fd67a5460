"""Tuning of recipes: the same grid, pilot seeds and rule for every cell. Results on pilot seeds are never reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import NamedTuple

from rnnbench._analysis.summary import BEST_RULE, rank_key
from rnnbench._config import NO_PILOTS, PILOT_SEEDS, PILOTS, Run, SweepRequest
from rnnbench._errors import FieldError, UserError
from rnnbench._study import RunRecord, StudyFolder, Table
from rnnbench._study.schema import this_machine
from rnnbench._sweep.grid import grid
from rnnbench._sweep.recipes import Tuned, check_tuned_fields, missing_recipes
from rnnbench._sweep.sweep_file import read_sweep


def with_defaults(sweep: SweepRequest) -> SweepRequest:
    """Return the sweep with the rates and seeds of :data:`rnnbench._config.PILOTS`, where it sets none."""
    return sweep.model_copy(update={name: value for name, value in PILOTS.items() if name not in sweep.model_fields_set})


class Pilots(NamedTuple):
    """The pilot runs of a tuning, and where its results go."""

    request: SweepRequest
    runs: list[Run]
    folder: Path  # of their study
    table: Path  # for the chosen recipes

    def record(self, command: str) -> list[Tuned]:
        """Choose the recipes and write them into the table; ``command`` is the command that was run."""
        rows = choose(self.runs, StudyFolder.open(self.folder), command)
        if rows:
            Table(self.table, Tuned).update(rows)
        return rows


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
    if sweep.cells and len(set(Counter(map(_tuned_for, runs)).values())) > 1:
        raise UserError("[cells.NAME] gives one cell more candidates than another: every cell needs the same number of candidates")
    return runs


def choose(runs: Sequence[Run], study: StudyFolder, command: str) -> list[Tuned]:
    """Return the best recipe of every cell, task and gap whose :func:`pilots` are all finished, and the command that ran them.

    It is chosen by :data:`rnnbench._analysis.summary.BEST_RULE`; of recipes that are equal by it, the narrowest.
    """
    groups: dict[tuple[str, ...], list[RunRecord | None]] = {}
    for run in runs:
        groups.setdefault(_tuned_for(run), []).append(study.finished(run.run_id))
    return [_row([record for record in group if record], command) for group in groups.values() if None not in group]


def _row(records: Sequence[RunRecord], command: str) -> Tuned:
    recipes: dict[tuple[float, int, str], list[RunRecord]] = {}
    for record in records:
        recipes.setdefault((record.lr, record.hidden_size, record.init), []).append(record)
    (lr, width, init), best = min(recipes.items(), key=lambda item: (_pilot_rank(item[1]), item[0][1:]))
    first, steps = best[0], _solved_steps(best)
    shared = {name: getattr(first, name) for name in Tuned.model_fields if name in RunRecord.model_fields}
    versions = {name: text for name, text in this_machine().items() if name in Tuned.model_fields}
    return Tuned.model_validate(
        shared
        | versions
        | {"lr": lr, "hidden_size": width, "init": init, "candidates": len(recipes), "grid": _grid_text(recipes)}
        | {"seeds": " ".join(str(seed) for seed in sorted({record.seed for record in records}))}
        | {"solved": len(steps), "accuracy": median(record.accuracy for record in best)}
        | {"steps_to_solve": median(steps) if steps else None, "rule": BEST_RULE, "command": command}
    )


def _solved_steps(records: Iterable[RunRecord]) -> list[int]:
    return [record.steps_to_solve for record in records if record.status == "solved" and record.steps_to_solve is not None]


def _pilot_rank(records: Sequence[RunRecord]) -> tuple[float, ...]:
    steps = _solved_steps(records)
    accuracy = median(record.accuracy for record in records)
    return rank_key(len(steps) / len(records), accuracy, median(steps) if steps else float("nan"), records[0].lr)


def _grid_text(recipes: Iterable[tuple[float, int, str]]) -> str:
    rates, widths, inits = (sorted(set(values), reverse=k == 0) for k, values in enumerate(zip(*recipes, strict=True)))
    return f"lr {' '.join(f'{rate:g}' for rate in rates)}; {' '.join(map(str, widths))} units; {' '.join(map(str, inits))}"


def _tuned_for(run: Run) -> tuple[str, ...]:
    return tuple(str(getattr(run, name)) for name in ("task", "task_source", "option", "cell", "cell_source", "cell_option", "gap"))
