"""A class as bytes that another process can load without its module."""

from __future__ import annotations

import inspect
import io
from collections.abc import Callable
from functools import lru_cache
from types import ModuleType
from typing import Any

import cloudpickle

from rnnbench._errors import UserError, class_location, one_line

CACHED = type(lru_cache(str))


def cached(function: Callable[..., Any], settings: dict[str, Any]) -> Any:
    """Rebuild a function cached by functools.cache or lru_cache, which pickle stores only by name."""
    return lru_cache(**settings)(function)


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]  # it has no types
    """A pickler that also stores cached functions by value."""

    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, CACHED):
            return cached, (value.__wrapped__, value.cache_parameters())
        return super().reducer_override(value)


def dumps(cls: type, module: ModuleType | None) -> bytes:
    """Return the pickled class; what ``module`` defines is stored by value, since another machine may not have it.

    Raises:
        UserError: the class refers to an object that cannot be pickled.
    """
    buffer = io.BytesIO()
    if module is not None:
        cloudpickle.register_pickle_by_value(module)
    try:
        Pickler(buffer).dump(cls)
    except Exception as error:  # objects of the user may raise anything
        what = " and ".join(_unpicklable_names(cls)) or "it"
        message = f"{class_location(cls)}: {what} cannot be sent to other processes: {one_line(error)}"
        raise UserError(f"{message}; write the class to a file and pass its path") from error
    finally:
        if module is not None:
            cloudpickle.unregister_pickle_by_value(module)
    return buffer.getvalue()


def _unpicklable_names(cls: type) -> list[str]:
    """Return the names of objects that the methods of a class use and that cannot be pickled."""
    found: dict[str, None] = {}
    for function in filter(inspect.isfunction, vars(cls).values()):
        used = inspect.getclosurevars(function)
        for name, value in {**used.globals, **used.nonlocals}.items():
            try:
                Pickler(io.BytesIO()).dump(value)
            except Exception:  # objects of the user may raise anything
                found[name] = None
    return list(found)
