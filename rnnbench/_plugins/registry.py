"""Finds tasks and cells: built in, by path, by entry point, or a class that Python hands in.

The folder is the registry: every ``[!_]*.py`` in ``tasks/`` is a task, every one in ``rnnbench/cells/`` a cell. A name that is a
path (``./mine.py``) is read from there. Installed packages add theirs by the entry point groups ``rnnbench.tasks`` and
``rnnbench.cells``.
What does not come with rnnbench is known by its name and the digest of its source, wherever it lies.
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
from types import ModuleType
from typing import Generic, TypeVar

from rnnbench._cell import Layer
from rnnbench._config import Option
from rnnbench._errors import PLUGIN_FILES, PluginError, UserError, blame, did_you_mean, one_line, raised_by_hand
from rnnbench._plugins.options import SIZES, typed_options
from rnnbench._plugins.source import Plugin, digest_of, is_path, source_of, source_of_file
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
        kind: its class.
        source: digest of its source; empty if it comes with rnnbench.
        where: its file or module.
        plugin: how other processes get it; None if they can find it by its name.
    """

    kind: type[C]
    source: str = ""
    where: str = ""
    plugin: Plugin | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.kind.name

    @property
    def changed(self) -> bool:
        """True if the class came from Python and has a different source now."""
        return self.plugin is not None and bool(self.plugin.pickled) and digest_of(source_of(self.kind)) != self.source

    @property
    def spec(self) -> str:
        """What :meth:`Registry.find` knows it by in this process: its name, and for a plug-in its digest."""
        return f"{self.name}@{self.source}" if self.source else self.name


class Registry(Generic[C]):
    """The tasks, or the cells.

    Args:
        word: what they are called.
        about: the attribute in which each says in a line what it is.
        base: what their classes derive from.
        load: gives the modules that come with rnnbench.
    """

    def __init__(self, word: str, about: str, base: type[C], load: Callable[[], Iterable[ModuleType]]) -> None:
        self.word = word
        self.about = about
        self.base: type[C] = base
        self._load = load
        self._named: dict[str, Entry[C]] | None = None
        self._plugins: dict[tuple[str, str], Entry[C]] = {}  # by name and digest
        self.broken: dict[str, str] = {}
        """Installed plug-ins that could not be loaded, with the reason: they affect nothing else."""

    def named(self) -> dict[str, Entry[C]]:
        """All that can be asked for by name, in alphabetical order: what comes with rnnbench, and installed plug-ins."""
        if self._named is None:
            found: dict[str, Entry[C]] = {}
            for module in self._load():
                self._take(found, Entry(self._class_in(module, str(module.__file__)), where=str(module.__file__)))
            for point in entry_points(group=f"rnnbench.{self.word}s"):
                try:
                    kind = self._checked(point.load(), point.value)
                    self._take(found, Entry(kind, digest_of(source_of(kind)), point.value))
                except (Exception, SystemExit) as error:
                    self.broken[point.name] = one_line(error)
            self._named = dict(sorted(found.items()))
        return self._named

    def find(self, spec: str) -> Entry[C]:
        """What ``spec`` means: a name, the path of a file, or ``name@digest`` of a plug-in that this process knows.

        Raises:
            UserError: nothing is called that, or the file is not what it should be.
        """
        if is_path(spec):
            path = Path(spec)
            try:
                content = path.read_bytes()
            except OSError as error:
                why = "no such file" if isinstance(error, FileNotFoundError) else error.strerror
                text = f"cannot read {self.word} file {spec[:200]}: {why}"
                raise UserError(f"{text}; give the path of a Python file, or a name from `rnnbench {self.word}s`") from error
            return self.admit(Plugin(self.word, str(path.resolve()), content))
        name, _, source = spec.partition("@")
        if source:
            return self.get(name, source)
        if spec not in self.named():
            broken = f" ({self.broken[spec]})" if spec in self.broken else did_you_mean(spec, self.named())
            raise UserError(f"unknown {self.word} {spec[:200]!r}{broken}")
        return self.named()[spec]

    def entry(self, what: str | type[C] | Entry[C]) -> Entry[C]:
        """The entry that a name, a path or a class means; an entry means itself."""
        if isinstance(what, Entry):
            return what
        if isinstance(what, str):
            return self.find(what)
        known = self.named().get(getattr(what, "name", ""))
        if known is not None and known.kind is what:
            return known
        return Entry(self._checked(what, getattr(what, "__name__", repr(what)[:80])))

    def get(self, name: str, source: str) -> Entry[C]:
        """The entry of a resolved run; raises UserError if this process does not know it."""
        found = self._plugins.get((name, source)) or self.named().get(name)
        if found is None or found.source != source:
            what = f"{self.word} {name} with source {source}" if source else f"{self.word} {name}"
            raise UserError(f"{what} is not known here: give its file with --{self.word} PATH, as it was when the run was made")
        return found

    def offer(self, kind: type[C]) -> Entry[C]:
        """Make a class known that Python hands in, such as one defined in a notebook."""
        kind = self._checked(kind, f"{kind.__module__}.{kind.__qualname__}")
        known = self.named().get(kind.name)
        if known is not None and known.kind is kind:
            return known
        from rnnbench._plugins.pickling import dumps

        module = sys.modules.get(kind.__module__)
        where, source = f"{kind.__module__}.{kind.__qualname__}", digest_of(source_of(kind))
        content = dumps(kind, None if kind.__module__ == "__main__" else module)
        return self._keep(Entry(kind, source, where, Plugin(self.word, where, content, pickled=source)))

    def admit(self, plugin: Plugin) -> Entry[C]:
        """Load what another process sent, or a file's source; the same source is loaded once."""
        if plugin.pickled:
            import pickle

            return self._keep(Entry(pickle.loads(plugin.content), plugin.pickled, plugin.where, plugin))
        for known in self._plugins.values():
            if known.plugin is not None and known.plugin.content == plugin.content:
                return known
        kind = self._executed(plugin, digest_of(plugin.content))
        return self._keep(Entry(kind, digest_of(source_of_file(plugin.content, kind)), plugin.where, plugin))

    def _keep(self, entry: Entry[C]) -> Entry[C]:
        return self._plugins.setdefault((entry.name, entry.source), entry)

    def _take(self, found: dict[str, Entry[C]], entry: Entry[C]) -> None:
        if entry.name in found:
            raise UserError(f"{entry.where}: the name {entry.name!r} is taken by another {self.word}: choose one of its own")
        found[entry.name] = entry

    def _executed(self, plugin: Plugin, digest: str) -> type[C]:
        module = ModuleType(f"rnnbench_{self.word}_{digest}")
        module.__file__ = plugin.where
        sys.modules[module.__name__] = module  # dataclasses look their module up
        PLUGIN_FILES.add(plugin.where)
        try:
            exec(compile(plugin.content, plugin.where, "exec"), module.__dict__)
            return self._class_in(module, plugin.where)
        except BaseException as error:
            del sys.modules[module.__name__]
            if told := blame(error):
                raise PluginError(f"{self.word} file {plugin.where} is broken: {told}") from error
            if isinstance(error, ValueError | SyntaxError):  # NUL bytes
                raise PluginError(f"{self.word} file {plugin.where} is no Python: {error}") from error
            raise

    def _class_in(self, module: ModuleType, where: str) -> type[C]:
        constant = self.word.upper()
        if not hasattr(module, constant):
            raise PluginError(f"{self.word} file {where} names no {constant}: end it with `{constant} = YourClass`")
        return self._checked(getattr(module, constant), where)

    def _checked(self, kind: object, where: str) -> type[C]:
        if not (isinstance(kind, type) and issubclass(kind, self.base)):
            raise PluginError(f"{where}: {self.word.upper()} must be a subclass of {self.base.__module__}.{self.base.__name__}")
        missing = sorted(getattr(kind, "__abstractmethods__", ()))
        if missing:
            raise PluginError(f"{where}: {kind.__name__} does not define {', '.join(missing)}")
        for attribute in ("name", self.about):
            if not isinstance(getattr(kind, attribute, None), str):
                raise PluginError(f"{where}: {kind.__name__} needs a `{attribute}`, a text in one line")
        PLUGIN_FILES.add(str(getattr(sys.modules.get(kind.__module__), "__file__", "")))
        return kind


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
CELLS: Registry[Layer] = Registry("cell", "summary", Layer, _cell_modules)  # type: ignore[type-abstract]


def make_task(task: str | type[Task] | Entry[Task], options: Mapping[str, Option] | None = None) -> Task:
    """A task with its options; raises UserError for an unknown option or a bad value."""
    entry = TASKS.entry(task)
    with _sentences(entry):
        return entry.kind(**typed_options(f"task {entry.name}", entry.kind, 0, options or {}))


def make_cell(
    cell: str | type[Layer] | Entry[Layer], input_size: int, hidden_size: int, options: Mapping[str, Option] | None = None
) -> Layer:
    """A cell with its options, its open parameters not initialised; raises UserError for an unknown option or a bad value."""
    entry = CELLS.entry(cell)
    values = typed_options(f"cell {entry.name}", entry.kind, SIZES, options or {})
    with _sentences(entry):
        return entry.kind(input_size, hidden_size, **values)


def registry_of(name: str) -> Registry[Task] | Registry[Layer]:
    """The tasks or the cells, whichever a name or the path of a file belongs to; raises UserError if it belongs to neither."""
    if not is_path(name):
        known = [*CELLS.named(), *TASKS.named()]
        broken = CELLS.broken | TASKS.broken
        if name not in known:
            told = f" ({broken[name]})" if name in broken else did_you_mean(name, known)
            raise UserError(f"unknown cell or task {name[:200]!r}{told}")
        return CELLS if name in CELLS.named() else TASKS
    path = Path(name)
    if not path.is_file():
        raise UserError(f"no file {name}: give the path of a Python file, or a name from `rnnbench cells` or `rnnbench tasks`")
    try:
        names = compile(path.read_bytes(), str(path), "exec").co_names  # read, not run
    except (SyntaxError, ValueError) as error:
        told = one_line(error) if getattr(error, "filename", None) else str(error)  # NUL bytes have no place
        raise PluginError(f"file {name} is broken: {told}") from error
    except OSError as error:
        raise UserError(f"cannot read {name}: {error.strerror}") from error
    named = [registry for registry in (CELLS, TASKS) if registry.word.upper() in names]
    if len(named) != 1:
        raise PluginError(f"file {name} must name a CELL or a TASK, one of them: end it with `CELL = YourClass`")
    return named[0]


@contextmanager
def _sentences(entry: Entry[Task] | Entry[Layer]) -> Iterator[None]:
    """A ValueError that a task or a cell raises is its word to the user; whatever else it raises is a mistake in its file."""
    try:
        yield
    except UserError:
        raise
    except BaseException as error:  # sys.exit among them
        if isinstance(error, ValueError) and raised_by_hand(error):
            raise (PluginError if entry.source else UserError)(str(error)) from error
        if told := blame(error):
            raise PluginError(told) from error
        raise
