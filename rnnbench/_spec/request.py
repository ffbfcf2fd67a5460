"""From Python's values to a request: a name, a path, a class or an instance for a cell and a task; any field as a keyword."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from rnnbench._cell import Layer
from rnnbench._config import Option, RunRequest
from rnnbench._errors import UserError, validation_message
from rnnbench._plugins.options import SIZES, parameters_of
from rnnbench._plugins.registry import CELLS, TASKS, C, Registry
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
    if isinstance(asked.get("cell"), Layer) and asked.get("parameters") is None:
        asked.setdefault("hidden_size", asked["cell"].hidden_size)  # type: ignore[attr-defined]  # of an instance
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
        raise UserError(validation_message(error, name, RunRequest.model_fields)) from error


def spec_of(registry: Registry[C], wanted: object) -> tuple[str, dict[str, Option]] | None:
    """How the registry knows a name, path, class or instance, and the options of an instance: its attributes of their names."""
    if wanted is None:
        return None
    if isinstance(wanted, str | Path):
        return str(wanted), {}
    kind = wanted if isinstance(wanted, type) else type(wanted)
    spec = registry.register(kind).spec
    return spec, {} if isinstance(wanted, type) else options_of(wanted)


def options_of(wanted: object) -> dict[str, Option]:
    """The options of an instance: its attributes of their names."""
    kind = type(wanted)
    names = parameters_of(kind, SIZES if isinstance(wanted, Layer) else 0)
    instead = f"give the class, and its options as {'cell_option' if isinstance(wanted, Layer) else 'option'}"
    for name in names:
        if not hasattr(wanted, name):
            raise UserError(f"{kind.__name__} keeps no attribute {name!r}: {instead}")
        if not isinstance(getattr(wanted, name), (bool, int, float, str)):
            raise UserError(f"{kind.__name__} keeps {name!r} as a {type(getattr(wanted, name)).__name__}: {instead}")
    return {name: getattr(wanted, name) for name in names}


def class_of(registry: Registry[C], wanted: object, options: Mapping[str, Option] | None) -> tuple[type[C], dict[str, Option]]:
    """The class that a name, path, class or instance means, and the options: those of an instance where no other is given."""
    given = dict(options or {})
    if isinstance(wanted, registry.base):
        return registry.find(type(wanted)).cls, options_of(wanted) | given
    if not isinstance(wanted, (str, Path, type)):
        raise UserError(
            f"a {registry.noun} is given by its name, the path of its file, its class or an instance, not by {wanted!r:.80}"
        )
    return registry.find(str(wanted) if isinstance(wanted, Path) else wanted).cls, given
