"""The identity of a plug-in: a digest of its source, which is the same in every process.

A file is identified by its text and that of the user's modules that it imports. A class from Python or a notebook is
identified by the source of the class, of its bases outside installed packages, and of the functions and classes that they name,
together with the immutable constants that they name. An installed package is identified by its name and version.

The content of lists, dicts, tensors and other mutable objects is never part of an identity: a cell whose step appends to a global
list stays the same cell.
"""

from __future__ import annotations

import ast
import dis
import enum
import hashlib
import linecache
import sysconfig
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib import import_module
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec, resolve_name
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, GetSetDescriptorType, MemberDescriptorType, ModuleType
from typing import Any
from weakref import WeakKeyDictionary


@dataclass(frozen=True)
class Plugin:
    """A class in a form that another process can load.

    Attributes:
        noun: ``task`` or ``cell``.
        where: the path of its file, or the module of its class, for messages.
        content: the text of the file as it was read, or the class as cloudpickle wrote it.
        pickled: the digest of the class's source if it was pickled, else empty.
    """

    noun: str
    where: str
    content: bytes
    pickled: str = ""


def is_path(spec: str) -> bool:
    """Return True if a task or a cell is given by the path of its file."""
    return spec.endswith(".py") or "/" in spec or "\\" in spec


def digest_of(content: bytes) -> str:
    """Return 12 hexadecimal digits that identify ``content``, whatever its line ends are."""
    return hashlib.sha256(content.replace(b"\r\n", b"\n")).hexdigest()[:12]


def source_of_file(content: bytes) -> bytes:
    """Return the text of a plug-in's file, followed by that of the user's modules that it imports, directly or not."""
    modules: dict[str, bytes] = {}
    _add_modules(content, "", modules)
    return content + b"".join(f"\n{name}\n".encode() + text for name, text in sorted(modules.items()))


def source_of_class(cls: type) -> bytes:
    """Return the source that identifies a class from Python; for a class of an installed package its name and version.

    Example:
        >>> class Mine:
        ...     rate = 0.5
        >>> source_of_class(Mine)
        b'class Mine: object rate\\nclass Mine Mine.rate: 0.5\\nclass Mine base 0: builtins.object'
    """
    package = _package(cls)
    if installed(package) and (distributions := packages_distributions().get(package)):
        return f"{distributions[0]}=={version(distributions[0])} {cls.__module__}.{cls.__qualname__}".encode()
    return "\n".join(f"{name}: {text}" for name, text in sorted(_Source(cls).covered().items())).encode()


def uncovered_globals(cls: type) -> list[str]:
    """Return the globals that a class uses and that are not part of its identity, with their types: ``HISTORY (list)``."""
    return [] if installed(_package(cls)) else sorted(_Source(cls).uncovered)


@cache
def installed(package: str) -> bool:
    """Return True for a package that is rnnbench, part of Python, or installed in ``site-packages``."""
    if package in ("", "rnnbench"):
        return True
    try:
        spec = find_spec(package)
    except ValueError:  # __main__, or a module without a spec
        return False
    if spec is None:
        return False
    if spec.origin in ("built-in", "frozen"):
        return True
    paths = [Path(place) for place in (spec.origin, *(spec.submodule_search_locations or ())) if place]
    standard = Path(sysconfig.get_path("stdlib"))
    return any(standard in path.parents or {"site-packages", "dist-packages"} & set(path.parts) for path in paths)


def _package(thing: Any) -> str:
    return str(getattr(thing, "__module__", None) or "").partition(".")[0]


def _parents(module: str) -> list[str]:
    """Return the packages around a module, the outermost first: ``a`` and ``a.b`` for ``a.b.c``."""
    parts = module.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def _add_modules(content: bytes, package: str, modules: dict[str, bytes]) -> None:
    """Add to ``modules`` the text of every user module that ``content`` imports; relative imports start at ``package``."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = resolve_name("." * node.level + (node.module or ""), package) if node.level else str(node.module)
            imported |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    for dotted in sorted(imported):
        for name in (*_parents(dotted), dotted):
            if name in modules or installed(name.partition(".")[0]):
                continue
            spec = None
            with suppress(ImportError, ValueError, AttributeError):  # a name that is not a module, or a missing optional module
                spec = find_spec(name)
            if spec is None or not str(spec.origin).endswith(".py"):
                continue
            modules[name] = Path(str(spec.origin)).read_bytes().replace(b"\r\n", b"\n")
            _add_modules(modules[name], name if spec.submodule_search_locations else name.rpartition(".")[0], modules)


def _is_constant(value: Any) -> bool:
    if isinstance(value, (tuple, frozenset)):
        return all(_is_constant(item) for item in value)
    if isinstance(value, (int, float, complex, str, bytes, type(None), type(...), slice, enum.Enum)):
        return True
    return any(
        f"{base.__module__}.{base.__name__}" in ("numpy.generic", "torch.dtype", "torch.device") for base in type(value).__mro__
    )


def _is_identified(value: Any) -> bool:
    """Return True for a class attribute that may be set again later: other attributes are identified by the class's text."""
    return _is_constant(value) or callable(value) or hasattr(value, "__get__")


def _constant_text(value: Any) -> str:
    if isinstance(value, frozenset):
        return f"frozenset({sorted(map(_constant_text, value))})"
    return f"({', '.join(map(_constant_text, value))})" if type(value) is tuple else repr(value)


def _nested(code: CodeType) -> Iterator[CodeType]:
    """Yield a code object and those of the functions and classes inside it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _nested(constant)


def _code_text(code: CodeType) -> str:
    """Return bytecode, constants and names of a function whose source text is not available."""
    constants = ", ".join(_code_text(part) if isinstance(part, CodeType) else _constant_text(part) for part in code.co_consts)
    return f"{code.co_code.hex()} ({constants}) {code.co_names!r}"


@lru_cache(maxsize=32)
def _parsed(text: str) -> tuple[ast.Module, frozenset[CodeType]] | None:
    """Return the syntax tree of a file or a notebook cell, and the code objects that it compiles to."""
    try:
        tree = ast.parse(text)
        return tree, frozenset(_nested(compile(tree, "source", "exec", dont_inherit=True)))
    except (SyntaxError, ValueError):
        return None


def _tree(code: CodeType) -> ast.Module | None:
    """Return the syntax tree that a function was compiled from; None if its file is gone or was edited since."""
    linecache.checkcache(code.co_filename)
    parsed = _parsed("".join(linecache.getlines(code.co_filename)))
    return parsed[0] if parsed is not None and code in parsed[1] else None


FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
TEXTS: WeakKeyDictionary[CodeType, dict[str, str]] = WeakKeyDictionary()
"""The source of functions, by code and file, as it was when they were first seen: their files may be edited later."""
CLASSES: WeakKeyDictionary[type, ast.ClassDef | None] = WeakKeyDictionary()
"""The source of classes as it was when they were first seen."""


def _is_written_at(node: ast.AST, code: CodeType) -> bool:
    """Return True if a node is the definition of a function: same name, same first line."""
    if not isinstance(node, FUNCTIONS):
        return False
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return first == code.co_firstlineno and getattr(node, "name", "<lambda>") == code.co_name


def _function_text(code: CodeType) -> str:
    """Return the source of a function without comments and layout; its bytecode if the source is not available."""
    texts = TEXTS.setdefault(code, {})
    if code.co_filename not in texts:
        tree = _tree(code)
        nodes = [node for node in ast.walk(tree) if _is_written_at(node, code)] if tree is not None else []
        texts[code.co_filename] = "\n".join(map(ast.unparse, nodes)) or _code_text(code)
    return texts[code.co_filename]


def _class_node(cls: type) -> ast.ClassDef | None:
    """Return the definition of a class, found through its methods; None if it has none, or their source is not available."""
    if cls not in CLASSES:
        CLASSES[cls] = None
        for method in vars(cls).values():
            code = getattr(method, "__code__", None)
            if code is None or not method.__qualname__.startswith(f"{cls.__qualname__}.") or (tree := _tree(code)) is None:
                continue
            definitions = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == cls.__name__]
            CLASSES[cls] = next((node for node in definitions if any(_is_written_at(child, code) for child in node.body)), None)
            break
    return CLASSES[cls]


def _instructions(code: CodeType) -> set[tuple[str, str]]:
    """Return (operation, name) of all instructions of a function and the functions inside it."""
    return {(step.opname, str(step.argval)) for part in _nested(code) for step in dis.get_instructions(part)}


class _Source:
    """The source of a class, collected from the class, its bases and all that their functions name."""

    def __init__(self, cls: type) -> None:
        self.texts: dict[str, str] = {}
        self.names: dict[str, tuple[int, str]] = {}  # for texts of global variables: their namespace and name
        self.assigned: set[tuple[int, str]] = set()  # global variables that functions assign to, which makes them state
        self.seen: dict[int, Any] = {}  # holds the objects, so that no id is reused
        self.modules: set[tuple[int, frozenset[str]]] = set()  # those entered, with the words looked for
        self.uncovered: set[str] = set()
        self.seen[id(cls)] = cls
        self.add_class(cls)
        self.uncovered |= {f"{name[1]} (assigned by a function)" for name in self.assigned}

    def covered(self) -> dict[str, str]:
        return {key: text for key, text in self.texts.items() if self.names.get(key) not in self.assigned}

    def add(self, key: str, value: Any) -> None:
        """Add what identifies a value, under a name that is the same in every process."""
        if isinstance(value, (staticmethod, classmethod)):
            value = value.__func__
        if isinstance(value, property):
            value = (value.fget, value.fset, value.fdel)
        if _is_constant(value):
            self.texts[key] = _constant_text(value)
        elif isinstance(value, (type, FunctionType)):
            if installed(_package(value)):
                self.texts[key] = f"{value.__module__}.{value.__qualname__}"
                return
            self.texts[key] = value.__qualname__
            if id(value) not in self.seen:
                self.seen[id(value)] = value
                self.add_class(value) if isinstance(value, type) else self.add_function(value)
        elif isinstance(value, (ModuleType, BuiltinFunctionType)):
            self.texts[key] = value.__name__
        elif type(value).__module__ == "functools":  # cached functions, partial functions, cached properties
            for name in ("__wrapped__", "func", "args", "keywords"):
                if hasattr(value, name):
                    self.add(f"{key}.{name}", getattr(value, name))
        elif isinstance(value, tuple):
            for k, item in enumerate(value):
                self.add(f"{key}[{k}]", item)
        elif key.endswith(".keywords") and isinstance(value, Mapping):
            for name in sorted(value):
                self.add(f"{key}.{name}", value[name])
        elif not isinstance(value, (GetSetDescriptorType, MemberDescriptorType)):
            self.uncovered.add(f"{key.rpartition(' ')[2]} ({type(value).__name__})")

    def unique(self, key: str) -> str:
        while key in self.texts:
            key += "'"  # a class that extends an older one with its name
        return key

    def add_class(self, cls: type) -> None:
        node, names = _class_node(cls), [name for name in vars(cls) if not name.startswith("__") and name != "_abc_impl"]
        functions = [value for value in vars(cls).values() if isinstance(value, FunctionType)]
        changed = {
            name
            for function in functions
            if function.__name__ != "__init__"
            for operation, name in _instructions(function.__code__)
            if operation == "STORE_ATTR"
        }
        bases = [
            f"{base.__module__}.{base.__qualname__}" if installed(_package(base)) else base.__qualname__ for base in cls.__bases__
        ]
        key = self.unique(f"class {cls.__qualname__}")
        self.texts[key] = " ".join([*(name.removeprefix("builtins.") for name in bases), *names])
        if node is not None:
            self.texts[f"{key} source"] = ast.unparse(node)
            inner = [part for part in node.body if not isinstance(part, FUNCTIONS)]
            inner += [decorator for part in (node, *node.body) for decorator in getattr(part, "decorator_list", [])]
            parts = [part for statement in inner for part in ast.walk(statement)]
            words = {part.id for part in parts if isinstance(part, ast.Name)} - set(vars(cls))
            self.add_globals(key, functions[0].__globals__, words, {part.attr for part in parts if isinstance(part, ast.Attribute)})
        for name, value in vars(cls).items():
            if name in changed and _is_constant(value):
                self.uncovered.add(f"{cls.__name__}.{name} (assigned by a method)")
            elif isinstance(value, FunctionType) or (name in names and (node is None or _is_identified(value))):
                self.add(f"{key} {cls.__name__}.{name}", value)
        for k, base in enumerate(cls.__bases__):
            self.add(f"{key} base {k}", base)

    def add_function(self, function: FunctionType) -> None:
        key, instructions = self.unique(f"{function.__qualname__}()"), _instructions(function.__code__)
        self.texts[key] = _function_text(function.__code__)
        for k, default in enumerate(function.__defaults__ or ()):
            self.add(f"{key} default {k}", default)
        for name, default in (function.__kwdefaults__ or {}).items():
            self.add(f"{key} {name}", default)
        around, words = function.__globals__, {word for code in _nested(function.__code__) for word in code.co_names}
        self.assigned |= {(id(around), name) for operation, name in instructions if operation == "STORE_GLOBAL"}
        self.add_globals(key, around, {name for step, name in instructions if step in ("LOAD_GLOBAL", "LOAD_NAME")}, words)
        for name in sorted(name for operation, name in instructions if operation == "IMPORT_NAME"):
            if not installed(name.partition(".")[0]):
                with suppress(Exception):  # the function raises it when it runs
                    for module in (name, *_parents(name)):
                        self.add_module(f"{key} {module}", import_module(module), words)
        changed = {name for operation, name in instructions if operation == "STORE_DEREF"}
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with suppress(ValueError):  # a variable without a value yet
                if name in changed:
                    self.uncovered.add(f"{name} (assigned by a function)")
                elif name != "__class__":
                    self.add(f"{key} {name}", cell.cell_contents)
        if hasattr(function, "__wrapped__"):
            self.add(f"{key} __wrapped__", function.__wrapped__)

    def add_globals(self, key: str, around: Mapping[str, Any], names: Iterable[str], words: set[str]) -> None:
        """Add the global variables ``names``; of a user's module, those of its variables that are among ``words``."""
        for name in sorted(set(names) & set(around)):
            self.names[f"{key} {name}"] = (id(around), name)
            self.add(f"{key} {name}", around[name])
            if isinstance(around[name], ModuleType):
                self.add_module(f"{key} {name}", around[name], words)

    def add_module(self, key: str, module: ModuleType, words: set[str]) -> None:
        if not installed(module.__name__.partition(".")[0]) and (id(module), frozenset(words)) not in self.modules:
            self.modules.add((id(module), frozenset(words)))
            self.add_globals(key, vars(module), words, words)
