"""Flags made from RunRequest, so that a flag, its help and its default are written once; and values turned back into one."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from rnnbench.config import LARGEST_GAP, Option, RunRequest, ordered
from rnnbench.errors import UserError, mistake, shown

Out = Annotated[Path, typer.Option("--out", help="Study folder: where CSV logs, checkpoints and weights go.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="No progress; the verdict alone.")]
TaskOption = Annotated[list[str] | None, typer.Option("--option", help="Option of the task, as key=value.", metavar="K=V")]

UNITS = {
    "gap": "STEPS",
    "horizon": "STEPS",
    "max_steps": "STEPS",
    "eval_every": "STEPS",
    "hidden_size": "UNITS",
    "parameters": "COUNT",
}
UNITS |= {"give_up": "STEPS", "batch_size": "SEQUENCES", "eval_sequences": "SEQUENCES", "option": "K=V", "cell_option": "K=V"}


def config_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one flag for every field of RunRequest; it finds their values in ``**flags``."""
    own = inspect.signature(command)
    parameters = [_parameter(name, RunRequest.model_fields[name]) for name in ordered(RunRequest)]
    parameters += [p.replace(kind=p.KEYWORD_ONLY) for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    hints = inspect.get_annotations(command, eval_str=True)
    parameters = [p.replace(annotation=hints.get(p.name, p.annotation)) for p in parameters]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect.signature reads
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def run_request(flags: dict[str, Any]) -> RunRequest:
    """The request that the flags mean; raises UserError naming the flag."""
    values = {name: value for name, value in flags.items() if value is not None}
    for name in ("option", "cell_option"):
        values[name] = parse_options(values.get(name), flag(name))
    return checked(values)


def checked(values: dict[str, Any]) -> RunRequest:
    """A RunRequest of these values; raises UserError naming the flag."""
    try:
        return RunRequest.model_validate(values)
    except ValidationError as error:
        raise UserError(mistake(error, flag, RunRequest.model_fields)) from error


def parse_options(given: list[str] | None, name: str = "--option") -> dict[str, Option]:
    """``["symbols=5"]`` as a dict of texts; the catalog turns them into the types their owner declares."""
    options: dict[str, Option] = {}
    for text in given or []:
        key, equals, value = text.partition("=")
        if not (key and equals):
            raise UserError(f"{name} takes key=value, as in {name} symbols=5, not {shown(text)}")
        options[key.strip().replace("-", "_")] = value.strip()
    return options


def comma_list(name: str, text: str, kind: Callable[[str], Any], example: str) -> list[Any]:
    """``"10,20"`` as a list of ``kind``; raises UserError naming the flag."""
    try:
        values = [kind(word.strip()) for word in text.split(",") if word.strip()]
    except ValueError:
        values = []
    if not values:
        what = {int: "whole numbers", float: "numbers"}.get(type(kind("0")), "names")
        raise UserError(f"{name} takes {what} with commas between, as in {name} {example}, not {shown(text)}")
    return values


def steps(text: str) -> int:
    """A number of time steps, for :func:`comma_list`."""
    if not 0 <= int(text) <= LARGEST_GAP:
        raise ValueError
    return int(text)


def flag(name: str) -> str:
    """The flag of a field."""
    return "--" + name.replace("_", "-")


def complete_tasks() -> list[str]:
    from rnnbench.catalog import TASKS

    return list(TASKS.named())


def complete_cells() -> list[str]:
    from rnnbench.catalog import CELLS

    return list(CELLS.named())


COMPLETE: dict[str, Callable[[], list[str]]] = {"task": complete_tasks, "cell": complete_cells}


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    kind = plain(field.annotation)
    required = field.is_required()
    default = None if field.default is PydanticUndefined else field.default
    info = typer.Option(
        flag(name),
        help=field.description,
        metavar=UNITS.get(name),
        show_default=not isinstance(default, str) or default != "",
        autocompletion=COMPLETE.get(name),
    )
    annotation: Any = Annotated[kind if required or default is not None else kind | None, info]
    empty = inspect.Parameter.empty
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=empty if required else default, annotation=annotation)


def plain(annotation: Any) -> Any:
    """The type that Typer parses: Literals stay choices, dicts are given as a list of key=value."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(kind for kind in get_args(annotation) if kind is not type(None))
    if get_origin(annotation) is dict:
        return list[str]
    if get_origin(annotation) is Literal:
        return str
    return annotation
