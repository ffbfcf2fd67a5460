"""What a class reaches: its functions and values, those of its bases, and what its functions take from around them.

What comes with rnnbench, with Python or with an installed package is named, not entered.
"""

from __future__ import annotations

import dis
import hashlib
import inspect
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

Read = Callable[[], Any]
SKIPPED = {
    "__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__parameters__", "__firstlineno__",
    "__static_attributes__", "__abstractmethods__", "_abc_impl",
}  # fmt: skip
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")


def root(thing: Any) -> str:
    """The package that a class or a function is from."""
    return str(getattr(thing, "__module__", None) or "").partition(".")[0]


@cache
def installed(package: str) -> bool:
    """Whether a package is rnnbench, of Python's own, or one that pip put where packages lie."""
    if package in ("", "rnnbench") or package in sys.stdlib_module_names:
        return True
    try:
        spec = find_spec(package)
    except ValueError:  # a script, or a module that was made by hand
        spec = None
    places = [spec.origin, *(spec.submodule_search_locations or ())] if spec is not None else []
    folders = [Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")]
    return any(folder in Path(place).parents for folder in folders for place in places if place)


def functions_of(value: Any) -> list[Any]:
    """A value with its class and, of a method, a property or a wrapper, the functions in it."""
    found = [value, type(value)]
    for name in ("__func__", "fget", "fset", "func", "__wrapped__"):
        with suppress(Exception):  # a value of the user's may answer as it likes
            found.append(getattr(value, name))
    return found


def nested(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and that of the functions inside it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from nested(part)


def taken(function: FunctionType) -> Iterator[tuple[str, Mapping[str, Any], str]]:
    """What a function looks up outside itself: how it is called, and where it stands under which name."""
    codes = list(nested(function.__code__))
    looked_up = {
        step.argval for code in codes for step in dis.get_instructions(code) if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    for name in sorted(looked_up & set(function.__globals__)):
        value = function.__globals__[name]
        yield name, function.__globals__, name
        if isinstance(value, ModuleType) and not installed(value.__name__.partition(".")[0]):
            for inside in sorted({word for code in codes for word in code.co_names} & set(vars(value))):
                yield f"{name}.{inside}", vars(value), inside


def outline(kind: type) -> tuple[Any, ...]:
    """A class's bases and the names in it."""
    return *kind.__bases__, *[name for name in vars(kind) if name not in SKIPPED]


def _of_class(kind: type) -> Iterator[tuple[str, Read]]:
    yield kind.__qualname__, partial(outline, kind)
    for name in vars(kind):
        if name not in SKIPPED:
            yield f"{kind.__qualname__}.{name}", partial(vars(kind).get, name)


def _of_function(function: FunctionType) -> Iterator[tuple[str, Read]]:
    where = function.__qualname__
    yield f"{where}()", partial(getattr, function, "__code__")
    for name in ("__defaults__", "__kwdefaults__"):
        if getattr(function, name):
            yield f"{where}.{name}", partial(getattr, function, name)
    for called, names, name in taken(function):
        yield f"{where} {called}", partial(names.get, name)
    for name, around in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name != "__class__":
            yield f"{where} {name}", partial(getattr, around, "cell_contents", None)


def reached(kind: type) -> dict[str, Read]:
    """Every place whose value the class's work may depend on, by a name that is the same in every process.

    Example:
        >>> class Mine:
        ...     rate = 0.5
        >>> places = reached(Mine)
        >>> {name: read() for name, read in places.items() if name.endswith("rate")}
        {'Mine.rate': 0.5}
    """
    found: dict[str, Read] = {}
    own = root(kind)
    stack: list[Any] = [kind]
    entered: set[int] = set()
    while stack:
        thing = stack.pop()
        if id(thing) in entered or (installed(root(thing)) and root(thing) != own) or root(thing) == "rnnbench":
            continue
        entered.add(id(thing))
        places = _of_class(thing) if isinstance(thing, type) else _of_function(thing)
        for name, read in places:
            while name in found:
                name += "'"  # as for a class that extends an older one of its own name
            found[name] = read
            value = read()
            for part in value if isinstance(value, tuple) else functions_of(value):
                if isinstance(part, (type, FunctionType)):
                    stack.append(part)
    return found


def attributes(value: Any) -> dict[str, Any] | None:
    """Those of an object whose repr tells nothing but its address."""
    silent = type(value).__repr__ is object.__repr__  # type: ignore[comparison-overlap]
    return vars(value) if silent and hasattr(value, "__dict__") else None


def described(value: Any, around: tuple[Any, ...] = ()) -> str:
    """A value as text that is the same in every process; ``around`` are the containers that it lies in."""
    if isinstance(value, CodeType):
        try:
            return inspect.getsource(value)
        except (OSError, TypeError):
            constants = ", ".join(described(part) for part in value.co_consts)
            return f"{value.co_code.hex()} {constants} {value.co_names!r}"
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, (type, FunctionType)):
        return f"{value.__module__}.{value.__qualname__}" if installed(root(value)) else value.__qualname__
    if any(value is container for container in around):
        return "itself"
    if isinstance(value, (Mapping, list, tuple, set, frozenset)):
        parts = value.items() if isinstance(value, Mapping) else value
        texts = [described(part, (*around, value)) for part in parts]
        return f"({', '.join(sorted(texts) if isinstance(value, (set, frozenset)) else texts)})"
    if hasattr(type(value), "tolist") and hasattr(type(value), "dtype"):  # an array or a tensor, whose repr leaves numbers out
        return f"{value.dtype} {hashlib.sha256(repr(value.tolist()).encode()).hexdigest()}"
    inside = attributes(value)
    return ADDRESS.sub("", repr(value)) if inside is None else f"{described(type(value))} {described(inside, (*around, value))}"
