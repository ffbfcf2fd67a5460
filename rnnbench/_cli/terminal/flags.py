"""Flags that several commands share, flags made from the fields of a request, and the parsing of their values."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

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
    SweepRequest,
    flag,
    ordered,
)
from rnnbench._errors import UserError, shorten_repr

if TYPE_CHECKING:
    from rnnbench.task import Task

T = TypeVar("T")

METAVAR = dict.fromkeys(("gap", "horizon", "max_steps", "eval_every", "give_up", "warmup", "truncate"), "STEPS")
METAVAR |= {"hidden_size": "UNITS", "max_hidden_size": "UNITS", "parameters": "COUNT", "eval_answers": "ANSWERS"}
METAVAR |= {"batch_size": "SEQUENCES", "eval_sequences": "SEQUENCES", "search_span": "", "nesterov": ""}
METAVAR |= {"recipe": "v2|v3", "train_gaps": "1..40", "option": "K=V", "cell_option": "K=V", "tuned": "TABLE", "tune": "FILE"}
AXIS_EXAMPLES = {"cell": "rnn,lstm", "task": "copy,adding", "gap": "10,20,50", "seed": "0,1,2", "lr": "0.01,0.001"}
AXIS_EXAMPLES |= {"init": "default,orthogonal", "hidden_size": "32,128"}
"""Example values of a sweep's axes, for help and messages."""


COMMON = {*AXES, "recipe", "max_steps", "batch_size", "option", "cell_option", "device", "tuned", "tune"}
"""The fields whose flags are in the first panel of the help; the others are in the panel "Advanced"."""


Format = StrEnum("Format", ["rich", "markdown", "csv", "latex"])
"""Format of a printed table."""
Style = StrEnum("Style", ["paper", "slide"])
"""Style of a figure."""
Language = StrEnum("Language", ["en", "zh"])
"""Language of figures and texts."""


def complete(*nouns: str) -> Callable[[], list[str]]:
    """Return a function that returns the names of all cells, tasks or both, for shell completion."""

    def names() -> list[str]:
        from rnnbench._plugins.registry import CELLS, TASKS

        return [name for registry in (CELLS, TASKS) if registry.noun in nouns for name in registry.named()]

    return names


def within(low: float, high: float) -> Callable[[typer.CallbackParam, Any], Any]:
    """Return a callback that refuses a number outside of [low, high]; the help shows no range, unlike with Typer's limits."""

    def check(parameter: typer.CallbackParam, value: Any) -> Any:
        if value is not None and not low <= value <= high:
            limit = f"at least {low:,}" if value < low else f"at most {high:,}"
            raise UserError(f"{parameter.opts[0]} must be {limit}, not {shorten_repr(value)}")
        return value

    return check


COMPLETE = {"cell": complete("cell"), "task": complete("task")}

OutFlag = Annotated[Path, typer.Option("--out", help="Study folder for results, logs, checkpoints and weights.")]
DaskFlag = Annotated[
    str | None, typer.Option("--dask", metavar="ADDRESS", help="Address or file of a Dask scheduler that gets the runs.")
]
QuietFlag = Annotated[bool, typer.Option("--quiet", help="Print the result only, no progress.")]
TaskOptionFlag = Annotated[
    list[str] | None, typer.Option("--option", help="Option of the task, as key=value; may be given several times.", metavar="K=V")
]
StudiesArgument = Annotated[
    list[Path] | None,
    typer.Argument(metavar="STUDY", help="Study folders, as given to run --out. Default: results.", show_default=False),
]
StudyFlag = Annotated[Path, typer.Option("--study", help="Study folder that has the runs.")]
OnlyFlag = Annotated[str | None, typer.Option("--only", metavar="TASKS", help="Only these tasks, separated by commas.")]
CellFilterFlag = Annotated[str | None, typer.Option("--cell", metavar="CELLS", help="Only these cells, separated by commas.")]
SweepFilterFlag = Annotated[
    str | None, typer.Option("--sweep", metavar="FILES", help="Only runs of these sweep files, separated by commas.")
]
AllFlag = Annotated[bool, typer.Option("--all", help="All runs of the studies, not only the headline that study.toml names.")]
CellsFlag = Annotated[
    str, typer.Option("--cell", metavar="rnn,lstm", help="Cells, separated by commas.", autocompletion=COMPLETE["cell"])
]
TasksFlag = Annotated[
    str, typer.Option("--task", metavar="beijing,copy", help="Tasks, separated by commas.", autocompletion=COMPLETE["task"])
]
TaskFlag = Annotated[str, typer.Option("--task", help="Task, by name or path.", autocompletion=COMPLETE["task"])]
RunsFlag = Annotated[
    str | None, typer.Option("--run", metavar="RUN_IDS", help="Measure these finished runs instead, separated by commas.")
]
RunCellFlag = Annotated[
    str | None, typer.Option("--cell", metavar="PATH", help="File or package.module:Class of the run's cell, if it is a plug-in.")
]
RunTaskFlag = Annotated[
    str | None, typer.Option("--task", metavar="PATH", help="File or package.module:Class of the run's task, if it is a plug-in.")
]
WidthFlag = Annotated[
    int, typer.Option("--hidden-size", callback=within(1, LARGEST_WIDTH), metavar="UNITS", help="Width of the cells.")
]
GapFlag = Annotated[
    int, typer.Option("--gap", callback=within(0, LARGEST_GAP), metavar="STEPS", help="Time steps between cue and answer.")
]
GapsFlag = Annotated[str, typer.Option("--gap", metavar="10,20,50", help="Gaps, separated by commas.")]
InitFlag = Annotated[str | None, typer.Option("--init", help="Initialisation of all cells. Default: each cell's default.")]
RecipeFlag = Annotated[str | None, typer.Option("--recipe", help="Defaults of a version: v2 (release 0.1) or v3 (today's).")]
SeedFlag = Annotated[int, typer.Option("--seed", callback=within(0, LARGEST_SEED), help="Seed, or the first of several seeds.")]
AxisFlag = Annotated[
    str | None,
    typer.Option("--axis", metavar="OPTION", help="Show this option of the task in place of the gap, as in --axis answers."),
]
StyleFlag = Annotated[
    Style, typer.Option("--style", help="paper, or slide: 16:9, one panel per file, with larger type and thicker lines.")
]
LanguageFlag = Annotated[Language, typer.Option("--language", help="Language: en, or zh for Chinese.")]
FormatFlag = Annotated[
    Format, typer.Option("--format", metavar="FORMAT", help="Format: rich (for the terminal), markdown, csv or latex.")
]
FolderFlag = Annotated[Path, typer.Option("--out", help="Folder for the CSV and the figure.")]
SweepFileArgument = Annotated[
    Path | None, typer.Argument(metavar="FILE", help="Sweep file (TOML): flag names as keys, lists for several values.")
]
JobsFlag = Annotated[
    int | None,
    typer.Option("--jobs", callback=within(1, MOST_AT_ONCE), help="Runs at once on this machine. Default: one per core."),
]
DryRunFlag = Annotated[bool, typer.Option("--dry-run", help="Only print the number of runs and their estimated time.")]
RetryFailedFlag = Annotated[bool, typer.Option("--retry-failed", help="Run failed runs again.")]


def with_flags(
    model: type[Request], without: tuple[str, ...] = (), defaults: Mapping[str, object] = types.MappingProxyType({})
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Add a flag to a command for every field of a request except ``without``; the command receives them as ``**flags``.

    A flag that was not typed is None, so that it does not replace a value of a sweep file or of a recipe. The axes of a sweep are
    comma lists. The help shows the model's defaults, or ``defaults``.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        parameters_of_command = inspect.signature(command).parameters.values()
        hints = inspect.get_annotations(command, eval_str=True)
        names = [*AXES, *(name for name in ordered(model) if name not in AXES)] if model is SweepRequest else ordered(model)
        parameters = [_parameter(model, name, defaults.get(name)) for name in names if name not in ("cells", "tasks", *without)]
        parameters += [
            p.replace(kind=p.KEYWORD_ONLY, annotation=hints.get(p.name, p.annotation))
            for p in parameters_of_command
            if p.kind is not p.VAR_KEYWORD
        ]
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect.signature reads
        command.__annotations__ = {p.name: p.annotation for p in parameters}
        return command

    return decorate


def flag_values(flags: Mapping[str, object]) -> dict[str, object]:
    """Return the values of the flags that were given, options as dicts; raise UserError for a width and a parameter budget."""
    values = {name: value for name, value in flags.items() if value is not None}
    if {"parameters", "hidden_size"} <= values.keys():
        raise UserError("give --hidden-size or --parameters, not both: --parameters determines the width")
    return {name: parse_options(value, flag(name)) if isinstance(value, list) else value for name, value in values.items()}


def sweep_values(flags: Mapping[str, object]) -> dict[str, object]:
    """Return the values of the flags that were given, axes as lists; raise UserError that names the flag."""
    values = flag_values(flags)
    for name in ("option", "cell_option"):
        if name in values:
            options: Any = values[name]
            values[name] = {key: _several(flag(name), key, str(value)) for key, value in options.items()}
    parsers: dict[str, Callable[[str], object]] = {"gap": int, "seed": int, "hidden_size": int, "lr": float}
    return {
        name: comma_list(flag(name), str(value), parsers.get(name, str), AXIS_EXAMPLES[name]) if name in AXES else value
        for name, value in values.items()
    }


def _several(name: str, key: str, text: str) -> str | list[str]:
    """Return the value of an option, or the list of its values if there are commas."""
    return comma_list(f"{name} {key}", text, str, "0.1,0.3") if "," in text else text


def parse_options(texts: list[str] | None, name: str = "--option") -> dict[str, Option]:
    """Return ``["symbols=5"]`` as a dict of texts; the task or cell converts them to the types it declares."""
    options: dict[str, Option] = {}
    for text in texts or []:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UserError(f"{name} takes key=value, as in {name} symbols=5, not {shorten_repr(text)}")
        key = key.strip().replace("-", "_")
        if key in options:
            raise UserError(f"{name} {shorten_repr(key)} is given twice: give it once")
        options[key] = value.strip()
    return options


def comma_list(name: str, text: str, parse: Callable[[str], T], example: str) -> list[T]:
    """Return ``"10,20"`` as a list of parsed values; raise UserError that names the flag."""
    try:
        values = [parse(word.strip()) for word in text.split(",")] if all(map(str.strip, text.split(","))) else []
    except UserError as error:
        raise UserError(f"{name} {error}") from error
    except ValueError:
        values = []
    if not values:
        expected = "names" if parse is str else "whole numbers" if isinstance(parse("0"), int) else "numbers"
        raise UserError(f"{name} takes {expected} separated by commas, as in {name} {example}, not {shorten_repr(text)}")
    return values


def name_list(name: str, text: str) -> list[str]:
    """Return ``"rnn,lstm"`` as a list of names; raise UserError that names the flag."""
    return comma_list(name, text, str, AXIS_EXAMPLES.get(name.removeprefix("--"), "first,second"))


def steps(text: str) -> int:
    """Return a number of time steps, for :func:`comma_list`."""
    if not 0 <= int(text) <= LARGEST_GAP:
        raise UserError(f"takes numbers from 0 to {LARGEST_GAP}, not {text[:40]}")
    return int(text)


def eval_gap_list(text: str | None, task: Task) -> list[int]:
    """Return the gaps of ``--eval-gaps``; raise UserError if the task does not support one of them."""
    gaps = [] if text is None else comma_list("--eval-gaps", text, steps, "10,50,1000")
    for gap in gaps:
        try:
            task.check_gap(gap)
        except ValueError as error:
            raise UserError(f"--eval-gaps: {error}") from error
    return gaps


def amount(text: str) -> float:
    """Return a finite number that is not negative, for :func:`comma_list`."""
    if not 0 <= float(text) < float("inf"):
        raise UserError(f"takes numbers of at least 0, not {text[:40]}")
    return float(text)


def only_with(context: typer.Context, needed: str, *names: str) -> None:
    """Raise UserError if a flag is given that only applies with the flag ``needed``."""
    for name in names:
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise UserError(f"{flag(name)} only applies with {needed}: leave it out, or add {needed}")


def _parameter(model: type[Request], name: str, help_default: object = None) -> inspect.Parameter:
    """Return the parameter of a command for a field of a request."""
    field, in_sweep = model.model_fields[name], model is SweepRequest
    default = None if field.default is PydanticUndefined else field.default
    parsed_type = str if in_sweep and name in AXES else option_type(field.annotation)
    info = typer.Option(
        flag(name),
        help=_help(field, help_default or default),
        metavar=AXIS_EXAMPLES.get(name) if in_sweep and name in AXES else METAVAR.get(name),
        autocompletion=COMPLETE.get(name),
        show_default=False,
        rich_help_panel=None if name in COMMON else "Advanced",
    )
    required = field.is_required() and not in_sweep
    annotation: object = Annotated[parsed_type if required else parsed_type | None, info]
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=inspect.Parameter.empty if required else None, annotation=annotation
    )


def _help(field: FieldInfo, default: object) -> str:
    text = ",".join(map(str, default)) if isinstance(default, list) else default
    described = str(field.description)
    return described if text in (None, "", False) else f"{described.split(' Default: ')[0]} Default: {text}."


def option_type(annotation: object) -> Any:
    """Return the type that Typer parses a field as: Literals are strings, dicts are lists of key=value."""
    if get_origin(annotation) in (Union, types.UnionType):
        one = next(one for one in get_args(annotation) if one is not type(None))
        return get_args(one)[0] if get_origin(one) is Annotated else option_type(one)
    return {dict: list[str], Literal: str}.get(get_origin(annotation), annotation)
