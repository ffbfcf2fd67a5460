"""The tables of a study: every column once, with its type, meaning and role.

A field's description is the text for that column in results/README.md, in the report and in the help. Its role
(:data:`rnnbench._config.Role`) decides which runs are one curve, and which rows are copies of one run.
"""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from rnnbench._config import LARGEST_COUNT, RUN_ID, Options, Rate, Role, Run, RunFields, Seed, Width, ordered, role_of
from rnnbench._study.record import Record
from rnnbench._version import __version__

SCHEMA = 2
"""Version of the layout. It rises when a column changes its name or meaning; migrations.py reads older ones.

A new column does not need a new number: rows without it hold its default, and older versions keep it as an unknown column.
"""

Count = Annotated[int, Field(ge=0, le=LARGEST_COUNT)]
Share = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Answers = Annotated[Count, Field(description="scored answers that accuracy is counted over")]


def checked_run_id(text: str) -> str:
    """Return a run_id, which is also a file name; raise ValueError for any other text, which could name a file elsewhere."""
    if not RUN_ID.fullmatch(text):
        raise ValueError("a run_id: letters, digits and _.+-")
    return text


def checked_gaps(text: str) -> str:
    """Return the gaps of a recipe; raise ValueError for any other text."""
    if not re.fullmatch("[0-9]{1,15}( [0-9]{1,15})*", text):
        raise ValueError("gaps separated by spaces, such as 10 50")
    return text


class RunRow(Record):
    """The columns that name a run in every table of a study."""

    KEY: ClassVar[tuple[str, ...]] = ("run_id",)

    schema_: int = Field(default=SCHEMA, alias="schema", description="version of the file layout")
    run_id: Annotated[str, AfterValidator(checked_run_id)] = Field(
        description="name of the run: its task, cell, initialisation, gap, seed and a digest of its identity"
    )

    @classmethod
    def of(cls, run: Run, **values: object) -> Self:
        """Return the row of a run: the fields shared with the run, and ``values``."""
        shared = {name: getattr(run, name) for name in cls.model_fields if hasattr(run, name)}
        return cls.model_validate(shared | values)


class NamedRunRow(RunRow):
    """The columns of a run in tables that do not hold its whole recipe."""

    task: str = Field(description="task, by name")
    cell: str = Field(description="cell, by name")
    init: str = Field(description="initialisation")
    gap: Count = Field(description="time steps between what must be remembered and the answer")
    seed: Seed = Field(description="seed of the run")


class Accuracy(BaseModel):
    """The result of an evaluation on held-out sequences."""

    eval_loss: float = Field(description="loss per scored answer on held-out sequences (nats; adding: squared error)")
    accuracy: Share = Field(
        description="share of the scored answers of held-out sequences that are right (adding: off by less than 0.04)"
    )
    chance_accuracy: Share = Field(description="accuracy of the best memoryless predictor, in closed form")


class Evaluation(Accuracy):
    """The state of a run at an evaluation: the columns that a row of the log and a finished run share."""

    step: Count = Field(description="optimiser steps taken")
    sequences: Count = Field(description="training sequences seen")
    train_loss: float = Field(description="mean training loss per scored answer since the row before (nats; adding: squared error)")
    skill: float = Field(description="(accuracy - chance) / (1 - chance)")
    grad_norm: float = Field(
        description="mean norm of the whole gradient before clipping, since the row before; without gradients that overflowed"
    )
    wall_s: Seconds = Field(description="seconds of training and evaluation so far, without interruptions")
    train_s: Seconds | None = Field(None, description="seconds of training so far, without evaluation; empty in rows of schema 1")
    status: Literal["running", "solved", "unsolved", "diverged", "gave-up", "interrupted"] = Field(
        description="running, solved (accuracy >= 0.99 twice in a row), unsolved (budget used up), diverged (loss NaN or inf, or "
        "100 gradients in a row), gave-up (never above chance by step give_up), interrupted"
    )


class Row(Evaluation, NamedRunRow):
    """One evaluation of one run: a row of its log."""

    KEY = ("run_id", "step", "status")

    @field_validator("accuracy", mode="wrap")
    @classmethod
    def _not_evaluated(cls, value: float | str, check: Callable[[float | str], float]) -> float:
        """Accept NaN, which the row of an interruption has: no evaluation was made there."""
        return math.nan if str(value) == "nan" else check(value)


class Outcome(Evaluation):
    """The result of a run."""

    steps_to_solve: Count | None = Field(
        description="optimiser steps at the first of the two evaluations that solved it; empty if unsolved"
    )
    answers: Answers
    chance_loss: float = Field(description="loss of the best memoryless predictor, in closed form")
    parameters: Count = Field(description="trainable numbers of cell and readout")
    state_size: int | None = Field(
        None,
        description="numbers that a sequence carries from step to step; -1: grows with the sequence; empty in rows of schema 1",
    )


class Machine(BaseModel):
    """The software and the machine that ran a run."""

    rnnbench_version: str = Field(description="version of rnnbench")
    torch_version: str = Field(description="version of PyTorch")
    python_version: str = Field(description="version of Python")
    machine: str = Field(description="processor architecture and operating system")
    cpu: str = Field("", description="model of the CPU; empty if unknown, and in rows of earlier versions")


def this_machine() -> dict[str, str]:
    """Return the values of :class:`Machine` for this process."""
    import torch

    return {
        "rnnbench_version": __version__,
        "torch_version": torch.__version__,
        "python_version": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}",
        "cpu": cpu_model(),
    }


@cache
def cpu_model(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """Return the model of the CPU, such as ``AMD EPYC 7B13 (family 25, model 1, stepping 1)``; empty if it is not reported.

    Virtual machines often have a generic name, so the numbers count as well.
    """
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:  # not Linux
        return " ".join(platform.processor().split())
    about: dict[str, str] = {}
    for name, _, value in (line.partition(":") for line in lines):
        about.setdefault(name.strip(), " ".join(value.split()))
    numbers = {"family": "cpu family", "model": "model", "stepping": "stepping"}
    known = ", ".join(f"{word} {about[name]}" for word, name in numbers.items() if name in about)
    return " ".join(filter(None, (about.get("model name", ""), known and f"({known})")))


class RunRecord(Machine, Outcome, RunFields, RunRow):
    """A finished run: a row of ``runs.csv``, with the whole run, its outcome and the machine."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=False)

    @classmethod
    @cache
    def columns(cls) -> dict[str, str]:
        """Return every column with its description: the run, its outcome, the machine."""
        names = ["run_id", *ordered(RunFields), *Outcome.model_fields, *Machine.model_fields]
        return {"schema": str(RunRow.model_fields["schema_"].description)} | {
            name: str(cls.model_fields[name].description) for name in names
        }

    @property
    def run(self) -> Run:
        """The run of this row."""
        return Run.model_validate({name: getattr(self, name) for name in RunFields.model_fields})


ROLES: dict[str, Role] = {
    **{name: role_of(field) for name, field in RunFields.model_fields.items()},
    **dict.fromkeys(("schema", "run_id", *Outcome.model_fields), "outcome"),
    **dict.fromkeys(Machine.model_fields, "machine"),
}
"""The role of every column of ``runs.csv``. A column that is not here is unknown: it is kept, and no analysis reads it."""


class Failure(NamedRunRow):
    """A run that failed before it had a result: a row of ``failed.csv``."""

    lr: float = Field(description="learning rate")
    hidden_size: Count = Field(description="width of the cell, in units")
    reason: str = Field(description="why it has no result")
    exit_code: int | None = Field(description="exit code of its process, if it ran in a separate one")
    last_tried: str = Field(description="when it was last tried (UTC)")


class Extrapolation(Accuracy, NamedRunRow):
    """A finished run, measured at another gap: a row of ``extrapolation.csv``."""

    KEY = ("run_id", "eval_gap")

    gap: Count = Field(description="gap of the run, in time steps")
    train_gaps: str = Field("", description="gaps that it was trained at, as 1..40; empty: only its gap")
    status: str = Field(description="status of the run")
    eval_gap: Count = Field(description="gap of the sequences that the finished run was measured on (`run --eval-gaps`)")
    answers: Answers


class Tuned(Record):
    """The recipe chosen on pilot seeds for a cell, a task and an initialisation: a row of ``tuning.csv`` and of the default rates.

    Tables of earlier versions have a row per gap.
    """

    KEY = ("task", "task_source", "cell", "cell_source", "gap", "option", "cell_option", "init", "optimizer")

    task: str = Field(description="task, by name")
    task_source: str = Field("", description="digest of the task's source; empty for a task that comes with rnnbench")
    option: Options = Field(description="options of the task")
    cell: str = Field(description="cell, by name")
    cell_source: str = Field("", description="digest of the cell's source; empty for a cell that comes with rnnbench")
    cell_option: Options = Field(description="options of the cell")
    gap: Annotated[str, AfterValidator(checked_gaps)] = Field(description="gaps that it was tuned over, separated by spaces")
    axis: Literal["gap", "length"] = Field("gap", description="what gap has: length where the task varies it at one gap")
    candidates: int = Field(description="recipes tried, each on every pilot seed")
    grid: str = Field(description="their rates, widths and initialisations")
    seeds: str = Field(description="pilot seeds")
    optimizer: str = Field("adam", description="optimiser")
    schedule: str = Field(description="schedule of the learning rate")
    max_steps: int = Field(description="budget of every pilot run, in optimiser steps")
    lr: Rate = Field(description="chosen learning rate")
    hidden_size: Width = Field(description="chosen width")
    init: str = Field(description="initialisation; in rows of earlier versions the one chosen")
    learned: Literal["", "learned", "none learned"] = Field(
        "", description="none learned if the best mean skill is that of chance; empty in rows of earlier versions"
    )
    skill: float | None = Field(None, description="mean skill of the chosen recipe; empty in rows of earlier versions")
    solved: int = Field(description="pilot runs with the chosen recipe that solved it")
    accuracy: float = Field(description="their median accuracy")
    steps_to_solve: float | None = Field(description="median steps of the pilot runs that solved it; empty if none did")
    rule: str = Field(description="rule of choice")
    command: str = Field(description="command that was run")
    rnnbench_version: str = Field(description="version of rnnbench")
    torch_version: str = Field(description="version of PyTorch")
    python_version: str = Field(description="version of Python")

    @property
    def tuned_for(self) -> tuple[object, ...]:
        """The key without the gaps: tuning over other gaps replaces the row."""
        return tuple(value for name, value in zip(self.KEY, self.key, strict=True) if name != "gap")

    @property
    def gaps(self) -> list[int]:
        """The gaps that it was tuned over, in time steps."""
        return [int(gap) for gap in self.gap.split()]
