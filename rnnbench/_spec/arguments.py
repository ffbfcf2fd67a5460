"""The check of the arguments of public functions: pydantic reads the annotations, and a wrong value is one sentence."""

from __future__ import annotations

import functools
import inspect
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, ParamSpec, TypeVar, get_type_hints

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainValidator,
    ValidationError,
    create_model,
)

from rnnbench._errors import UserError, plugin_error_line, storage_error_of, system_error_line, validation_message

P = ParamSpec("P")
T = TypeVar("T")


class CheckedAs:
    """An annotation that checks and converts a value as another type, which a type checker does not see.

    ``Annotated[int | Iterable[int], CheckedAs(list[int])]`` is a number or numbers for the caller, and a list for the function.
    """

    def __init__(self, hint: Any) -> None:
        self.hint = hint

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> Any:
        """Return the schema of the other type."""
        return handler.generate_schema(self.hint)


def instance_of(text: str, *types: type) -> PlainValidator:
    """Return an annotation that accepts instances of ``types``; ``text`` names them in messages, as in ``a path``."""

    def check(value: object) -> object:
        if not isinstance(value, types):
            raise ValueError(text)
        return value

    return PlainValidator(check)


def list_of(text: str, kind: type, *types: type) -> PlainValidator:
    """Return an annotation that accepts ``types`` with values of one kind; ``text`` names them in messages."""

    def check(value: object) -> object:
        if not isinstance(value, types):
            raise ValueError(text)
        if not isinstance(value, range) and not all(isinstance(one, kind) for one in value):  # type: ignore[attr-defined]
            raise ValueError(text)  # a range holds whole numbers, however many
        return value

    return PlainValidator(check)


def real_of(value: object) -> object:
    """Return a number; raise ValueError for any other value. The message is the kind of value that is expected."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (isinstance(value, int) and abs(value) > 2**63):
        raise ValueError("a number")
    return value


def path_of(value: object) -> Path:
    """Return a path; raise ValueError if a value cannot be one. The message is the kind of value that is expected."""
    if not isinstance(value, str | os.PathLike) or str(value) == "" or "\0" in str(value):
        raise ValueError("a path")
    return Path(value)


def plain(value: object) -> object:
    """Return a number of numpy or pandas as a number of Python, and any other value unchanged.

    Example:
        >>> import numpy
        >>> [type(plain(value)) for value in (numpy.int64(3), numpy.bool_(True), "text")]
        [<class 'int'>, <class 'bool'>, <class 'str'>]
    """
    return value.item() if type(value).__module__ == "numpy" and getattr(value, "ndim", None) == 0 else value  # type: ignore[attr-defined]


PathLike = Annotated[Path | str, PlainValidator(path_of)]
Function = instance_of("a function", Callable)  # type: ignore[arg-type]  # an abstract class
Plain = BeforeValidator(plain)
Size = Annotated[int, Field(ge=0, le=2**31)]
Positive = Annotated[int, Field(ge=1, le=2**53)]
Whole = Annotated[int, Field(ge=-(2**53), le=2**53)]
Real = Annotated[int | float, PlainValidator(real_of)]
Texts = Annotated[Sequence[str], list_of("a list of texts", str, str, list, tuple)]
Steps = Annotated[int | slice, instance_of("a whole number or a slice", int, slice)]
Sizes = Annotated[tuple[int, ...] | list[int], list_of("a tuple of whole numbers", int, tuple, list)]
Indices = Annotated[Iterable[int], list_of("a list of whole numbers", int, list, tuple, set, frozenset, range)]


def checked(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that raises UserError, which names the argument, for a value that its annotation does not allow.

    Defaults are not checked, nor are the keywords of ``**fields``, which belong to a request.
    """
    signature = inspect.signature(function)
    parameters = {name: one for name, one in signature.parameters.items() if one.kind not in (one.VAR_KEYWORD, one.VAR_POSITIONAL)}
    takes_more = any(one.kind is one.VAR_KEYWORD for one in signature.parameters.values())

    @functools.cache
    def model() -> type[BaseModel]:
        annotations = {name: function.__annotations__[name] for name in parameters}  # the type of the result may not be imported
        hints = get_type_hints(SimpleNamespace(__annotations__=annotations), function.__globals__, include_extras=True)
        fields: dict[str, Any] = {
            name: (Annotated[hints[name], Plain], ... if one.default is one.empty else None) for name, one in parameters.items()
        }
        config = ConfigDict(strict=True, arbitrary_types_allowed=True, extra="forbid", protected_namespaces=())
        return create_model(function.__name__, __config__=config, **fields)

    @functools.wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> T:
        if len(args) > (most := sum(one.kind is not one.KEYWORD_ONLY for one in parameters.values())):
            raise UserError(f"{function.__name__} takes at most {most} values without a keyword, not {len(args)}: name the others")
        positional = dict(zip(parameters, args, strict=False))
        if twice := positional.keys() & kwargs.keys():
            raise UserError(f"{function.__name__} got {min(twice)} twice: give it once")
        given = positional | {name: value for name, value in kwargs.items() if name in parameters or not takes_more}
        try:
            values = model().model_validate(given)
        except ValidationError as error:
            raise UserError(validation_message(error, str, parameters)) from None
        more = {name: value for name, value in kwargs.items() if name not in given}
        try:
            return function(**{name: getattr(values, name) for name in given}, **more)  # type: ignore[call-arg, arg-type]
        except OSError as error:
            if plugin_error_line(error):
                raise
            raise storage_error_of(error) or UserError(system_error_line(error)) from error

    return wrapped


def warn(text: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the line of the caller's code that called rnnbench, however many functions of rnnbench lie between."""
    package, frame, level = str(Path(__file__).parents[1]), sys._getframe(1), 3
    while frame.f_back and frame.f_back.f_code.co_filename.startswith(package):
        frame, level = frame.f_back, level + 1
    warnings.warn(text, category, stacklevel=level)
