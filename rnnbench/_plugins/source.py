"""The identity of a plug-in: a digest of its source, which is the same in every process.

A file is identified by its text and that of the user's modules that it imports. A class from Python or a notebook is
identified by the source of the class, of its bases outside installed packages, and of the functions and classes that they name,
together with the immutable constants that they name. An installed package is identified by its name and version.

Limit: the content of lists, dicts, tensors and other mutable objects is never part of an identity, and neither are variables that
a function assigns to. :func:`uncovered_globals` names them. Of a partial function, the function and its arguments count; of an
instance of the user's class, the source of that class. A user's module that is imported inside a function counts with its whole
text. Where no source text is available, as at Python's prompt, a function's bytecode replaces it. There, functions that it reads
from a module do not count.
"""

from __future__ import annotations

import ast
import dis
import enum
import functools
import hashlib
import inspect
import itertools
import linecache
import numbers
import re
import symtable
import sysconfig
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import packages_distributions, version
from importlib.util import find_spec, resolve_name
from pathlib import Path, PurePath
from types import BuiltinFunctionType, CodeType, FunctionType, GenericAlias, ModuleType, UnionType
from typing import Any

import torch


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


IMPORT_SPEC = re.compile(r"[^\W\d]\w*(\.\w+)*:[^\W\d]\w*(\.\w+)*")


def is_import(spec: str) -> bool:
    """Return True if a task or a cell is given as ``package.module:Class``."""
    return bool(IMPORT_SPEC.fullmatch(spec))


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
        b'Mine base 0: builtins.object\\nMine.rate: 0.5'
    """
    if not is_wrapper(cls) and (distribution := distribution_of(package_of(cls))):
        return f"{distribution} {cls.__module__}.{cls.__qualname__}".encode()
    source = _Source(cls)
    state = source.state()
    return "\n".join(sorted(f"{name}: {text}" for name, text in source.texts if name not in state)).encode()


def is_wrapper(cls: type) -> bool:
    """Return True for a class of :func:`rnnbench.cells.wrap`, which names the versions of installed packages itself."""
    return "wrapped" in vars(cls) and "versions" in vars(cls)


def distribution_of(package: str) -> str:
    """Return an installed package as ``name==version``; empty for the user's modules and parts of Python."""
    names = packages_distributions().get(package) if installed(package) else None
    return f"{names[0]}=={version(names[0])}" if names else ""


def uncovered_globals(cls: type) -> list[str]:
    """Return the globals that a class uses and that are not part of its identity, with their types: ``HISTORY (list)``."""
    if installed(package_of(cls)):
        return []
    source = _Source(cls)
    return sorted(source.uncovered | {f"{name} (assigned by a function)" for name in source.state()})


@functools.cache
def installed(package: str) -> bool:
    """Return True for a package that is rnnbench, part of Python, or installed in ``site-packages``."""
    if package in ("", "rnnbench"):
        return True
    spec = None
    with suppress(ValueError):  # __main__, or a module without a spec
        spec = find_spec(package)
    if spec is None or spec.origin in ("built-in", "frozen"):
        return spec is not None
    paths = [Path(place) for place in (spec.origin, *(spec.submodule_search_locations or ())) if place]
    standard = Path(sysconfig.get_path("stdlib"))
    return any(standard in path.parents or {"site-packages", "dist-packages"} & set(path.parts) for path in paths)


def package_of(thing: Any) -> str:
    """Return the name of the top package of a module, class or function."""
    name = thing.__name__ if isinstance(thing, ModuleType) else getattr(thing, "__module__", None)
    return str(name or "").partition(".")[0]


def _add_modules(content: bytes | str, package: str, modules: dict[str, bytes]) -> None:
    """Add to ``modules`` the text of every user module that ``content`` imports; relative imports start at ``package``."""
    imported: set[str] = set()
    for node in ast.walk(ast.parse(content)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            with suppress(ImportError):  # a relative import outside a package, which fails when it runs
                base = resolve_name("." * node.level + (node.module or ""), package) if node.level else str(node.module)
                imported |= {base, *(f"{base}.{alias.name}" for alias in node.names)}
    for dotted in sorted(imported):
        for name in itertools.accumulate(dotted.split("."), "{}.{}".format):  # the packages around a module come first
            if name in modules or installed(name.partition(".")[0]):
                continue
            spec = None
            with suppress(ImportError, ValueError, AttributeError):  # a name that is not a module, or a missing optional module
                spec = find_spec(name)
            if spec is None or not str(spec.origin).endswith(".py"):
                continue
            modules[name] = Path(str(spec.origin)).read_bytes().replace(b"\r\n", b"\n")
            _add_modules(modules[name], name if spec.submodule_search_locations else name.rpartition(".")[0], modules)


def _constant(value: Any) -> str:
    """Return a text that identifies an immutable constant in every process; empty for any other value."""
    if isinstance(value, (tuple, frozenset)):
        parts = list(map(_constant, value))
        return f"{type(value).__name__}({', '.join(parts if isinstance(value, tuple) else sorted(parts))})" if all(parts) else ""
    scalars = (numbers.Number, str, bytes, type(None), enum.Enum, PurePath, torch.dtype, torch.device)
    return repr(value) if isinstance(value, scalars) else ""


def _function(value: Any) -> FunctionType | None:
    """Return the user's function inside a method, a property or a decorated function; None for any other value."""
    value = value.fget if isinstance(value, property) else value
    if type(value).__module__ in ("builtins", "functools"):
        value = inspect.unwrap(value)
    return value if isinstance(value, FunctionType) and not installed(package_of(value)) else None


@functools.lru_cache(maxsize=32)
def _parsed(text: str, flags: int) -> tuple[ast.AST, frozenset[CodeType]]:
    """Return the syntax tree of a file or a notebook's cell, and the code objects that it compiles to."""
    try:
        tree = ast.parse(text)
        codes = [compile(tree, "source", "exec", flags, dont_inherit=True)]
    except (SyntaxError, ValueError):
        return ast.Module([], []), frozenset()
    for code in codes:  # those inside a function or a class are its constants
        codes += [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return tree, frozenset(codes)


def _definition(code: CodeType, kind: type[ast.stmt] | tuple[type[ast.stmt], ...]) -> str:
    """Return the innermost statement of a kind around a function, without comments and layout; empty if not available.

    A file that was edited after its import does not compile to the function's code, so its new text is not used.
    """
    for refresh in (False, True):
        if refresh:  # the file was edited, and its module reloaded
            linecache.checkcache(code.co_filename)
        text = "".join(linecache.getlines(code.co_filename))
        tree, codes = _parsed(text, code.co_flags & annotations.compiler_flag)
        if code in codes:
            for node in reversed([node for node in ast.walk(tree) if isinstance(node, kind)]):
                lines = [part.lineno for part in (node, *getattr(node, "decorator_list", ()))]
                if min(lines) <= code.co_firstlineno <= (node.end_lineno or max(lines)):
                    return ast.unparse(node)
    return ""


def _bytecode(code: CodeType) -> str:
    """Return an expression that replaces the source of a function where it is not available: bytecode, constants and names."""
    constants = [_bytecode(part) if isinstance(part, CodeType) else repr(_constant(part) or repr(part)) for part in code.co_consts]
    names = [name for name in (*code.co_names, *code.co_freevars) if name.replace(".", "").isidentifier()]  # pytest adds others
    return ", ".join([repr(code.co_code), *constants, *names])


def _assigned_in_bytecode(code: CodeType) -> set[str]:
    """Return the variables that bytecode assigns to, and each attribute as ``.name``, because its object is not known there."""
    found = {f".{constant}" for constant in code.co_consts if "setattr" in code.co_names}
    previous = ""
    for instruction in dis.get_instructions(code):
        name = str(instruction.argval)
        if instruction.opname == "STORE_GLOBAL" or (instruction.opname == "STORE_DEREF" and name in code.co_freevars):
            found.add(name)
        elif instruction.opname == "STORE_ATTR" and previous.split(", ")[-1] != "self":
            found.add(f".{name}")
        previous = instruction.argrepr
    return found.union(*(_assigned_in_bytecode(part) for part in code.co_consts if isinstance(part, CodeType)))


def _names(text: str) -> tuple[set[str], set[str]]:
    """Return the global variables that source text uses, and the variables and attributes that it assigns to, in dotted form.

    An assigned attribute of an object that is not a global variable, as in ``type(self).calls``, is returned as ``.calls``.
    """
    tables = [symtable.symtable(re.sub("^( *)nonlocal ", r"\1global ", text, flags=re.MULTILINE), "source", "exec")]
    used, assigned = set(), set()
    for table in tables:
        tables += table.get_children()
        used |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_global()}
        assigned |= {symbol.get_name() for symbol in table.get_symbols() if symbol.is_declared_global() and symbol.is_assigned()}
    chains = set()
    for node in ast.walk(ast.parse(text)):
        owner = name = ""
        match node:
            case ast.Attribute(value, name, ast.Store()) | ast.Call(ast.Name("setattr"), [value, ast.Constant(str(name)), _]):
                owner = ast.unparse(value)
        if name and owner != "self":
            assigned.add(f"{owner}.{name}" if owner.partition(".")[0] in used else f".{name}")
        if isinstance(node, (ast.Name, ast.Attribute)):
            chains.add(ast.unparse(node))
    return {chain for chain in chains if chain.partition(".")[0] in used}, assigned


def _variable(chain: str, namespace: dict[str, Any]) -> tuple[str, str, Any, list[str]] | None:
    """Return the module, name and value of the variable that a dotted name leads to through the user's modules, and the rest."""
    name, *path = chain.split(".")
    while name in namespace:
        value = namespace[name]
        if not path or not isinstance(value, ModuleType) or installed(package_of(value)):
            return str(namespace.get("__name__")), name, value, path
        namespace, name = vars(value), path.pop(0)
    return None


class _Source:
    """The source of a class, collected from the class, its bases and all that their functions name."""

    def __init__(self, cls: type) -> None:
        self.module = cls.__module__  # differs between a script and its import, so it is not part of a name
        self.texts: set[tuple[str, str]] = set()  # names of variables and what identifies their values
        self.assigned: set[str] = set()  # variables that functions assign to, and ``.name`` for an attribute of any class
        self.uncovered: set[str] = set()
        self.seen: dict[int, Any] = {}  # holds the objects, so that no id is reused
        self.add_class(cls)

    def state(self) -> set[str]:
        """Return the names of the variables that a function assigns to."""
        return {name for name, _ in self.texts if {name, "".join(name.rpartition(".")[1:])} & self.assigned}

    def dotted(self, module: str, name: str) -> str:
        return name if module == self.module else f"{module}.{name}"

    def add(self, name: str, value: Any) -> None:
        """Add what identifies the value of a variable, in a form that is the same in every process."""
        function = _function(value)
        if constant := _constant(value):
            self.texts.add((name, constant))
        elif isinstance(value, functools.partial):
            for key, part in [("function", value.func), *enumerate(value.args), *value.keywords.items()]:
                self.add(f"{name} part {key}", part)
        elif function or (isinstance(value, type) and not installed(package_of(value))):
            self.texts.add((name, (function or value).__qualname__))
            if id(value) not in self.seen:
                self.seen[id(value)] = value
                self.add_function(function) if function else self.add_class(value)
        elif isinstance(value, (type, FunctionType, BuiltinFunctionType, ModuleType)):
            self.texts.add((name, f"{getattr(value, '__module__', None)}.{value.__name__}"))
        elif not isinstance(value, (GenericAlias, UnionType)) and type(value).__module__ != "typing":
            self.uncovered.add(f"{name} ({type(value).__name__})")
            if not installed(package_of(type(value))):
                self.add(f"{name} class", type(value))

    def add_class(self, cls: type) -> None:
        functions = [function for value in vars(cls).values() if (function := _function(value))]
        methods = [function for function in functions if function.__qualname__ == f"{cls.__qualname__}.{function.__name__}"]
        text = next((text for method in methods if (text := _definition(method.__code__, ast.ClassDef))), "")
        if text:
            self.add_text(text, methods[0])
        for name, value in vars(cls).items():
            if _function(value) or (not name.startswith("_") and (_constant(value) or not text)):
                self.add(self.dotted(cls.__module__, f"{cls.__name__}.{name}"), value)
        for k, base in enumerate(cls.__bases__):
            self.add(self.dotted(cls.__module__, f"{cls.__name__} base {k}"), base)

    def add_function(self, function: FunctionType) -> None:
        code = function.__code__
        kind = ast.stmt if code.co_name == "<lambda>" else (ast.FunctionDef, ast.AsyncFunctionDef)
        if text := _definition(code, kind):
            self.add_text(text, function)
        else:
            self.add_text(_bytecode(code), function, _assigned_in_bytecode(code))
        for k, default in enumerate([*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]):
            self.add(f"{function.__qualname__} default {k}", default)

    def add_text(self, text: str, function: FunctionType, assigned_in_bytecode: Iterable[str] = ()) -> None:
        """Add source text, the variables around ``function`` that it names, and the user's modules that it imports."""
        modules: dict[str, bytes] = {}
        around, (chains, assigned) = dict(function.__globals__), _names(text)
        _add_modules(text, around.get("__package__") or "", modules)
        self.texts |= {("source", text), *((name, digest_of(content)) for name, content in modules.items())}
        for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
            with suppress(ValueError):  # a variable without a value yet
                around[name] = cell.cell_contents
        for chain in chains:
            if found := _variable(chain, around):
                module, name, value, _ = found
                self.add(self.dotted(module, name), value)
        for target in assigned.union(assigned_in_bytecode):
            owner, dot, name = target.rpartition(".")
            match _variable(owner, around):
                case (_, _, ModuleType() as value, []):
                    self.assigned.add(self.dotted(value.__name__, name))
                case (_, _, type() as value, []):
                    self.assigned.add(self.dotted(value.__module__, f"{value.__name__}.{name}"))
                case _:
                    self.assigned.add(f".{name}" if dot else self.dotted(str(around.get("__name__")), name))
