"""From Python's values to a request: a name, a path, a class or an instance for a cell and a task; any field as a keyword."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from rnnbench.catalog import CELLS, TASKS, C, Registry
from rnnbench.cell import Layer
from rnnbench.config import Option, RunRequest
from rnnbench.errors import UserError, mistake
from rnnbench.task import Task

CellLike = str | Path | type[Layer] | Layer
TaskLike = str | Path | type[Task] | Task


def request(values: Mapping[str, object], name: Callable[[str], str] = str) -> RunRequest:
    """A request of plain values, classes and instances.

    Args:
        values: by field of :class:`RunRequest`; ``cell`` and ``task`` may be classes or instances, whose options are taken along.
        name: how a message calls a field.

    Raises:
        UserError: a value is not what its field takes; one sentence that names the field.

    Example:
        >>> request({"cell": "gru", "task": "beijing", "lr": 1}).lr
        1.0
    """
    asked = dict(values)
    for word, options, spec in (
        ("cell", "cell_option", spec_of(CELLS, asked.get("cell"))),
        ("task", "option", spec_of(TASKS, asked.get("task"))),
    ):
        given = asked.get(options) or {}
        if spec:
            asked[word] = spec[0]
        if spec and spec[1] and isinstance(given, Mapping):
            asked[options] = spec[1] | dict(given)
    try:
        return RunRequest.model_validate(asked)
    except ValidationError as error:
        raise UserError(mistake(error, name, RunRequest.model_fields)) from error


def spec_of(registry: Registry[C], wanted: object) -> tuple[str, dict[str, Option]] | None:
    """How the registry knows a name, path, class or instance, and the options of an instance: its attributes of their names."""
    if wanted is None:
        return None
    if isinstance(wanted, str | Path):
        return str(wanted), {}
    kind = wanted if isinstance(wanted, type) else type(wanted)
    spec = registry.offer(kind).spec
    if isinstance(wanted, type):
        return spec, {}
    names = [name for name in inspect.signature(kind).parameters if name not in ("input_size", "hidden_size")]
    if missing := [name for name in names if not hasattr(wanted, name)]:
        raise UserError(f"{kind.__name__} keeps no attribute {missing[0]!r}: give the class, and its options as cell_option")
    return spec, {name: getattr(wanted, name) for name in names}
