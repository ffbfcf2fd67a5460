"""The table of ``rnnbench tune``: the recipe chosen for each cell and task, what was tried for it, and the versions."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Container, Hashable, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench._analysis.summary import CURVE, TUNED, count_once, label_curves
from rnnbench._config import RECIPES, Option, Options, RunRequest, SweepRequest, as_list
from rnnbench._errors import FieldError, PluginError, UserError
from rnnbench._plugins.registry import CELLS, TASKS
from rnnbench._spec.rates import RATES
from rnnbench._spec.resolve import at_length, run_options
from rnnbench._study import Table, Tuned

if TYPE_CHECKING:
    import pandas as pd

FIELDS = ("lr", "hidden_size", "init")
"""The fields that are tuned."""
TABLE = "tuning.csv"
"""The name of the table in a study folder."""


class Tuning:
    """The rows of a table of ``rnnbench tune``; raises UserError if the file does not exist or is damaged."""

    def __init__(self, file: Path) -> None:
        self.file = file
        if not file.exists():
            raise UserError(f"cannot read {file}: there is no such file; make it with `rnnbench tune`")
        self.rows = Table(file, Tuned).rows()

    def find(
        self,
        task: str,
        cell: str,
        gap: int,
        option: Options | None = None,
        cell_option: Options | None = None,
        init: str | None = None,
    ) -> Tuned:
        """Return the row for a cell and a task that agrees in the options.

        Of several initialisations it is that of ``init``, if it was tuned, else the one with the most skill.
        Where all rows were tuned at one gap each, the row is that of the largest gap not above ``gap``, else of the smallest one.
        The length takes the place of the gap in rows that were tuned over it. Raises UserError if this cell was not tuned for this
        task.
        """
        rows = recipes(self.rows, task, cell, option, cell_option, gap)
        if not rows:
            names = f"cell {CELLS.find(cell).name} for task {TASKS.find(task).name}"
            raise UserError(f"{self.file} has no recipe of {names}: run `rnnbench tune` for it")
        rows = [row for row in rows if (row.option, row.cell_option) == (rows[0].option, rows[0].cell_option)]
        rows = [row for row in rows if row.init == init] or rows
        over_gaps = [row for row in rows if len(row.gaps) > 1]
        if not over_gaps:
            tuned_at = {row.gaps[0] for row in rows}
            entry = TASKS.find(task)
            length = at_length(entry, run_options(entry, option or {}, gap), gap) if rows[0].axis == "length" else None
            place = length[0] if length else gap
            nearest = max((one for one in tuned_at if one <= place), default=min(tuned_at))
            over_gaps = [row for row in rows if row.gaps[0] == nearest]
        return max(over_gaps, key=lambda row: row.skill or 0.0)

    def apply(self, request: RunRequest, own: Container[str]) -> RunRequest:
        """Return the request with the recipe chosen for it, except for fields that the sweep sets for this cell (``own``)."""
        gap = TASKS.find(request.task).cls.default_gap if request.gap is None else request.gap
        row = self.find(request.task, request.cell, gap, request.option, request.cell_option, request.init)
        chosen = {name: getattr(row, name) for name in FIELDS if name not in own}
        return request.model_copy(update=chosen)

    def describe(self, row: Mapping[Hashable, Any]) -> str:
        """Return how the recipe of a run was tuned; empty if this table did not choose it."""
        rows = [tuned for tuned in self.rows if _tuned_like(tuned, row) and self._may_have_recipe(tuned, row)]
        chosen = next((tuned for tuned in rows if (tuned.lr, tuned.hidden_size) == (row["lr"], row["hidden_size"])), None)
        if chosen is None:
            return ""
        alike = [tuned for tuned in rows if (tuned.grid, tuned.seeds) == (chosen.grid, chosen.seeds)]
        gaps = " ".join(str(gap) for gap in sorted({gap for tuned in alike for gap in tuned.gaps}))
        parts = chosen.grid.split("; ")
        tried = [part for part in parts if len(part.removeprefix("lr ").removesuffix(" units").split()) > 1]  # not the only value
        text = f"chosen from {chosen.candidates} recipes ({'; '.join(tried or parts)}) on pilot seeds {chosen.seeds}"
        budget = "" if row["max_steps"] == chosen.max_steps else f" with a budget of {chosen.max_steps:,} steps"
        return f"{text} at {chosen.axis} {gaps}{budget}"

    def _may_have_recipe(self, tuned: Tuned, row: Mapping[Hashable, Any]) -> bool:
        """Return False if the pilot runs had another version of the recipe than a run.

        A row does not name its recipe. Those of 0.1 had v2, and the default rates are those of v3; any other may have had either.
        """
        is_v2 = row.get("beta2") == RECIPES["v2"]["beta2"]
        if tuned.rnnbench_version.startswith("0.1."):
            return is_v2
        return not is_v2 or self.file != RATES


def tuning_text(table: pd.DataFrame, runs: pd.DataFrame, studies: Iterable[Path]) -> list[str]:
    """Return how each row of the summary of some runs was tuned: on pilot seeds, on the seeds that are shown, or neither on record.

    The :data:`TABLE` of each study and the default rates of the package hold recipes chosen on pilot seeds. A damaged table does
    not hide the results: the text then contains what is wrong with it.
    """
    key = [*CURVE, "gap", *TUNED]
    first = label_curves(count_once(runs)).drop_duplicates(key).set_index(key, drop=False).to_dict("index")
    tunings, damage = [], []
    for file in (study / TABLE for study in studies if (study / TABLE).exists()):
        try:
            tunings.append(Tuning(file))
        except UserError as error:
            damage.append(str(error))
    tunings.append(Tuning(RATES))

    def describe(row: Mapping[Hashable, Any]) -> str:
        if row["rates"] > 1:
            return f"best of {row['rates']} rates on these seeds"
        otherwise = f"unknown, as {'; '.join(damage)}" if damage else "one recipe, no recorded pilot runs"
        run = first[tuple(row[name] for name in key)]
        return next(filter(None, (tuning.describe(run) for tuning in tunings)), otherwise)

    return [describe(row) for row in table.to_dict("records")]


def keep(sweep: SweepRequest, folder: Path) -> None:
    """Copy the table that a sweep names into its study, next to the runs whose recipes it chose."""
    if sweep.tuned is not None and Path(sweep.tuned).resolve() != (folder / TABLE).resolve():
        Table(folder / TABLE, Tuned).update(Tuning(Path(sweep.tuned)).rows)


def recipes(
    rows: Iterable[Tuned],
    task: str,
    cell: str,
    option: Options | None,
    cell_option: Options | None,
    gap: int | None = None,
) -> list[Tuned]:
    """Return the rows for a cell and a task that agree in the given options; without ``gap``, for the task's default gap."""
    task_entry, cell_entry = TASKS.find(task), CELLS.find(cell)
    gap = task_entry.cls.default_gap if gap is None else gap
    names = (task_entry.name, task_entry.source, cell_entry.name, cell_entry.source)
    given = {"gap": run_options(task_entry, option or {}, gap)}
    if length := at_length(task_entry, given["gap"], gap):
        given["length"] = length[1]
    found = [row for row in rows if (row.task, row.task_source, row.cell, row.cell_source) == names and row.axis in given]
    return [row for row in found if _agrees(row.option, given[row.axis]) and _agrees(row.cell_option, cell_option)]


def tuning_of(sweep: SweepRequest) -> Tuning | None:
    """Return the table that a sweep names; raises UserError if the sweep also sets a field that the table decides."""
    if sweep.tuned is None:
        return None
    check_tuned_fields(sweep)
    return Tuning(Path(sweep.tuned))


def check_tuned_fields(sweep: SweepRequest) -> None:
    """Raise UserError if a sweep with a table sets a field that the table decides."""
    for name in FIELDS:
        if getattr(sweep, name) != SweepRequest.model_fields[name].get_default(call_default_factory=True):
            text = f"{{tuned}} and {{{name}}} do not go together: the table decides {', '.join(FIELDS)}; leave out {{{name}}}"
            raise FieldError(text)


def missing_recipes(sweep: SweepRequest, table: Path) -> tuple[list[str], list[str]]:
    """Return the cells and the tasks of a sweep without a recipe in ``table``; those whose own file is broken are left out."""
    rows = Table(table, Tuned).rows()
    cells, tasks = [], []
    for cell, task in product(sweep.cell, sweep.task):
        with contextlib.suppress(PluginError):
            wanted = product(combinations(sweep.option), combinations(sweep.cell_option))
            if not all(recipes(rows, task, cell, *options) for options in wanted):
                cells.append(cell)
                tasks.append(task)
    return list(dict.fromkeys(cells)), list(dict.fromkeys(tasks))


def combinations(options: Mapping[str, object]) -> list[Options]:
    """Return every combination of the values of a sweep's options.

    Example:
        >>> combinations({"rate": [0.1, 0.3], "bias": True})
        [{'rate': 0.1, 'bias': True}, {'rate': 0.3, 'bias': True}]
    """
    values: list[list[Any]] = [as_list(value) for value in options.values()]
    return [dict(zip(options, chosen, strict=True)) for chosen in product(*values)]


def _tuned_like(tuned: Tuned, row: Mapping[Hashable, Any]) -> bool:
    """Return True if a recipe was tuned for the cell, the task, the options, the optimiser and the schedule of a run."""

    def text(name: str, default: str) -> str:
        value = row.get(name)
        return value if isinstance(value, str) and value else default

    names = (text("task", ""), text("task_source", ""), text("cell", ""), text("cell_source", ""), text("init", ""))
    same = names == (tuned.task, tuned.task_source, tuned.cell, tuned.cell_source, tuned.init)
    options = {"cell_option": tuned.cell_option} | ({"option": tuned.option} if tuned.axis == "gap" else {})
    agree = all(_agrees(json.loads(text(name, "{}")), options[name]) for name in options if name in row)
    recipe = (text("optimizer", tuned.optimizer), text("schedule", tuned.schedule))
    return same and agree and recipe == (tuned.optimizer, tuned.schedule)


def _agrees(table: Options, named: dict[str, Option] | None) -> bool:
    return all(str(table.get(key)).lower() == str(value).lower() for key, value in (named or {}).items())
