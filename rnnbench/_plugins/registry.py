"""The registry of tasks and cells: built-in, from a file, from an installed package, or a class from Python.

Every ``[!_]*.py`` in ``tasks/`` is a built-in task, every one in ``rnnbench/cells/`` a built-in cell. A name that is a path
(``./mine.py``) is read from there. Installed packages add theirs through the entry point groups ``rnnbench.tasks`` and
``rnnbench.cells``. A plug-in is identified by its name and the digest of its source, wherever its file is.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, Generic, TypeVar

from rnnbench._cell import Layer
from rnnbench._config import Option
from rnnbench._errors import (
    PLUGIN_FILES,
    FieldError,
    LoadError,
    PluginError,
    UserError,
    did_you_mean,
    one_line,
    plugin_error_line,
    raised_explicitly,
    shorten_repr,
)
from rnnbench._plugins.files import files_digest
from rnnbench._plugins.options import SIZES, check_name, typed_options
from rnnbench._plugins.source import (
    Plugin,
    digest_of,
    installed,
    is_import,
    is_path,
    is_wrapper,
    package_of,
    source_of_class,
    source_of_file,
)
from rnnbench.task import Task

PACKAGE = Path(__file__).parents[1]
INSTALLED_TASKS = PACKAGE / "tasks"
TASKS_FOLDER = INSTALLED_TASKS if INSTALLED_TASKS.is_dir() else PACKAGE.parent / "tasks"
CELLS_FOLDER = PACKAGE / "cells"

C = TypeVar("C", Task, Layer)


@dataclass(frozen=True)
class Entry(Generic[C]):
    """A task or a cell.

    Attributes:
        cls: its class.
        source: the digest of its source; empty if it is built in.
        where: its file or module.
        plugin: the form in which other processes get it; None if they can find it by its name.
        files: the names and digests of the files that it declares.
    """

    cls: type[C]
    source: str = ""
    where: str = ""
    plugin: Plugin | None = field(default=None, compare=False)
    files: bytes = field(default=b"", compare=False)

    @property
    def name(self) -> str:
        return self.cls.name

    @property
    def spec(self) -> str:
        """Return the text by which :meth:`Registry.find` finds it in this process: its name, with a plug-in's digest."""
        return f"{self.name}@{self.source}" if self.source else self.name

    @property
    def changed(self) -> bool:
        """Return True if the class was given in Python and its source, or a file that it declares, has changed since then."""
        return self.plugin is not None and bool(self.plugin.pickled) and class_digest(self.cls) != self.source


class Registry(Generic[C]):
    """The tasks, or the cells.

    Args:
        noun: ``task`` or ``cell``, as in messages.
        about: the attribute of a class that describes it in one line.
        base: the class that they derive from.
        load: returns the built-in modules.
        adapt: returns the class to use for an imported one that does not derive from ``base``.
    """

    def __init__(
        self,
        noun: str,
        about: str,
        base: type[C],
        load: Callable[[], Iterable[ModuleType]],
        adapt: Callable[[Any], Any] = lambda found: found,
    ) -> None:
        self.noun = noun
        self.about = about
        self.base: type[C] = base
        self._load = load
        self._adapt = adapt
        self._named: dict[str, Entry[C]] | None = None
        self._plugins: dict[tuple[str, str], Entry[C]] = {}  # by name and digest
        self._imported: dict[str, Entry[C]] = {}  # by package.module:Class
        self.broken: dict[str, str] = {}
        """Installed plug-ins that could not be loaded, with the reason."""

    def named(self) -> dict[str, Entry[C]]:
        """Return all built-in and installed entries by name, in alphabetical order."""
        if self._named is None:
            found: dict[str, Entry[C]] = {}
            for module in self._load():
                self._take(found, Entry(self._class_in(module, str(module.__file__)), where=str(module.__file__)))
            for point in entry_points(group=f"rnnbench.{self.noun}s"):
                try:
                    cls = self._checked(point.load(), point.value)
                    self._take(found, Entry(cls, class_digest(cls), point.value))
                except (Exception, SystemExit) as error:
                    self.broken[point.name] = one_line(error)
            self._named = dict(sorted(found.items()))
        return self._named

    def find(self, what: str | type[C] | Entry[C]) -> Entry[C]:
        """Return the entry of a name, the path of a file, ``package.module:Class``, ``name@digest`` of a known plug-in, or a class.

        Raises:
            UserError: nothing has that name, or the file or class does not keep the contract.
        """
        if isinstance(what, Entry):
            return what
        if not isinstance(what, str):
            entry = self.named().get(getattr(what, "name", ""))
            if entry is not None and entry.cls is what:
                return entry
            return Entry(self._checked(what, getattr(what, "__name__", repr(what)[:80])))
        if is_path(what):
            path = Path(what)
            try:
                content = path.read_bytes()
            except OSError as error:
                why = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
                message = f"cannot read {self.noun} file {what[:200]}: {why}"
                raise UserError(f"{message}; give the path of a Python file, or a name from `rnnbench {self.noun}s`") from error
            return self.register(Plugin(self.noun, str(path.resolve()), content))
        if is_import(what):
            if what not in self._imported:
                found = imported(what)
                self._imported[what] = self.register(found if _is_subclass(found, self.base) else self._adapt(found))
            return self._imported[what]
        name, _, source = what.partition("@")
        if source:
            return self.get(name, source)
        if what not in self.named():
            reason = f" ({self.broken[what]})" if what in self.broken else did_you_mean(what, self.named())
            raise UserError(f"unknown {self.noun} {what[:200]!r}{reason}")
        return self.named()[what]

    def get(self, name: str, source: str) -> Entry[C]:
        """Return the entry of a resolved run; raise UserError if this process does not have it.

        The advice of the message holds for every command and function that reads a run.
        """
        found = self._plugins.get((name, source)) or self.named().get(name)
        if found is not None and found.source == source:
            return found
        if not source:
            raise UserError(f"{self.noun} {name} of this run is not installed here: install the version that has it")
        other = any(known == name for known, _ in self._plugins)
        problem = f"has another source than the {self.noun} that is given" if other else "is not known here"
        advice = f"give its file, package.module:Class or class with {{{self.noun}}}, as it was when the run was made"
        raise FieldError(f"{self.noun} {{plugin}} of this run {problem}: {advice}", plugin=name)

    def register(self, what: type[C] | Plugin) -> Entry[C]:
        """Return the entry of a class from Python, or of a plug-in that a file or another process provides.

        Afterwards :meth:`get` finds it. The same source is loaded once.
        """
        if not isinstance(what, Plugin):
            where = f"{what.__module__}.{what.__qualname__}" if isinstance(what, type) else shorten_repr(what)
            entry = self.find(self._checked(what, where))
            if entry is self.named().get(entry.name):
                return entry
            from rnnbench._plugins.pickling import dumps

            module, source = sys.modules.get(what.__module__), class_digest(what)
            by_reference = what.__module__ == "__main__" or (is_wrapper(what) and installed(package_of(what)))
            content = dumps(what, None if by_reference else module)
            entry = Entry(what, source, where, Plugin(self.noun, where, content, pickled=source))
            self._plugins[what.name, source] = entry  # replaces an older class with the same source, whose state may differ
            return entry
        if what.pickled:
            import pickle

            return self._keep(Entry(pickle.loads(what.content), what.pickled, what.where, what))
        folder = Path(what.where).parent
        for entry in self._plugins.values():
            if entry.plugin and entry.plugin.content == what.content and entry.files == files_digest(entry.cls, folder):
                return entry
        cls = self._executed(what, digest_of(what.content))
        versions = cls.versions.encode() if is_wrapper(cls) else b""  # type: ignore[attr-defined]  # of a wrapper
        files = files_digest(cls)
        return self._keep(Entry(cls, digest_of(source_of_file(what.content) + versions + files), what.where, what, files))

    def _keep(self, entry: Entry[C]) -> Entry[C]:
        return self._plugins.setdefault((entry.name, entry.source), entry)

    def _take(self, found: dict[str, Entry[C]], entry: Entry[C]) -> None:
        if entry.name in found:
            raise UserError(f"{entry.where}: the name {entry.name!r} is taken by another {self.noun}: choose a different one")
        found[entry.name] = entry

    def _executed(self, plugin: Plugin, digest: str) -> type[C]:
        same = sum(name.startswith(f"rnnbench_{self.noun}_{digest}") for name in list(sys.modules))  # its files were others then
        module = ModuleType(f"rnnbench_{self.noun}_{digest}" + f"_{same}" * (same > 0))
        module.__file__ = plugin.where
        sys.modules[module.__name__] = module  # dataclasses look their module up
        PLUGIN_FILES.add(plugin.where)
        try:
            exec(compile(plugin.content, plugin.where, "exec"), module.__dict__)
            return self._class_in(module, plugin.where)
        except BaseException as error:
            del sys.modules[module.__name__]
            if message := plugin_error_line(error):
                raise LoadError(f"{self.noun} file {plugin.where} is broken: {message}") from error
            if isinstance(error, ValueError | SyntaxError):  # NUL bytes
                raise LoadError(f"{self.noun} file {plugin.where} is not valid Python: {error}") from error
            raise

    def _class_in(self, module: ModuleType, where: str) -> type[C]:
        constant = self.noun.upper()
        if not hasattr(module, constant):
            raise LoadError(f"{self.noun} file {where} does not define {constant}: end it with `{constant} = YourClass`")
        return self._checked(getattr(module, constant), where)

    def _checked(self, cls: object, where: str) -> type[C]:
        if not _is_subclass(cls, self.base):
            bases = {
                "cell": "rnnbench.cells.Cell or rnnbench.cells.SequenceModel, or a module of PyTorch in rnnbench.cells.wrap",
                "task": "rnnbench.task.Task",
            }
            raise PluginError(f"{where}: {self.noun.upper()} must be a subclass of {bases[self.noun]}")
        assert isinstance(cls, type)
        missing = sorted(getattr(cls, "__abstractmethods__", ()))
        if missing:
            raise PluginError(f"{where}: {cls.__name__} does not define {', '.join(missing)}")
        for attribute in ("name", self.about):
            if not isinstance(getattr(cls, attribute, None), str):
                raise PluginError(f"{where}: {cls.__name__} needs a `{attribute}`, a string")
        for what, name in ((self.noun, getattr(cls, "name", "")), *(("init", name) for name in getattr(cls, "initializers", ()))):
            try:
                check_name(what, name)
            except UserError as error:
                raise PluginError(f"{where}: {error}") from error
        PLUGIN_FILES.add(str(getattr(sys.modules.get(cls.__module__), "__file__", "")))
        return cls


def _is_subclass(found: object, base: type) -> bool:
    return isinstance(found, type) and issubclass(found, base)


def imported(spec: str) -> Any:
    """Return what ``package.module:Class`` names, searching the working folder last; raise UserError if it cannot be imported."""
    module_name, _, path = spec.partition(":")
    here = str(Path.cwd())
    sys.path.append(here)
    try:
        found: Any = importlib.import_module(module_name)
    except Exception as error:  # of the module
        advice = "install its package, or check its name" if isinstance(error, ModuleNotFoundError) else "fix it"
        raise UserError(f"cannot import {module_name} for {spec}: {one_line(error)}; {advice}") from error
    finally:
        sys.path.remove(here)
    for name in path.split("."):
        if not hasattr(found, name):
            names = [one for one, value in vars(found).items() if isinstance(value, type)] if hasattr(found, "__dict__") else []
            raise UserError(f"{module_name} has no {path}{did_you_mean(name, names, 'its classes are')}")
        found = getattr(found, name)
    return found


def _wrapped(found: Any) -> Any:
    """Return a module of PyTorch as a cell; anything else as it is."""
    import torch

    from rnnbench.cells._wrap import wrap

    return wrap(found) if _is_subclass(found, torch.nn.Module) or isinstance(found, FunctionType) else found


def class_digest(cls: type) -> str:
    """Return the digest that identifies a class from Python, its source and the files that it declares."""
    return digest_of(source_of_class(cls) + files_digest(cls))


def _task_modules() -> Iterable[ModuleType]:
    for path in sorted(TASKS_FOLDER.glob("[!_]*.py")):
        spec = importlib.util.spec_from_file_location(f"rnnbench_task_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        yield module


def _cell_modules() -> Iterable[ModuleType]:
    for path in sorted(CELLS_FOLDER.glob("[!_]*.py")):
        yield importlib.import_module(f"rnnbench.cells.{path.stem}")


TASKS: Registry[Task] = Registry("task", "question", Task, _task_modules)  # type: ignore[type-abstract]  # what they derive from
CELLS: Registry[Layer] = Registry("cell", "summary", Layer, _cell_modules, _wrapped)  # type: ignore[type-abstract]


def make_task(task: str | type[Task] | Entry[Task], options: Mapping[str, Option] | None = None) -> Task:
    """Return a task with its options; raise UserError for an unknown option or a bad value."""
    entry = TASKS.find(task)
    with _readable_errors(entry):
        return entry.cls(**typed_options(f"task {entry.name}", entry.cls, 0, options or {}))


def make_cell(
    cell: str | type[Layer] | Entry[Layer], input_size: int, hidden_size: int, options: Mapping[str, Option] | None = None
) -> Layer:
    """Return a cell with its options, not initialised; raise UserError for an unknown option or a bad value."""
    entry = CELLS.find(cell)
    values = typed_options(f"cell {entry.name}", entry.cls, SIZES, options or {})
    with _readable_errors(entry):
        return entry.cls(input_size, hidden_size, **values)


def registry_of(name: str) -> Registry[Task] | Registry[Layer]:
    """Return the registry, tasks or cells, that a name or the path of a file belongs to; raise UserError if neither."""
    if is_import(name):
        return TASKS if _is_subclass(imported(name), Task) else CELLS
    if not is_path(name):
        names = [*CELLS.named(), *TASKS.named()]
        broken = CELLS.broken | TASKS.broken
        if name not in names:
            reason = f" ({broken[name]})" if name in broken else did_you_mean(name, names)
            raise UserError(f"unknown cell or task {name[:200]!r}{reason}")
        return CELLS if name in CELLS.named() else TASKS
    path = Path(name)
    if not path.is_file():
        raise UserError(f"no file {name}: give the path of a Python file, or a name from `rnnbench cells` or `rnnbench tasks`")
    try:
        defined = compile(path.read_bytes(), str(path), "exec").co_names  # compiled, not run
    except (SyntaxError, ValueError) as error:
        reason = one_line(error) if getattr(error, "filename", None) else str(error)  # NUL bytes have no line
        raise LoadError(f"file {name} is broken: {reason}") from error
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror}") from error
    found = [registry for registry in (CELLS, TASKS) if registry.noun.upper() in defined]
    if len(found) != 1:
        raise LoadError(f"file {name} must define either CELL or TASK: end it with `CELL = YourClass`")
    return found[0]


@contextmanager
def _readable_errors(entry: Entry[Task] | Entry[Layer]) -> Iterator[None]:
    """Turn a ValueError that a plug-in raises into a message to the user, any other exception into a fault of its file."""
    try:
        yield
    except UserError:
        raise
    except BaseException as error:  # sys.exit among them
        if isinstance(error, ValueError) and raised_explicitly(error):
            raise (PluginError if entry.source else UserError)(str(error)) from error
        if message := plugin_error_line(error):
            raise PluginError(message) from error
        raise
