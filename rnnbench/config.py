"""The full description of a run: everything that its numbers depend on, and nothing else."""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, create_model

Option = bool | int | float | str
Engine = Literal["auto", "fast", "torch"]
Optimizer = Literal["adam", "rmsprop", "sgd"]

LARGEST_SEED = 2**63 - 1


class RunConfig(BaseModel):
    """One run. ``None`` stands for a default that depends on the task, the cell or the gap; ``catalog.resolve`` fills it in.

    Field descriptions are the help texts of the flags of the same name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    task: Annotated[str, Field(description="Task: a name from `rnnbench tasks`, or the path of a task file.")]
    cell: Annotated[str, Field(description="Cell: a name from `rnnbench cells`, or the path of a cell file.")]
    gap: Annotated[int, Field(ge=0, description="Time steps between what must be remembered and the answer.")] = 200
    seed: Annotated[
        int, Field(ge=0, le=LARGEST_SEED, description="Seed of the initialisation, training and evaluation streams.")
    ] = 0
    hidden_size: Annotated[int, Field(ge=1, description="Width of the cell, in units.")] = 128
    batch_size: Annotated[int, Field(ge=1, description="Sequences per training step.")] = 32
    lr: Annotated[float, Field(gt=0, allow_inf_nan=False, description="Learning rate.")] = 0.02
    optimizer: Annotated[Optimizer, Field(description="Optimiser: adam (betas 0.9, 0.99), rmsprop (0.9) or sgd.")] = "adam"
    init: Annotated[
        str | None,
        Field(description="Initialisation: own, uniform, orthogonal, identity, forget-bias, chrono; or one of the cell's."),
    ] = None
    horizon: Annotated[
        float | None,
        Field(
            ge=2.5,
            allow_inf_nan=False,
            description="Time steps that an init such as chrono spreads the memory over. Default: 10 x gap, at least 20.",
        ),
    ] = None
    clip_norm: Annotated[float, Field(gt=0, description="Gradients are scaled down to this norm. inf: never.")] = 0.1
    max_steps: Annotated[int | None, Field(ge=1, description="Training budget, in optimiser steps. Default: the task's own.")] = (
        None
    )
    eval_every: Annotated[int, Field(ge=1, description="Optimiser steps from one evaluation to the next.")] = 250
    eval_sequences: Annotated[int, Field(ge=1000, description="Fresh held-out sequences of one evaluation (at least 1,000).")] = (
        1024
    )
    give_up: Annotated[
        int | None,
        Field(ge=1, description="Stop a run that was never above chance in this many steps. Default: never."),
    ] = None
    option: Annotated[dict[str, Option], Field(description="Option of the task, as key=value; may be given several times.")] = (
        Field(default_factory=dict)
    )
    cell_option: Annotated[
        dict[str, Option], Field(description="Option of the cell, as key=value; may be given several times.")
    ] = Field(default_factory=dict)
    device: Annotated[str, Field(description="Device: cpu, cuda or cuda:N.")] = "cpu"
    engine: Annotated[Engine, Field(description="CPU engine: fast (compiled), torch, or auto (fast where it can be used).")] = (
        "auto"
    )
    threads: Annotated[int, Field(ge=1, description="CPU threads of this run.")] = 1

    def identity(self) -> dict[str, Any]:
        """What tells one run from another: every field but ``threads``, which changes no more than rounding."""
        return self.model_dump(exclude={"threads"})

    @property
    def run_id(self) -> str:
        """A readable name, ended by a digest of :meth:`identity`; meant for a resolved config."""
        digest = hashlib.sha256(json.dumps(self.identity(), sort_keys=True).encode()).hexdigest()[:10]
        return "-".join((stem(self.task), stem(self.cell), str(self.init), f"gap{self.gap}", f"seed{self.seed}", digest))


def stem(name: str) -> str:
    """The bare name of a task or cell given by path: ``./mine.py`` is ``mine``."""
    return name.replace("\\", "/").rsplit("/", 1)[-1].removesuffix(".py")


AXES = ("cell", "task", "gap", "seed", "lr", "init")
"""The fields that a sweep takes several values of."""

_Recipe = create_model(  # what a sweep has one value of, exactly as RunConfig declares it
    "_Recipe",
    __config__=RunConfig.model_config,
    **{name: (field.annotation, field) for name, field in RunConfig.model_fields.items() if name not in AXES},  # type: ignore[call-overload]
)
_several = BeforeValidator(lambda value: value if isinstance(value, list) else [value])


class SweepConfig(_Recipe):  # type: ignore[misc, valid-type]  # mypy cannot follow create_model
    """A grid of runs: a list for each of :data:`AXES`, one value for every other field of :class:`RunConfig`.

    A single value stands for a list of one, no gap at all for each task's own gaps, the init ``default`` for each cell's own.
    """

    cell: Annotated[list[str], _several, Field(min_length=1, description="Cells, by name or path.")]
    task: Annotated[list[str], _several, Field(min_length=1, description="Tasks, by name or path.")]
    gap: Annotated[list[Annotated[int, Field(ge=0)]], _several, Field(description="Gaps. Default: each task's own.")] = Field(
        default_factory=list
    )
    seed: Annotated[
        list[Annotated[int, Field(ge=0, le=LARGEST_SEED)]], _several, Field(min_length=1, description="Seeds of the runs.")
    ] = Field(default=[0])
    lr: Annotated[
        list[Annotated[float, Field(gt=0, allow_inf_nan=False)]], _several, Field(min_length=1, description="Learning rates.")
    ] = Field(default=[RunConfig.model_fields["lr"].default])
    init: Annotated[
        list[str],
        _several,
        Field(min_length=1, description="Initialisations; `default` is the cell's own, and leaves out pairs that do not fit."),
    ] = Field(default=["default"])
