"""What a class reaches: its functions and values, those of its bases, and what its functions take from around them.

What comes with rnnbench, with Python or with an installed package is named, not entered.
"""

from __future__ import annotations

import dis
import hashlib
import re
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

Read = Callable[[], Any]
SKIPPED = {
    "__module__", "__doc__", "__dict__", "__weakref__", "__annotations__", "__parameters__", "__firstlineno__",
    "__static_attributes__", "__abstractmethods__", "_abc_impl", "__slotnames__",
}  # fmt: skip
ADDRESS = re.compile(r" at 0x[0-9a-fA-F]+")
NAMESPACES = ("types.SimpleNamespace", "argparse.Namespace")


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


def own_module(value: Any) -> bool:
    return isinstance(value, ModuleType) and not installed(value.__name__.partition(".")[0])


def parts(value: Any) -> list[Any] | None:
    """What a container or an object consists of; None for what is one piece, as a number or an object of an installed package.

    Modules of torch are entered too: they hold modules of the user's.
    """
    kind = type(value)
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, partial):
        return [value.func, value.args, value.keywords]
    if isinstance(value, (staticmethod, classmethod)):
        return [value.__func__]
    if isinstance(value, property):
        return [value.fget, value.fset]
    if isinstance(value, (type, FunctionType, ModuleType, CodeType)):
        return None
    held = getattr(value, "__dict__", {})
    if kind.__module__ == "functools":
        return [held[name] for name in ("__wrapped__", "func", "args", "keywords") if name in held]
    module = root(kind) == "torch" and "_modules" in held
    entered = module or root(kind) == "rnnbench" or not installed(root(kind)) or f"{kind.__module__}.{kind.__name__}" in NAMESPACES
    if not entered or hasattr(kind, "tolist"):
        return None
    found = list(held.items())
    for base in kind.__mro__:
        slots = vars(base).get("__slots__", ())
        for name in (slots,) if isinstance(slots, str) else slots:
            with suppress(Exception):
                found.append((name, object.__getattribute__(value, name)))
    return found


def nested(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and that of the functions inside it."""
    yield code
    for part in code.co_consts:
        if isinstance(part, CodeType):
            yield from nested(part)


def _of_module(called: str, module: ModuleType, words: set[str], around: tuple[Any, ...] = ()) -> Iterator[tuple[str, Read]]:
    """Those of a module's names that a function says somewhere."""
    for name in sorted(words & set(vars(module))):
        yield f"{called}.{name}", partial(vars(module).get, name)
        inside = vars(module)[name]
        if own_module(inside) and not any(inside is other for other in (module, *around)):
            yield from _of_module(f"{called}.{name}", inside, words, (module, *around))


def _of_function(function: FunctionType) -> Iterator[tuple[str, Read]]:
    where, around = function.__qualname__, function.__globals__
    yield f"{where}()", partial(getattr, function, "__code__")
    for name in ("__defaults__", "__kwdefaults__"):
        if getattr(function, name):
            yield f"{where}.{name}", partial(getattr, function, name)
    codes = list(nested(function.__code__))
    words = {word for code in codes for word in code.co_names}
    steps = {(step.opname, step.argval) for code in codes for step in dis.get_instructions(code)}
    for name in sorted(name for kind, name in steps if kind in ("LOAD_GLOBAL", "LOAD_NAME") and name in around):
        yield f"{where} {name}", partial(around.get, name)
        if own_module(around[name]):
            yield from _of_module(f"{where} {name}", around[name], words)
    for name in sorted(name for kind, name in steps if kind == "IMPORT_NAME"):
        with suppress(Exception):  # the function itself will say what is wrong
            module = import_module(name) if not installed(name.partition(".")[0]) else None
            if module is not None:
                yield from _of_module(f"{where} {name}", module, words)
    for name, held in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        if name != "__class__":
            yield f"{where} {name}", partial(getattr, held, "cell_contents", None)


def outline(kind: type) -> tuple[Any, ...]:
    """A class's bases and the names in it."""
    return *kind.__bases__, *[name for name in vars(kind) if name not in SKIPPED]


def _of_class(kind: type) -> Iterator[tuple[str, Read]]:
    yield kind.__qualname__, partial(outline, kind)
    for name in vars(kind):
        if name not in SKIPPED:
            yield f"{kind.__qualname__}.{name}", partial(vars(kind).get, name)


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
    entered: dict[int, Any] = {}  # kept alive, so that no other value gets its id
    while stack:
        thing = stack.pop()
        if id(thing) in entered:
            continue
        entered[id(thing)] = thing
        if isinstance(thing, (type, FunctionType)):
            if (installed(root(thing)) and root(thing) != own) or root(thing) == "rnnbench":
                continue
            for name, read in _of_class(thing) if isinstance(thing, type) else _of_function(thing):
                while name in found:
                    name += "'"  # as for a class that extends an older one of its own name
                found[name] = read
                stack.append(read())
        else:
            stack += [type(thing), *(parts(thing) or ())]
    return found


def described(value: Any, around: tuple[Any, ...] = ()) -> str:
    """A value as text that is the same in every process; ``around`` are the containers that it lies in.

    Code is described as it was loaded: the file that it came from may have been edited since.
    """
    if isinstance(value, CodeType):
        constants = ", ".join(described(part) for part in value.co_consts)
        return f"{value.co_code.hex()} ({constants}) {value.co_names!r}"
    if isinstance(value, ModuleType):
        return value.__name__
    if isinstance(value, (type, FunctionType)):
        return f"{value.__module__}.{value.__qualname__}" if installed(root(value)) else value.__qualname__
    if any(value is container for container in around):
        return "itself"
    if hasattr(type(value), "tolist") and hasattr(type(value), "dtype"):  # an array or a tensor, whose repr leaves numbers out
        return f"{value.dtype} {hashlib.sha256(repr(value.tolist()).encode()).hexdigest()}"
    inside = parts(value)
    if inside is None:
        return ADDRESS.sub("", repr(value))
    texts = [described(part, (*around, value)) for part in inside]
    if isinstance(value, (set, frozenset)):
        texts.sort()
    return f"{described(type(value))}({', '.join(texts)})"
