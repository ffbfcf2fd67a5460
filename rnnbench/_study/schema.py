"""The tables of a study: every column described once, and one typed way between a row and the text of a CSV file.

The description of a field is what the README's table, the report and the help say of that column.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from functools import cache
from types import NoneType
from typing import Annotated, ClassVar, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rnnbench._config import LARGEST_COUNT, Run, RunFields, ordered
from rnnbench._errors import shown, wanted
from rnnbench._version import __version__

SCHEMA = 2
"""Version of the layout; raised whenever a column changes its name or meaning. migrations.py reads older ones."""

Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]


class Record(BaseModel):
    """A row of a table. Columns that this version does not know are kept as text."""

    model_config = ConfigDict(frozen=True, extra="allow")

    schema_: int = Field(default=SCHEMA, alias="schema", description="version of the file layout")
    run_id: str = Field(description="name of the run: its task, cell, initialisation, gap, seed and a digest of its identity")

    KEY: ClassVar[tuple[str, ...]] = ("run_id",)
    """The columns that tell rows apart; of rows alike in them the last one counts."""

    @classmethod
    @cache
    def columns(cls) -> dict[str, str]:
        """Every column with its meaning."""
        return {field.alias or name: str(field.description) for name, field in cls.model_fields.items()}

    @classmethod
    @cache
    def _optional(cls) -> frozenset[str]:
        return frozenset(name for name, field in cls.model_fields.items() if NoneType in get_args(field.annotation))

    @classmethod
    def parse(cls, cells: Mapping[str, str]) -> Self:
        """The row that these cells stand for; raises ValueError that names the column and what it holds."""
        optional = cls._optional()
        try:
            return cls.model_validate({name: None if text == "" and name in optional else text for name, text in cells.items()})
        except ValidationError as error:
            first = error.errors()[0]
            column = str(first["loc"][0])
            if first["type"] == "missing":
                raise ValueError(f"column {column} is missing") from error
            raise ValueError(f"column {column} holds {shown(first['input'])}, which is not {wanted(first)}") from error

    def cells(self) -> dict[str, str]:
        """The row as the texts of a CSV file."""
        return {name: _text(value) for name, value in self.values().items()}

    def values(self) -> dict[str, object]:
        """The row as plain values, tables of options as JSON."""
        values = self.model_dump(by_alias=True)
        values = {name: values[name] for name in self.columns()} | values
        return {name: json.dumps(value, sort_keys=True) if isinstance(value, dict) else value for name, value in values.items()}

    @property
    def key(self) -> tuple[object, ...]:
        """The values of :attr:`KEY`."""
        return tuple(getattr(self, name) for name in self.KEY)


def _text(value: object) -> str:
    return "" if value is None else str(value)


class Row(Record):
    """One evaluation of one run: a row of its log."""

    KEY = ("run_id", "step", "status")

    task: str = Field(description="task, by name")
    cell: str = Field(description="cell, by name")
    init: str = Field(description="initialisation")
    gap: Count = Field(description="time steps between what must be remembered and the answer")
    seed: int = Field(description="seed of the run")
    step: Count = Field(description="optimiser steps taken")
    sequences: Count = Field(description="training sequences seen")
    train_loss: float = Field(description="mean training loss per scored answer since the row before (nats; adding: squared error)")
    eval_loss: float = Field(description="loss per scored answer on held-out sequences (nats; adding: squared error)")
    accuracy: float = Field(
        description="share of the scored answers of held-out sequences that are right (adding: off by less than 0.04)"
    )
    chance_accuracy: float = Field(description="accuracy of the best memoryless predictor, in closed form")
    skill: float = Field(description="(accuracy - chance) / (1 - chance)")
    grad_norm: float = Field(
        description="mean norm of the whole gradient before clipping, since the row before; overflowed ones left out"
    )
    wall_s: float = Field(description="seconds of training and evaluation so far, interruptions left out")
    train_s: float | None = Field(None, description="seconds of training alone so far; empty in rows of schema 1")
    status: str = Field(
        description="running, solved (accuracy >= 0.99 twice in a row), unsolved (budget used up), diverged (loss NaN or inf, or "
        "100 gradients in a row), gave-up (never above chance by step give_up), interrupted"
    )


class Outcome(BaseModel):
    """What came of a run."""

    model_config = ConfigDict(frozen=True, extra="allow")

    status: str = Field(description=str(Row.model_fields["status"].description))
    steps_to_solve: Count | None = Field(
        description="optimiser steps at the first of the two evaluations that solved it; empty if unsolved"
    )
    step: Count = Field(description=str(Row.model_fields["step"].description))
    sequences: Count = Field(description=str(Row.model_fields["sequences"].description))
    train_loss: float = Field(description=str(Row.model_fields["train_loss"].description))
    eval_loss: float = Field(description=str(Row.model_fields["eval_loss"].description))
    accuracy: float = Field(description=str(Row.model_fields["accuracy"].description))
    answers: Count = Field(description="scored answers that accuracy is counted over")
    chance_accuracy: float = Field(description=str(Row.model_fields["chance_accuracy"].description))
    chance_loss: float = Field(description="loss of the best memoryless predictor, in closed form")
    skill: float = Field(description=str(Row.model_fields["skill"].description))
    grad_norm: float = Field(description=str(Row.model_fields["grad_norm"].description))
    parameters: Count = Field(description="trainable numbers of cell and readout")
    state_size: int | None = Field(
        None, description="numbers that a sequence carries from step to step; -1: grows with it; empty in rows of schema 1"
    )
    wall_s: float = Field(description=str(Row.model_fields["wall_s"].description))
    train_s: float | None = Field(None, description=str(Row.model_fields["train_s"].description))


class Machine(BaseModel):
    """What made a run."""

    model_config = ConfigDict(frozen=True, extra="allow")

    rnnbench_version: str = Field(description="version of rnnbench")
    torch_version: str = Field(description="version of PyTorch")
    python_version: str = Field(description="version of Python")
    machine: str = Field(description="processor architecture and operating system")


def this_machine() -> dict[str, str]:
    """The values of :class:`Machine` here and now."""
    import torch

    return {
        "rnnbench_version": __version__,
        "torch_version": torch.__version__,
        "python_version": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}",
    }


class RunRecord(Machine, Outcome, RunFields, Record):
    """A finished run: a row of ``runs.csv``, with the whole run, its outcome and what made it."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=False)

    @field_validator("option", "cell_option", mode="before")
    @classmethod
    def _options(cls, value: object) -> object:
        return json.loads(value) if isinstance(value, str) else value

    @classmethod
    @cache
    def columns(cls) -> dict[str, str]:
        """Every column with its meaning: the run, what came of it, what made it."""
        names = ["run_id", *ordered(RunFields), *Outcome.model_fields, *Machine.model_fields]
        return {"schema": str(Record.model_fields["schema_"].description)} | {
            name: str(cls.model_fields[name].description) for name in names
        }

    @property
    def run(self) -> Run:
        """The run that this row tells of."""
        return Run.model_validate({name: getattr(self, name) for name in RunFields.model_fields})


class Failure(Record):
    """A run that came to no verdict: a row of ``failed.csv``."""

    task: str = Field(description="task, by name")
    cell: str = Field(description="cell, by name")
    init: str = Field(description="initialisation")
    gap: Count = Field(description="time steps between what must be remembered and the answer")
    seed: int = Field(description="seed of the run")
    lr: float = Field(description="learning rate")
    hidden_size: Count = Field(description="width of the cell, in units")
    reason: str = Field(description="why it came to no verdict")
    exit_code: int | None = Field(description="exit code of its process, if it had one of its own")
    last_tried: str = Field(description="when it was last tried (UTC)")


class Extrapolation(Record):
    """A finished run, measured at another gap: a row of ``extrapolation.csv``."""

    KEY = ("run_id", "eval_gap")

    task: str = Field(description="task, by name")
    cell: str = Field(description="cell, by name")
    init: str = Field(description="initialisation")
    gap: Count = Field(description="gap that the run was trained at, in time steps")
    seed: int = Field(description="seed of the run")
    status: str = Field(description="status of the run")
    eval_gap: Count = Field(description="gap of the sequences that the finished run was measured on (`run --eval-gaps`)")
    accuracy: float = Field(description=str(Row.model_fields["accuracy"].description))
    eval_loss: float = Field(description=str(Row.model_fields["eval_loss"].description))
    answers: Count = Field(description=str(Outcome.model_fields["answers"].description))
    chance_accuracy: float = Field(description=str(Row.model_fields["chance_accuracy"].description))
