"""The fields of a run and of a sweep.

:class:`RunRequest` and :class:`SweepRequest` hold the values of flags, of a sweep file or of a Python call. ``None`` stands for a
default that depends on the task, the cell or the gap. :func:`rnnbench._spec.resolve.resolve` turns a request into a :class:`Run`,
which never changes.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Annotated, Any, ClassVar, Literal, TypeVar, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator
from pydantic.fields import FieldInfo

from rnnbench._spec.arguments import plain
from rnnbench._spec.gaps import LARGEST_GAP as LARGEST_GAP
from rnnbench._spec.gaps import gaps_of, gaps_text

T = TypeVar("T")
Option = bool | int | float | str
Options = dict[str, Option]
SeveralOptions = dict[str, Option | list[Option]]

LARGEST_SEED = 2**63 - 1
PILOT_SEEDS = 1000
"""The first seed of pilot runs, which choose recipes and are never reported."""
LARGEST_COUNT = 2**53  # whole numbers that a table keeps exactly
LARGEST_WIDTH = 65_536
MOST_AT_ONCE = 1024  # threads, or processes
MOST_SEQUENCES = 10_000_000
MOST_SEEDS = 10_000
LONGEST_LIST = 100_000
NAME = re.compile(r"[^\w.+-]", re.ASCII)
RUN_ID = re.compile(r"[\w.+-]{1,200}", re.ASCII)

Gap = Annotated[int, Field(ge=0, le=LARGEST_GAP)]
Gaps = Annotated[str, BeforeValidator(gaps_text)]
Seed = Annotated[int, Field(ge=0, le=LARGEST_SEED)]
Width = Annotated[int, Field(ge=1, le=LARGEST_WIDTH)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Limit = Annotated[float, Field(gt=0)]
Horizon = Annotated[float, Field(ge=2.5, le=LARGEST_COUNT, allow_inf_nan=False)]
Budget = Annotated[int, Field(ge=1, le=LARGEST_COUNT)]
Jobs = Annotated[int, Field(ge=1, le=MOST_AT_ONCE)]
Sequences = Annotated[int, Field(ge=1, le=MOST_SEQUENCES)]
Amount = Annotated[float, Field(ge=0, allow_inf_nan=False)]


Role = Literal["axis", "recipe", "speed", "outcome", "machine"]
"""The role of a column in an analysis.

axis: the place of a run in a study. recipe: runs that differ in it are different curves. speed: it changes how fast a run is, and
its numbers only by rounding. outcome: the result of a run. machine: the software and the machine that ran it.
"""
AXIS: dict[str, Any] = {"role": "axis"}
SPEED: dict[str, Any] = {"role": "speed"}


def _device(name: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d{1,3})?", name):
        raise ValueError("cpu, cuda or cuda:N")
    return name


def _protocol(name: str) -> str:
    if not re.fullmatch(r"[\w.-]{0,40}", name, re.ASCII):
        raise ValueError("a name such as atlas-2: at most 40 letters, digits, dots and dashes")
    return name


def file_word(text: str, length: int = 40) -> str:
    """Return text as a part of a file name: letters, digits and ``_.+-`` of it; a text that this changes gets a digest.

    Two texts never give the same word, and no word leaves its folder.
    """
    word = re.sub(r"[^\w.+-]", "_", text)[:length].lstrip(".")
    return word if word == text else f"{word}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}"


def flag(name: str) -> str:
    """Return the flag of a field."""
    return "--" + name.replace("_", "-")


def role_of(field: FieldInfo) -> Role:
    """Return the role of a field of a run: the one that it declares, else ``recipe``."""
    extra = field.json_schema_extra
    return cast(Role, extra["role"]) if isinstance(extra, dict) else "recipe"


HORIZON_PER_GAP = 2.0
"""The default horizon as a multiple of the gap."""
RECURRENT_CLIP, EVAL_ANSWERS = 0.32, 10_240
"""The default limit of dL/dh for cells with a forget gate, and number of scored answers per evaluation."""
RECIPES: dict[str, dict[str, object]] = {
    "v2": {
        "batch_size": 32, "schedule": "linear", "optimizer": "adam", "beta2": 0.99, "clip_norm": 0.1, "recurrent_clip": math.inf,
        "eval_every": 250, "eval_sequences": 1024, "horizon_per_gap": 10.0, "lr": 0.02, "warmup": 0, "weight_decay": 0.0,
    },
    "v3": {
        "batch_size": 32, "schedule": "linear", "optimizer": "adam", "beta2": 0.999, "clip_norm": 0.1,
        "eval_every": 250, "eval_answers": 10_240, "horizon_per_gap": 2.0,
        "warmup": 0, "weight_decay": 0.0,
    },
}  # fmt: skip
"""The defaults by version, today's being v3: a request with ``recipe`` keeps them when a default changes."""


def horizon_of(gap: int, per_gap: float | None = None) -> float:
    """Return the horizon in time steps that is ``per_gap`` times the gap, and at least 20."""
    return max((HORIZON_PER_GAP if per_gap is None else per_gap) * gap, 20.0)


def ordered(cls: type[BaseModel]) -> list[str]:
    """Return the fields of a model in reading order: those of a class before those of its base."""
    names: list[str] = []
    for base in cls.__mro__:
        names += [name for name in getattr(base, "__annotations__", {}) if name in cls.model_fields and name not in names]
    return names


class Recipe(BaseModel):
    """The fields that a request and a run share. Their descriptions are the help texts of the flags."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    batch_size: int = Field(32, ge=1, le=1_000_000, description="Sequences per training step.")
    train_sequences: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="Train on only this many sequences, repeated in one order. 0: fresh ones every step.",
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "linear", description="Learning rate over the budget: constant, or falling to 0 (linear, cosine)."
    )
    optimizer: Literal["adam", "rmsprop", "sgd"] = Field(
        "adam", description="Optimiser: adam (first beta 0.9), rmsprop (decay 0.9) or sgd."
    )
    beta2: float = Field(0.999, ge=0, lt=1, description="Second beta of adam.")
    momentum: float = Field(0.0, ge=0, lt=1, description="Momentum of sgd.")
    nesterov: bool = Field(False, description="Use Nesterov's form of the momentum of sgd.")
    weight_decay: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="Weight decay: decoupled (AdamW) for adam, an L2 penalty for rmsprop and sgd."
    )
    warmup: int = Field(
        0, ge=0, le=LARGEST_COUNT, description="Steps in which the learning rate rises linearly from 0; the schedule follows."
    )
    truncate: int = Field(
        0,
        ge=0,
        le=LARGEST_GAP,
        description="Truncated backpropagation through time: no gradient passes into an earlier chunk of this many steps, counted "
        "from the first input. 0: never.",
    )
    clip_norm: float = Field(0.1, gt=0, description="Gradients are scaled down to this norm. inf: never.")
    eval_every: int = Field(250, ge=1, le=LARGEST_COUNT, description="Optimiser steps from one evaluation to the next.")
    give_up: int | None = Field(
        None, ge=1, le=LARGEST_COUNT, description="Stop a run that was never above chance in this many steps. Default: never."
    )
    layers: int = Field(1, ge=1, le=64, description="Layers of the cell, one on top of the other.")
    block: Literal["bare", "residual"] = Field(
        "bare", description="What each layer is: the bare cell, or a residual block (norm, cell, gated MLP)."
    )
    option: Options = Field(default_factory=dict, description="Option of the task, as key=value; may be given several times.")
    cell_option: Options = Field(default_factory=dict, description="Option of the cell, as key=value; may be given several times.")
    protocol: Annotated[str, AfterValidator(_protocol)] = Field(
        "", description="Name of the protocol that the run belongs to. Tables and figures name it where runs differ in it."
    )
    device: Annotated[str, AfterValidator(_device)] = Field(
        "cpu", description="Device: cpu, cuda or cuda:N.", json_schema_extra=SPEED
    )
    engine: Literal["auto", "scan", "fast", "cudnn", "torch"] = Field(
        "auto",
        description="Engine: scan (the cell's own, all steps at once), fast (compiled, on the CPU), cudnn (torch.nn, on CUDA), "
        "torch (the cell's Python loop), or auto (the first of these that can be used).",
        json_schema_extra=SPEED,
    )
    threads: int = Field(1, ge=1, le=MOST_AT_ONCE, description="CPU threads per run.", json_schema_extra=SPEED)


class Request(Recipe):
    """The optional fields of a request: :func:`rnnbench._spec.resolve.resolve` replaces ``None`` by a default."""

    recipe: Literal["v2", "v3"] | None = Field(None, description="Defaults of a version: v2 (release 0.1) or v3 (today's).")
    recurrent_clip: Limit | None = Field(
        None,
        description="Limit of each element of dL/dh_t at every step of the backward pass, L being the mean loss of one sequence. "
        "inf: no limit. Default: 0.32 for cells with a forget gate, else inf.",
    )
    eval_sequences: int | None = Field(
        None,
        ge=1000,
        le=MOST_SEQUENCES,
        description="Fresh held-out sequences per evaluation (at least 1,000), in place of --eval-answers.",
    )
    eval_answers: int | None = Field(
        None,
        ge=1000,
        le=LARGEST_COUNT,
        description="Scored answers per evaluation (at least 1,000). Default: 10240.",
    )
    train_gaps: Gaps | None = Field(
        None,
        min_length=1,
        description="Train on several gaps, as 1..40 or 5,10,20: every batch has one of them, drawn at random. "
        "The largest one sets the horizon. Default: --gap only.",
    )
    horizon: Horizon | None = Field(
        None,
        description="Time steps that an initialisation such as chrono spreads memory over. Default: "
        "--horizon-per-gap times --gap, at least 20.",
    )
    horizon_per_gap: Rate | None = Field(None, description="Horizon as a multiple of the gap. Default: 2.")
    max_steps: Budget | None = Field(None, description="Training budget, in optimiser steps. Default: the task's own.")
    parameters: int | None = Field(
        None, ge=1, le=10**8, description="Trainable numbers to spend: the width is solved from it, in place of --hidden-size."
    )
    max_hidden_size: Width | None = Field(None, description="Largest width with --parameters. Default: no limit.")

    @model_validator(mode="before")
    @classmethod
    def _fill_recipe(cls, values: Any) -> Any:
        """Fill in the defaults of an earlier recipe; refuse two values for one quantity."""
        if not isinstance(values, dict):
            return values
        values = {name: plain(value) for name, value in values.items()}
        given = {name for name, value in values.items() if value is not None}
        for pair in PAIRS:
            if given.issuperset(pair):
                raise ValueError(f"{{{pair[0]}}} and {{{pair[1]}}} exclude each other: give one of them")
        version = values.get("recipe")
        defaults = RECIPES.get(version, {}) if isinstance(version, str) else {}
        replaced = {name for pair in PAIRS for name in pair if given & set(pair)} - given
        replaced.add("lr")  # resolve() fills it in, as a table of tuned rates may replace it
        return {**{name: value for name, value in defaults.items() if name not in replaced}, **values}


PAIRS = (("horizon", "horizon_per_gap"), ("eval_sequences", "eval_answers"))
"""Fields that say the same in two units."""


class RunRequest(Request):
    """The request of one run."""

    task: str = Field(description="Task: a name from `rnnbench tasks`, or the path of a task file.")
    cell: str = Field(description="Cell: a name from `rnnbench cells`, the path of a cell file, or package.module:Class.")
    gap: Gap | None = Field(
        None, description="Time steps between what must be remembered and the answer. Default: that of the task, mostly 200."
    )
    seed: Seed = Field(0, description="Seed of the initialisation, training and evaluation streams.")
    hidden_size: Width = Field(128, description="Width of the cell, in units.")
    lr: Rate | None = Field(None, description="Learning rate, at the start of its schedule. Default: tuned by cell and task.")
    init: str | None = Field(
        None,
        description="Initialisation: own, uniform, orthogonal, identity, forget-bias, chrono or one of the cell's. "
        "Default: that of the cell.",
    )


AXES = ("cell", "task", "gap", "seed", "hidden_size", "lr", "init")
"""The fields with several values in a sweep."""
PILOTS: dict[str, list[Any]] = {"lr": [0.02, 0.005, 0.001], "seed": [PILOT_SEEDS, PILOT_SEEDS + 1, PILOT_SEEDS + 2]}
"""The rates and seeds of pilot runs that name none."""
NO_PILOTS = ("tuned", "tune", "search_span")
"""The fields of a sweep that a sweep of pilot runs cannot have."""
SWEEP_ONLY = ("cells", "tasks", *NO_PILOTS)
"""The fields of a sweep that its runs do not have."""


def as_list(values: T | Iterable[T]) -> list[T]:
    """Return the items of an iterable, or a list with one item for a text, a class, a table or any other value."""
    if isinstance(values, Iterable) and not isinstance(values, str | bytes | type | Mapping) and getattr(values, "ndim", 1) != 0:
        items = [plain(value) for value in islice(values, LONGEST_LIST + 1)]
        if len(items) > LONGEST_LIST:
            raise ValueError(f"at most {LONGEST_LIST:,} values")
        return cast(list[T], items)
    return [cast(T, plain(values))]


Several = BeforeValidator(as_list)


def several(hint: Any) -> Any:
    """Return the annotation of at least one value, for arguments that are one value or several."""
    return Annotated[list[hint], Several, Field(min_length=1)]


class SweepRequest(Request):
    """The request of a grid of runs: a list for each of :data:`AXES`, one value for every other field.

    A single value is read as a list of one. Without ``gap``, each task has its default gaps. Without ``lr``, each cell has its
    default rate on each task. The init ``default`` is the default of each cell.
    """

    cell: Annotated[list[str], Several] = Field(min_length=1, description="Cells, by name, path or package.module:Class.")
    task: Annotated[list[str], Several] = Field(min_length=1, description="Tasks, by name or path.")
    gap: Annotated[list[Gap], Several] = Field(default_factory=list, min_length=1, description="Gaps. Default: each task's own.")
    seed: Annotated[list[Seed], Several] = Field([0], min_length=1, description="Seeds of the runs.")
    hidden_size: Annotated[list[Width], Several] = Field([128], min_length=1, description="Widths of the cells, in units.")
    lr: Annotated[list[Rate], Several] = Field(
        default_factory=list, min_length=1, description="Learning rates. Default: tuned by cell, task."
    )
    init: Annotated[list[Annotated[str, Field(min_length=1)]], Several] = Field(
        ["default"],
        min_length=1,
        description="Initialisations; `default` is the cell's own, and leaves out pairs that do not fit.",
    )
    option: SeveralOptions = Field(  # type: ignore[assignment]  # a list where a run has one value
        default_factory=dict, description="Option of the task, as key=value or key=first,second; may be given several times."
    )
    cell_option: SeveralOptions = Field(  # type: ignore[assignment]
        default_factory=dict, description="Option of the cell, as key=value or key=first,second; may be given several times."
    )
    tuned: str | None = Field(
        None, description="Table of `rnnbench tune`: every cell and task gets the rate, width and initialisation chosen there."
    )
    tune: str | None = Field(
        None, description="Sweep file of pilot runs: what the table of --tuned lacks is tuned first, and put into it."
    )
    search_span: bool = Field(False, description="Bisect the gaps for the largest one solved, not the whole grid.")
    cells: dict[str, dict[str, object]] = Field(
        default_factory=dict,
        description="Recipes of single cells (sweep file: [cells.NAME]): any field but cell and task; a list is an axis.",
    )
    tasks: dict[str, dict[str, object]] = Field(
        default_factory=dict,
        description="Recipes of single tasks (sweep file: [tasks.NAME]), as for cells; a cell's recipe comes first.",
    )


class RunFields(Recipe):
    """The fields of a resolved run."""

    task: str = Field(description="Task, by name.", json_schema_extra=AXIS)
    task_source: str = Field("", description="Digest of the task's source; empty for a task that comes with rnnbench.")
    cell: str = Field(description="Cell, by name.", json_schema_extra=AXIS)
    cell_source: str = Field("", description="Digest of the cell's source; empty for a cell that comes with rnnbench.")
    gap: Gap = Field(description="Time steps between what must be remembered and the answer.", json_schema_extra=AXIS)
    seed: Seed = Field(description="Seed of the initialisation, training and evaluation streams.", json_schema_extra=AXIS)
    hidden_size: Width = Field(description="Width of the cell, in units.")
    lr: Rate = Field(description="Learning rate, at the start of its schedule.")
    init: str = Field(description="Initialisation; own: what the cell sets itself.")
    horizon: Horizon | None = Field(
        description="Time steps that the initialisation spreads memory over; empty if it has no use for it."
    )
    max_steps: Budget = Field(description="Training budget, in optimiser steps.")
    eval_sequences: int = Field(ge=1, le=MOST_SEQUENCES, description="Fresh held-out sequences per evaluation.")
    recurrent_clip: Limit = Field(
        math.inf,
        description="Limit of each element of dL/dh_t at every step of the backward pass, L being the mean loss of one sequence.",
    )
    train_gaps: Gaps = Field("", description="Gaps of the training sequences, one per batch, as 1..40; empty: only `gap`.")


class Run(RunFields):
    """A run with every default filled in, checked against its task and its cell."""

    SPEED: ClassVar = tuple(name for name, field in RunFields.model_fields.items() if role_of(field) == "speed")
    """The fields that change how fast a run is. They change its numbers only by rounding, and are not part of its identity."""
    LATER: ClassVar[dict[str, object]] = {
        "task_source": "", "cell_source": "", "schedule": "constant", "beta2": 0.99, "layers": 1, "block": "bare",
        "train_sequences": 0, "recurrent_clip": math.inf, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0, "warmup": 0,
        "truncate": 0, "train_gaps": "", "protocol": "",
    }  # fmt: skip
    """The fields added after schema 1, with the value that means "as before": with it they are not part of the identity."""

    @property
    def trained_gaps(self) -> list[int]:
        """The gaps of the training sequences, in ascending order."""
        return gaps_of(self.train_gaps) or [self.gap]

    @property
    def identity(self) -> dict[str, object]:
        """The fields that the numbers of a run depend on."""
        values = self.model_dump(exclude=set(self.SPEED))
        return {name: value for name, value in values.items() if name not in self.LATER or value != self.LATER[name]}

    @property
    def run_id(self) -> str:
        """The name of the run, which is also a file name. It ends with a digest of :attr:`identity`."""
        digest = hashlib.sha256(json.dumps(self.identity, sort_keys=True).encode()).hexdigest()[:10]
        words = (self.task, self.cell, self.init, f"gap{self.gap}", f"seed{self.seed}", digest)
        return "-".join(NAME.sub("_", word)[:40] for word in words)
