"""The conversion of Python values into a request: a cell and a task may be a name, a path, a class or an instance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import ValidationError
from torch import nn

from rnnbench._cell import Layer
from rnnbench._config import Option, RunRequest, several
from rnnbench._errors import UserError, validation_message
from rnnbench._plugins.options import SIZES, parameters_of
from rnnbench._plugins.registry import CELLS, TASKS, C, Registry
from rnnbench._spec.arguments import CheckedAs, instance_of
from rnnbench._spec.instances import check_as_built
from rnnbench.task import Task

LIKE = "a name, the path of a file, a class or an instance"
IsCell, IsTask = (instance_of(LIKE, str, Path, type, base) for base in (nn.Module, Task))
CellLike = Annotated[str | Path | type[Layer] | Layer, IsCell]
TaskLike = Annotated[str | Path | type[Task] | Task, IsTask]
CellsLike = Annotated[CellLike | Iterable[CellLike], CheckedAs(several(Annotated[Any, IsCell]))]
TasksLike = Annotated[TaskLike | Iterable[TaskLike], CheckedAs(several(Annotated[Any, IsTask]))]


def request(values: Mapping[str, object], name: Callable[[str], str] = str) -> RunRequest:
    """Build a request from values by field: plain ones, and classes or instances, whose options become part of the request.

    A wrong value raises UserError; ``name`` maps a field to its name in messages, such as ``--hidden-size``.

    Example:
        >>> request({"cell": "gru", "task": "beijing", "lr": 1}).lr
        1.0
    """
    fields = dict(values)
    if isinstance(fields.get("cell"), Layer) and fields.get("parameters") is None:
        fields.setdefault("hidden_size", fields["cell"].hidden_size)  # type: ignore[attr-defined]  # of an instance
    for word, options, spec in (
        ("cell", "cell_option", spec_of(CELLS, fields.get("cell"))),
        ("task", "option", spec_of(TASKS, fields.get("task"))),
    ):
        given = {} if fields.get(options) is None else fields[options]
        if spec:
            fields[word] = spec[0]
        if spec and spec[1] and isinstance(given, Mapping):
            fields[options] = spec[1] | dict(given)
    try:
        return RunRequest.model_validate(fields)
    except ValidationError as error:
        raise UserError(validation_message(error, name, RunRequest.model_fields)) from None


def spec_of(registry: Registry[C], value: object) -> tuple[str, dict[str, Option]] | None:
    """Return the registry's name of a name, path, class or instance, and the options of an instance."""
    if value is None:
        return None
    if isinstance(value, str | Path):
        return str(value), {}
    cls = value if isinstance(value, type) else type(value)
    spec = registry.register(cls).spec
    return spec, options_of(value) if isinstance(value, Layer | Task) else {}


def options_of(value: Layer | Task) -> dict[str, Option]:
    """Return the options of an instance: its attributes of the same names. Raise UserError if anything else of it was changed."""
    cls = type(value)
    names = parameters_of(cls, SIZES if isinstance(value, Layer) else 0)
    advice = f"pass the class and {'cell_option' if isinstance(value, Layer) else 'option'}={{...}}"
    for name in names:
        if not hasattr(value, name):
            raise UserError(f"{cls.__name__} has no attribute {name!r}, so its options cannot be read from the instance; {advice}")
        if not isinstance(getattr(value, name), (bool, int, float, str)):
            raise UserError(f"{cls.__name__} stores {name!r} as a {type(getattr(value, name)).__name__}; {advice}")
    options = {name: getattr(value, name) for name in names}
    check_as_built(value, options)
    return options


def class_of(registry: Registry[C], value: object, options: Mapping[str, Option] | None) -> tuple[type[C], dict[str, Option]]:
    """Return the class of a name, path, class or instance, and its options; those given replace those of an instance."""
    given = dict(options or {})
    if isinstance(value, registry.base):
        return registry.find(type(value)).cls, options_of(value) | given
    return registry.find(str(value) if isinstance(value, Path) else value).cls, given  # type: ignore[arg-type]  # is checked
