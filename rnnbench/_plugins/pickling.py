"""A class as bytes that another process can load without its module."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

import cloudpickle

from rnnbench._errors import UserError, class_location, one_line

CACHED = type(lru_cache(str))


def cached(function: Callable[..., Any], settings: dict[str, Any]) -> Any:
    """What functools.cache and lru_cache make of a function: pickle knows it by its name alone."""
    return lru_cache(**settings)(function)


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it comes without types
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, CACHED):
            return cached, (value.__wrapped__, value.cache_parameters())
        return super().reducer_override(value)


def dumps(kind: type, module: ModuleType | None) -> bytes:
    """The class, with all that ``module`` defines by value: another machine may not have it. Raises UserError."""
    into = io.BytesIO()
    if module is not None:
        cloudpickle.register_pickle_by_value(module)
    try:
        Pickler(into).dump(kind)
    except Exception as error:  # whatever a stranger's object raises
        raise UserError(f"{class_location(kind)}: it cannot be sent to other processes: {one_line(error)}") from error
    finally:
        if module is not None:
            cloudpickle.unregister_pickle_by_value(module)
    return into.getvalue()
