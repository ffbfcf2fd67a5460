"""The table of ``rnnbench tune``: the recipe that each cell got for each task, what was tried for it, and who made it."""

from __future__ import annotations

import contextlib
import csv
import io
import json
from collections.abc import Container, Hashable, Iterable, Mapping
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rnnbench._config import Option, Options, RunRequest, SweepRequest
from rnnbench._errors import PluginError, UserError
from rnnbench._plugins.registry import CELLS, TASKS
from rnnbench._study.atomic import replace

if TYPE_CHECKING:
    import pandas as pd

FIELDS = ("lr", "hidden_size", "init")
"""What is tuned."""
TABLE = "tuning.csv"
"""The table of a study, in its folder."""


class Tuned(BaseModel):
    """A row: what was chosen for one cell, task and gap."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str = Field(description="task, by name")
    task_source: str = Field("", description="digest of the task's source; empty for a task that comes with rnnbench")
    option: Options = Field(description="options of the task")
    cell: str = Field(description="cell, by name")
    cell_source: str = Field("", description="digest of the cell's source; empty for a cell that comes with rnnbench")
    cell_option: Options = Field(description="options of the cell")
    gap: int = Field(description="gap that it was tuned at")
    candidates: int = Field(description="recipes tried, each on every pilot seed")
    grid: str = Field(description="their rates, widths and initialisations")
    seeds: str = Field(description="pilot seeds")
    schedule: str = Field(description="schedule of the learning rate")
    max_steps: int = Field(description="budget of every pilot run, in optimiser steps")
    lr: float = Field(description="chosen learning rate")
    hidden_size: int = Field(description="chosen width")
    init: str = Field(description="chosen initialisation")
    solved: int = Field(description="pilot seeds that solved it with the chosen recipe")
    accuracy: float = Field(description="their median accuracy")
    steps_to_solve: float | None = Field(description="median steps of those that solved it; empty if none did")
    rule: str = Field(description="how the recipe was chosen")
    command: str = Field(description="what was run")
    rnnbench_version: str = Field(description="version of rnnbench")
    torch_version: str = Field(description="version of PyTorch")
    python_version: str = Field(description="version of Python")

    @field_validator("option", "cell_option", mode="before")
    @classmethod
    def _options(cls, value: object) -> object:
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("steps_to_solve", mode="before")
    @classmethod
    def _empty(cls, value: object) -> object:
        return None if value == "" else value

    @property
    def key(self) -> tuple[object, ...]:
        """What it was tuned for; of rows alike in it the last one counts."""
        options = (json.dumps(table, sort_keys=True) for table in (self.option, self.cell_option))
        return self.task, self.task_source, self.cell, self.cell_source, self.gap, *options

    def cells(self) -> dict[str, str]:
        """The row as the texts of a CSV file."""
        values = self.model_dump().items()
        return {k: json.dumps(v, sort_keys=True) if isinstance(v, dict) else "" if v is None else str(v) for k, v in values}


class Tuning:
    """The rows of a file.

    Args:
        file: the table.

    Raises:
        UserError: it is not there, or is no such table; one line with the place.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        try:
            lines = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
        except OSError as error:
            raise UserError(f"cannot read {file}: {error.strerror}; make it with `rnnbench tune`") from error
        except (UnicodeDecodeError, csv.Error) as error:
            raise UserError(f"{file} is no table of `rnnbench tune`: {error}") from error
        found: dict[tuple[object, ...], Tuned] = {}
        for number, line in enumerate(lines, 2):
            try:
                row = Tuned.model_validate(line)
            except (ValidationError, ValueError) as error:
                first = error.errors()[0]["loc"][0] if isinstance(error, ValidationError) else error
                raise UserError(f"{file}, line {number}: no row of `rnnbench tune`, see column {first}") from error
            found.pop(row.key, None)
            found[row.key] = row
        self.rows = list(found.values())

    def find(self, task: str, cell: str, gap: int, option: Options | None = None, cell_option: Options | None = None) -> Tuned:
        """The row for a cell, a task and a gap: tuned at the largest gap that is not above it, else at the smallest there is.

        Args:
            task, cell: as a sweep names them.
            gap: of the run.
            option, cell_option: those that the run names; a row must agree in them.

        Raises:
            UserError: this cell was not tuned for this task.
        """
        rows = recipes(self.rows, task, cell, option, cell_option)
        if not rows:
            names = f"cell {CELLS.find(cell).name} for task {TASKS.find(task).name}"
            raise UserError(f"{self.file} has no recipe of {names}: run `rnnbench tune` for it")
        below = [row for row in rows if row.gap <= gap]
        return max(below, key=lambda row: row.gap) if below else min(rows, key=lambda row: row.gap)

    def apply(self, request: RunRequest, own: Container[str]) -> RunRequest:
        """The request with the recipe chosen for it, but for fields that are the cell's ``own`` in the sweep."""
        row = self.find(request.task, request.cell, request.gap, request.option, request.cell_option)
        chosen = {name: getattr(row, name) for name in FIELDS if name not in own}
        return request.model_copy(update=chosen)

    def told(self, row: Mapping[Hashable, Any]) -> str:
        """The tuning that a row of ``summary.summarise`` received: ``best of 3 recipes (lr 0.02 ...) on ...``.

        Empty for a recipe that this table did not choose.
        """
        rows = [one for one in self.rows if (one.task, one.cell) == (row["task"], row["cell"])]
        if not any((one.lr, one.hidden_size, one.init) == (row["lr"], row["hidden_size"], row["init"]) for one in rows):
            return ""
        gaps = " ".join(str(gap) for gap in sorted({one.gap for one in rows}))
        return f"best of {rows[0].candidates} recipes ({rows[0].grid}) on pilot seeds {rows[0].seeds} at gap {gaps}"


def tuning_text(table: pd.DataFrame, studies: Iterable[Path]) -> list[str]:
    """What tuning every row of a summary received: on pilot seeds, on the very seeds that are shown, or none.

    Args:
        table: of :func:`rnnbench._analysis.summary.summarise`.
        studies: the folders that its runs are from; their :data:`TABLE` says what was chosen on pilot seeds.

    Raises:
        UserError: one of those tables is damaged.
    """
    tunings = [Tuning(study / TABLE) for study in studies if (study / TABLE).exists()]

    def told(row: Mapping[Hashable, Any]) -> str:
        if row["rates"] > 1:
            return f"best of {row['rates']} rates on these seeds"
        return next(filter(None, (tuning.told(row) for tuning in tunings)), "one recipe")

    return [told(row) for row in table.to_dict("records")]


def keep(sweep: SweepRequest, folder: Path) -> None:
    """Copy the table that a sweep names into its study, beside the runs whose recipes it chose."""
    if sweep.tuned is not None and Path(sweep.tuned).resolve() != (folder / TABLE).resolve():
        write(folder / TABLE, Tuning(Path(sweep.tuned)).rows)


def recipes(rows: Iterable[Tuned], task: str, cell: str, option: Options | None, cell_option: Options | None) -> list[Tuned]:
    """The rows for a cell and a task that agree in the options named."""
    tasks, cells = TASKS.find(task), CELLS.find(cell)
    wanted = (tasks.name, tasks.source, cells.name, cells.source)
    found = [row for row in rows if row.key[:4] == wanted]
    return [row for row in found if _agrees(row.option, option) and _agrees(row.cell_option, cell_option)]


def tuning_of(sweep: SweepRequest) -> Tuning | None:
    """The table that a sweep names; raises UserError if the sweep also says what the table decides."""
    if sweep.tuned is None:
        return None
    check_untold(sweep)
    return Tuning(Path(sweep.tuned))


def check_untold(sweep: SweepRequest) -> None:
    """Raise UserError if a sweep with a table says what the table decides."""
    for name in FIELDS:
        if getattr(sweep, name) != SweepRequest.model_fields[name].default:
            raise UserError(f"tuned and {name} do not go together: the table decides {', '.join(FIELDS)}")


def lacking(sweep: SweepRequest, table: Path) -> tuple[list[str], list[str]]:
    """The cells and the tasks of a sweep that ``table`` has no recipe for; those whose own file is at fault are left out."""
    rows = Tuning(table).rows if table.exists() else []
    cells, tasks = [], []
    for cell, task in product(sweep.cell, sweep.task):
        with contextlib.suppress(PluginError):
            if not recipes(rows, task, cell, sweep.option, sweep.cell_option):
                cells.append(cell)
                tasks.append(task)
    return list(dict.fromkeys(cells)), list(dict.fromkeys(tasks))


def write(file: Path, rows: Iterable[Tuned]) -> None:
    """Put rows into a table, in the place of earlier ones for the same cell, task and gap; the file is whole at any moment."""
    earlier = Tuning(file).rows if file.exists() else []
    every = {row.key: row for row in (*earlier, *rows)}
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Tuned.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.cells() for row in every.values())
    file.parent.mkdir(parents=True, exist_ok=True)
    replace(file, text.getvalue().encode())


def _agrees(table: Options, named: dict[str, Option] | None) -> bool:
    return all(str(table.get(key)).lower() == str(value).lower() for key, value in (named or {}).items())
