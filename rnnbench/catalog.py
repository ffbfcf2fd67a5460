"""Finds tasks and cells: built in, by path, by entry point; and fills in what depends on them.

The folder is the registry: every ``[!_]*.py`` in ``tasks/`` is a task, every one in ``rnnbench/cells/`` a cell. A name that
is a path (``./mine.py``) is loaded from there. Installed packages add theirs by the entry point groups ``rnnbench.tasks`` and
``rnnbench.cells``.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import torch

from rnnbench.cell import Cell, Layer
from rnnbench.config import Option, RunConfig
from rnnbench.errors import STRANGERS, UserError, blame, place, raised_by_hand
from rnnbench.initializers import check, default, known
from rnnbench.task import Task

PACKAGE = Path(__file__).parent
INSTALLED_TASKS = PACKAGE / "tasks"
TASKS_FOLDER = INSTALLED_TASKS if INSTALLED_TASKS.is_dir() else PACKAGE.parent / "tasks"
CELLS_FOLDER = PACKAGE / "cells"


@cache
def tasks() -> dict[str, type[Task]]:
    """All tasks by name, in alphabetical order."""
    return _collect("task", TASKS_FOLDER, Task)


@cache
def cells() -> dict[str, type[Layer]]:
    """All cells by name, in alphabetical order."""
    return _collect("cell", CELLS_FOLDER, Layer)


def task_class(name: str | type[Task]) -> type[Task]:
    """The task called ``name``, the one in the file of that path, or the class itself; raises UserError."""
    found: type[Task] = _find("task", name, tasks, Task)
    return found


def cell_class(name: str | type[Layer]) -> type[Layer]:
    """The cell called ``name``, the one in the file of that path, or the class itself; raises UserError."""
    found: type[Layer] = _find("cell", name, cells, Layer)
    return found


def word_of(name: str) -> str:
    """Whether a name, or the path of a file, means a ``task`` or a ``cell``; raises UserError if it means neither."""
    if not is_path(name):
        if name not in cells() and name not in tasks():
            raise UserError(f"unknown cell or task {name!r}{did_you_mean(name, [*cells(), *tasks()])}")
        return "cell" if name in cells() else "task"
    path = Path(name)
    if not path.is_file():
        raise UserError(f"no file {name}: give the path of a Python file, or a name from `rnnbench cells` or `rnnbench tasks`")
    module = _module(path.resolve())
    words = [word for word in ("cell", "task") if hasattr(module, word.upper())]
    if len(words) != 1:
        raise UserError(f"file {name} must name a CELL or a TASK, one of them: end it with `CELL = YourClass`")
    return words[0]


def make_task(name: str | type[Task], options: Mapping[str, Option] | None = None) -> Task:
    """A task with its options; raises UserError for an unknown option or a bad value."""
    kind = task_class(name)
    known = {field.name: field.type for field in dataclasses.fields(kind)}
    known = {key: get_type_hints(kind)[key] for key in known}
    with _sentences():
        return kind(**_options(f"task {kind.name}", known, options or {}))


def make_cell(name: str | type[Layer], input_size: int, hidden_size: int, options: Mapping[str, Option] | None = None) -> Layer:
    """A cell with its options, not initialised; raises UserError for an unknown option or a bad value."""
    kind = cell_class(name)
    with _sentences():
        return kind(input_size, hidden_size, **_options(f"cell {kind.name}", options_of(kind), options or {}))


def options_of(kind: type[Layer]) -> dict[str, Any]:
    """The options of a cell by name, with their types; raises UserError for one without a type."""
    hints = get_type_hints(kind.__init__)
    names = [name for name in inspect.signature(kind).parameters if name not in ("input_size", "hidden_size")]
    for name in names:
        if hints.get(name) not in (bool, int, float, str):
            raise UserError(f"{place(kind)}: option {name} needs a type, bool, int, float or str, as in {name}: float = 0.1")
    return {name: hints[name] for name in names}


@contextmanager
def _sentences() -> Iterator[None]:
    """A ValueError that a task or a cell raises is its word to the user; one that befalls it is a mistake in its file."""
    try:
        yield
    except ValueError as error:
        if not raised_by_hand(error):
            raise
        raise UserError(str(error)) from error


def sketch_cell(name: str | type[Layer], input_size: int, hidden_size: int, options: Mapping[str, Option] | None = None) -> Layer:
    """As :func:`make_cell`, but without storage where the cell can do without: to be asked things, not to be run."""
    with torch.random.fork_rng(devices=[]):
        try:
            with torch.device("meta"):
                return make_cell(name, input_size, hidden_size, options)
        except UserError:
            raise
        except Exception:  # its __init__ reads numbers, which are not there
            return make_cell(name, input_size, hidden_size, options)


def resolve(config: RunConfig) -> RunConfig:
    """The config with every default filled in, checked against its task and cell; raises UserError.

    Resolving twice changes nothing, so a stored configuration can be run as it stands.
    """
    from rnnbench import engine  # only here: listing tasks and cells needs none

    task = make_task(config.task, config.option)
    try:
        task.check_gap(config.gap)
    except ValueError as error:
        raise UserError(str(error)) from error
    kind = cell_class(config.cell)
    inits = known(kind)
    if config.init is not None and config.init not in inits:
        raise UserError(f"unknown init {config.init!r}{did_you_mean(config.init, inits)}")
    cell, init = _initialised(config, task)
    if inits[init].uses_horizon:
        horizon = config.horizon or max(10.0 * config.gap, 20.0)
    elif config.horizon is not None:
        users = " or ".join(name for name in sorted(inits) if inits[name].uses_horizon)
        raise UserError(f"horizon is the range of init {users}, and means nothing to init {init}")
    else:
        horizon = None
    fast = config.device == "cpu" and engine.available() and isinstance(cell, Cell) and engine.refusal(cell) is None
    if config.engine == "fast" and not fast:
        raise UserError(f"engine fast cannot run cell {config.cell} on {config.device} here: use engine auto or torch")
    chosen = "fast" if fast and config.engine != "torch" else "torch"
    values = config.model_dump() | {
        "task": _canonical(config.task, task_class(config.task)),
        "cell": _canonical(config.cell, kind),
        "init": init,
        "horizon": horizon,
        "max_steps": config.max_steps or task.default_max_steps,
        "option": dataclasses.asdict(task),
        "engine": chosen,
    }
    return RunConfig.model_validate(values)


def _initialised(config: RunConfig, task: Task) -> tuple[Layer, str]:
    """The config's cell, not to be run, and the name of its initialisation, which was tried on it; raises UserError."""
    for make in (sketch_cell, make_cell):
        cell = make(config.cell, task.input_size, config.hidden_size, config.cell_option)
        try:
            init = config.init or default(cell)
            check(init, cell)
        except ValueError as error:
            raise UserError(str(error)) from error
        except RuntimeError:  # an initialiser that reads numbers, which a sketch has not
            if make is make_cell:
                raise
        else:
            return cell, init
    raise AssertionError


def did_you_mean(name: str, known: Mapping[str, Any] | list[str]) -> str:
    """The end of an error message: the likely meaning, else all there is."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f": did you mean {close[0]!r}?" if close else f": there are {', '.join(sorted(known))}"


def _canonical(name: str, kind: type[Task] | type[Layer]) -> str:
    return str(Path(name).resolve()) if is_path(name) else kind.name


def is_path(name: str) -> bool:
    """Whether a task or a cell is given by the path of its file."""
    return name.endswith(".py") or "/" in name or "\\" in name


def _collect(word: str, folder: Path, kind: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if word == "task":
        loaded = [_load(path, word, kind) for path in sorted(folder.glob("[!_]*.py"))]
    else:  # cells are modules of the package
        modules = [importlib.import_module(f"rnnbench.cells.{path.stem}") for path in sorted(folder.glob("[!_]*.py"))]
        loaded = [_class_in(module, str(module.__file__), word, kind) for module in modules]
    loaded += [_class_of(_loaded(point), point.value, word, kind) for point in entry_points(group=f"rnnbench.{word}s")]
    for entry in loaded:
        if entry.name in found:
            raise UserError(f"two {word}s are called {entry.name!r}: rename one of them")
        found[entry.name] = entry
    return dict(sorted(found.items()))


def _find(word: str, name: str | type, known: Any, kind: Any) -> Any:
    if not isinstance(name, str):
        return _class_of(name, name.__name__, word, kind)
    if is_path(name):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"no {word} file {name}: give the path of a Python file, or a name from `rnnbench {word}s`")
        return _load(path.resolve(), word, kind)
    if name not in known():
        raise UserError(f"unknown {word} {name!r}{did_you_mean(name, known())}")
    return known()[name]


def _loaded(point: EntryPoint) -> Any:
    """What an installed package offers; raises UserError if its import fails."""
    try:
        return point.load()
    except Exception as error:
        raise UserError(f"{point.value}, an entry point of {point.group}, is broken: {type(error).__name__}: {error}") from error


def _load(path: Path, word: str, kind: Any) -> Any:
    return _class_in(_module(path), str(path), word, kind)


@cache
def _module(path: Path) -> ModuleType:
    """The module in a file; raises UserError if it is broken."""
    module_name = f"rnnbench_plugin_{path.stem}_{abs(hash(str(path))):x}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"file {path} cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up
    STRANGERS.add(str(path))
    try:
        spec.loader.exec_module(module)
    except BaseException as error:
        del sys.modules[module_name]
        told = blame(error)
        if told is None:
            raise
        raise UserError(f"file {path} is broken: {told}") from error
    return module


def _class_in(module: ModuleType, where: str, word: str, kind: Any) -> Any:
    constant = word.upper()
    if not hasattr(module, constant):
        raise UserError(f"{word} file {where} names no {constant}: end it with `{constant} = YourClass`")
    return _class_of(getattr(module, constant), where, word, kind)


def _class_of(entry: Any, where: str, word: str, kind: Any) -> Any:
    if not (isinstance(entry, type) and issubclass(entry, kind)):
        raise UserError(f"{where}: {word.upper()} must be a subclass of {kind.__module__}.{kind.__name__}")
    missing = sorted(getattr(entry, "__abstractmethods__", ()))
    if missing:
        raise UserError(f"{where}: {entry.__name__} does not define {', '.join(missing)}")
    if not isinstance(getattr(entry, "name", None), str):
        raise UserError(f"{where}: {entry.__name__} needs a `name`, in lower case")
    STRANGERS.add(str(getattr(sys.modules.get(entry.__module__), "__file__", "")))
    return entry


def _options(whose: str, known: Mapping[str, Any], given: Mapping[str, Option]) -> dict[str, Option]:
    """The given options, each turned into the type its owner declares."""
    values: dict[str, Option] = {}
    for key, value in given.items():
        if key not in known:
            hint = did_you_mean(key, known) if known else ": it has none"
            raise UserError(f"{whose} has no option {key!r}{hint}")
        values[key] = _typed(whose, key, value, known[key])
    return values


def _typed(whose: str, key: str, value: Option, kind: Any) -> Option:
    text = str(value)
    try:
        if kind is bool:
            return {"true": True, "false": False, "1": True, "0": False}[text.lower()]
        if kind is int:
            return int(text)
        if kind is float:
            return float(text)
    except (KeyError, ValueError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise UserError(f"option {key} of {whose} must be {wanted}, not {text!r}") from None
    return text
