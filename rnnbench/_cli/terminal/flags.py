"""Every flag that commands share, and those made from a request, so that a flag, its help and its default are written once."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import typer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from rnnbench._config import (
    AXES,
    LARGEST_GAP,
    LARGEST_SEED,
    LARGEST_WIDTH,
    MOST_AT_ONCE,
    Option,
    Request,
    RunRequest,
    SweepRequest,
    flag,
    ordered,
)
from rnnbench._errors import UserError, shown

T = TypeVar("T")

METAVAR = dict.fromkeys(("gap", "horizon", "max_steps", "eval_every", "give_up"), "STEPS")
METAVAR |= {
    "hidden_size": "UNITS",
    "max_hidden_size": "UNITS",
    "parameters": "COUNT",
    "batch_size": "SEQUENCES",
    "eval_sequences": "SEQUENCES",
}
METAVAR |= {"option": "K=V", "cell_option": "K=V", "tuned": "TABLE", "tune": "FILE", "search_span": ""}
SEVERAL = {"cell": "rnn,lstm", "task": "copy,adding", "gap": "10,20,50", "seed": "0,1,2", "lr": "0.01,0.001"}
SEVERAL |= {"init": "default,orthogonal", "hidden_size": "32,128"}
"""What the axes of a sweep look like."""


class Format(StrEnum):
    """Who will read a table."""

    rich = "rich"
    markdown = "markdown"
    csv = "csv"
    latex = "latex"


class Style(StrEnum):
    """Where a figure will be seen."""

    paper = "paper"
    slide = "slide"


def complete_tasks() -> list[str]:
    from rnnbench._plugins.registry import TASKS

    return list(TASKS.named())


def complete_cells() -> list[str]:
    from rnnbench._plugins.registry import CELLS

    return list(CELLS.named())


def complete_both() -> list[str]:
    return [*complete_cells(), *complete_tasks()]


COMPLETE: dict[str, Callable[[], list[str]]] = {"task": complete_tasks, "cell": complete_cells}

Out = Annotated[Path, typer.Option("--out", help="Study folder: where CSV logs, checkpoints and weights go.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress; the verdict alone.")]
TaskOption = Annotated[list[str] | None, typer.Option("--option", help="Option of the task, as key=value.", metavar="K=V")]
Studies = Annotated[
    list[Path] | None,
    typer.Argument(metavar="STUDY...", help="Study folders, as given to run --out. Default: results.", show_default=False),
]
OneStudy = Annotated[Path, typer.Option("--study", help="Study folder that has the runs.")]
Only = Annotated[str | None, typer.Option("--only", metavar="TASKS", help="Only these tasks, with commas between.")]
Cell = Annotated[str | None, typer.Option("--cell", metavar="CELLS", help="Only these cells, with commas between.")]
Sweeps = Annotated[
    str | None, typer.Option("--sweep", metavar="FILES", help="Only the runs of these sweep files, with commas between.")
]
Cells = Annotated[
    str, typer.Option("--cell", metavar="rnn,lstm", help="Cells, with commas between.", autocompletion=complete_cells)
]
Tasks = Annotated[
    str, typer.Option("--task", metavar="beijing,copy", help="Tasks, with commas between.", autocompletion=complete_tasks)
]
TheTask = Annotated[str, typer.Option("--task", help="Task, by name or path.", autocompletion=complete_tasks)]
Width = Annotated[int, typer.Option("--hidden-size", min=1, max=LARGEST_WIDTH, metavar="UNITS", help="Width of the cells.")]
Gap = Annotated[int, typer.Option("--gap", min=0, max=LARGEST_GAP, metavar="STEPS", help="Time steps between cue and answer.")]
Gaps = Annotated[str, typer.Option("--gap", metavar="10,20,50", help="Gaps, with commas between.")]
Init = Annotated[str | None, typer.Option("--init", help="Initialisation of all cells. Default: each cell's own.")]
Seed = Annotated[int, typer.Option("--seed", min=0, max=LARGEST_SEED, help="Seed; the first one where there are several.")]
StyleOption = Annotated[Style, typer.Option("--style", help="paper, or slide: larger type and thicker lines.")]
FormatOption = Annotated[Format, typer.Option("--format", help="rich for the screen, or markdown, csv, latex.")]
Folder = Annotated[Path, typer.Option("--out", help="Folder for the CSV and the figure.")]
SweepFile = Annotated[Path | None, typer.Argument(help="Sweep file (TOML): the flags' words as keys, lists for several values.")]
Jobs = Annotated[
    int | None, typer.Option("--jobs", min=1, max=MOST_AT_ONCE, help="Runs at once on this machine. Default: one per core.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the number of runs and an estimate of the time; run nothing.")]
RetryFailed = Annotated[bool, typer.Option("--retry-failed", help="Try runs again that failed before.")]


def with_flags(
    model: type[Request], without: tuple[str, ...] = (), defaults: Mapping[str, object] = types.MappingProxyType({})
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command one flag for every field of a request but those ``without``; it finds their values in ``**flags``.

    Flags of a run have its defaults; those of a sweep have none, so that a sweep file's value holds, and its axes are comma lists.
    Their help names the model's defaults, or those given here.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command).parameters.values()
        hints = inspect.get_annotations(command, eval_str=True)
        names = [*AXES, *(name for name in ordered(model) if name not in AXES)] if model is SweepRequest else ordered(model)
        parameters = [_parameter(model, name, defaults.get(name)) for name in names if name not in ("cells", *without)]
        parameters += [
            p.replace(kind=p.KEYWORD_ONLY, annotation=hints.get(p.name, p.annotation)) for p in own if p.kind is not p.VAR_KEYWORD
        ]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect.signature reads
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return decorate


def run_request(flags: Mapping[str, object]) -> RunRequest:
    """The run that flags ask for; raises UserError naming the flag."""
    from rnnbench._spec.request import request

    return request(given(flags), flag)


def sweep_values(flags: Mapping[str, object]) -> dict[str, object]:
    """The flags that were given, as the values that a TOML file would have; raises UserError naming the flag."""
    kinds: dict[str, Callable[[str], object]] = {"gap": int, "seed": int, "hidden_size": int, "lr": float}
    return {
        name: comma_list(flag(name), str(value), kinds.get(name, str), SEVERAL[name]) if name in AXES else value
        for name, value in given(flags).items()
    }


def given(flags: Mapping[str, object]) -> dict[str, object]:
    """The flags that were given, options as dicts."""
    values = {name: value for name, value in flags.items() if value is not None}
    if "parameters" in values and values.get("hidden_size") not in (None, RunRequest.model_fields["hidden_size"].default):
        raise UserError("give --hidden-size or --parameters, not both: a number of parameters chooses the width")
    return {name: parse_options(value, flag(name)) if isinstance(value, list) else value for name, value in values.items()}


def parse_options(texts: list[str] | None, name: str = "--option") -> dict[str, Option]:
    """``["symbols=5"]`` as a dict of texts; the catalog turns them into the types their owner declares."""
    options: dict[str, Option] = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UserError(f"{name} takes key=value, as in {name} symbols=5, not {shown(text)}")
        options[key.strip().replace("-", "_")] = value.strip()
    return options


def comma_list(name: str, text: str, kind: Callable[[str], T], example: str) -> list[T]:
    """``"10,20"`` as a list of ``kind``; raises UserError naming the flag."""
    try:
        values = [kind(word.strip()) for word in text.split(",") if word.strip()]
    except UserError as error:
        raise UserError(f"{name} {error}") from error
    except ValueError:
        values = []
    if not values:
        what = "names" if kind is str else "whole numbers" if isinstance(kind("0"), int) else "numbers"
        raise UserError(f"{name} takes {what} with commas between, as in {name} {example}, not {shown(text)}")
    return values


def steps(text: str) -> int:
    """A number of time steps, for :func:`comma_list`."""
    if not 0 <= int(text) <= LARGEST_GAP:
        raise UserError(f"takes numbers from 0 to {LARGEST_GAP}: it holds {text[:40]}")
    return int(text)


def amount(text: str) -> float:
    """A finite number that is not negative, for :func:`comma_list`."""
    if not 0 <= float(text) < float("inf"):
        raise UserError(f"takes numbers that are not negative: it holds {text[:40]}")
    return float(text)


def only_with(context: typer.Context, needed: str, *names: str) -> None:
    """Refuse flags that mean nothing without the flag ``needed``, which was not given."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UserError(f"{flag(name)} means nothing without {needed}: leave it out, or add that")


def _parameter(model: type[Request], name: str, told: object = None) -> inspect.Parameter:
    field, several = model.model_fields[name], model is SweepRequest
    default = None if field.default is PydanticUndefined else field.default
    kind = str if several and name in AXES else plain(field.annotation)
    info = typer.Option(
        flag(name),
        help=_help(field, told or default) if several else field.description,
        metavar=SEVERAL.get(name) if several and name in AXES else METAVAR.get(name),
        autocompletion=COMPLETE.get(name),
    )
    value: object = None if several else inspect.Parameter.empty if field.is_required() else default
    annotation: object = Annotated[kind if value is not None else kind | None, info]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=annotation)


def _help(field: FieldInfo, default: object) -> str:
    text = ",".join(map(str, default)) if isinstance(default, list) else default
    return str(field.description) if text in (None, "", False) else f"{field.description} Default: {text}."


def plain(annotation: object) -> Any:
    """The type that Typer parses: Literals stay choices, dicts are given as a list of key=value."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    return {dict: list[str], Literal: str}.get(get_origin(annotation), annotation)
