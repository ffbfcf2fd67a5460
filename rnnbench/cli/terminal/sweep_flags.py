"""Flags of a sweep: the words of ``rnnbench run``, the axes as comma lists; none has a default, so that a file's value holds."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from rnnbench.cli.terminal.options import COMPLETE, UNITS, comma_list, flag, parse_options, plain
from rnnbench.config import AXES, SweepRequest, ordered

SweepFile = Annotated[Path | None, typer.Argument(help="Sweep file (TOML): the flags' words as keys, lists for several values.")]

EXAMPLES = {"cell": "rnn,lstm", "task": "copy,adding", "gap": "10,20,50", "seed": "0,1,2", "lr": "0.01,0.001"}
EXAMPLES |= {"init": "default,orthogonal", "hidden_size": "32,128"}


def sweep_flags(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command one flag for every field of SweepRequest; it finds their values in ``**flags``."""
    own = inspect.signature(command)
    parameters = [p.replace(kind=p.KEYWORD_ONLY) for p in own.parameters.values() if p.kind is not p.VAR_KEYWORD]
    hints = inspect.get_annotations(command, eval_str=True)
    parameters = [p.replace(annotation=hints.get(p.name, p.annotation)) for p in parameters]
    names = [*AXES, *(name for name in ordered(SweepRequest) if name not in (*AXES, "cells"))]
    parameters += [_parameter(name, SweepRequest.model_fields[name]) for name in names]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what inspect.signature reads
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def sweep_values(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags that were given, as the values that a TOML file would have; raises UserError naming the flag."""
    given = {name: value for name, value in flags.items() if value is not None}
    for name in ("option", "cell_option"):
        if name in given:
            given[name] = parse_options(given[name], flag(name))
    return given | {name: _several(name, given[name]) for name in AXES if name in given}


def _several(name: str, text: str) -> list[Any]:
    kind: Any = {"gap": int, "seed": int, "hidden_size": int, "lr": float}.get(name, str)
    return comma_list(flag(name), text, kind, EXAMPLES[name])


def _parameter(name: str, field: FieldInfo) -> inspect.Parameter:
    default = None if field.default is PydanticUndefined else field.default
    shown = ",".join(map(str, default)) if isinstance(default, list) else default
    info = typer.Option(
        flag(name),
        help=field.description if shown in (None, "") else f"{field.description} Default: {shown}.",
        metavar=EXAMPLES.get(name) or UNITS.get(name),
        autocompletion=COMPLETE.get(name),
    )
    kind = str if name in AXES else plain(field.annotation)
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, info])
