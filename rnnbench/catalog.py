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
from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, get_type_hints

import torch

from rnnbench.cell import Cell, Layer
from rnnbench.config import Option, RunConfig, stem
from rnnbench.errors import UserError
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


def task_class(name: str) -> type[Task]:
    """The task called ``name``, or the one in the file of that path; raises UserError."""
    found: type[Task] = _find("task", name, tasks, Task)
    return found


def cell_class(name: str) -> type[Layer]:
    """The cell called ``name``, or the one in the file of that path; raises UserError."""
    found: type[Layer] = _find("cell", name, cells, Layer)
    return found


def make_task(name: str, options: Mapping[str, Option] | None = None) -> Task:
    """A task with its options; raises UserError for an unknown option or a bad value."""
    kind = task_class(name)
    known = {field.name: field.type for field in dataclasses.fields(kind)}
    known = {key: get_type_hints(kind)[key] for key in known}
    try:
        return kind(**_options(f"task {stem(name)}", known, options or {}))
    except ValueError as error:
        raise UserError(str(error)) from error


def make_cell(name: str, input_size: int, hidden_size: int, options: Mapping[str, Option] | None = None) -> Layer:
    """A cell with its options, not initialised; raises UserError for an unknown option or a bad value."""
    kind = cell_class(name)
    hints = get_type_hints(kind.__init__)
    known = {key: hints[key] for key in inspect.signature(kind).parameters if key not in ("input_size", "hidden_size")}
    try:
        return kind(input_size, hidden_size, **_options(f"cell {stem(name)}", known, options or {}))
    except ValueError as error:
        raise UserError(str(error)) from error


def sketch_cell(name: str, input_size: int, hidden_size: int, options: Mapping[str, Option] | None = None) -> Layer:
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
    return str(Path(name).resolve()) if _is_path(name) else kind.name


def _is_path(name: str) -> bool:
    return name.endswith(".py") or "/" in name or "\\" in name


def _collect(word: str, folder: Path, kind: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if word == "task":
        loaded = [_load(path, word, kind) for path in sorted(folder.glob("[!_]*.py"))]
    else:  # cells are modules of the package
        modules = [importlib.import_module(f"rnnbench.cells.{path.stem}") for path in sorted(folder.glob("[!_]*.py"))]
        loaded = [_class_in(module, str(module.__file__), word, kind) for module in modules]
    loaded += [_class_of(point.load(), point.value, word, kind) for point in entry_points(group=f"rnnbench.{word}s")]
    for entry in loaded:
        if entry.name in found:
            raise UserError(f"two {word}s are called {entry.name!r}: rename one of them")
        found[entry.name] = entry
    return dict(sorted(found.items()))


def _find(word: str, name: str, known: Any, kind: Any) -> Any:
    if _is_path(name):
        path = Path(name)
        if not path.is_file():
            raise UserError(f"no {word} file {name}: give the path of a Python file, or a name from `rnnbench {word}s`")
        return _load(path.resolve(), word, kind)
    if name not in known():
        raise UserError(f"unknown {word} {name!r}{did_you_mean(name, known())}")
    return known()[name]


@cache
def _load(path: Path, word: str, kind: Any) -> Any:
    module_name = f"rnnbench_{word}_{path.stem}_{abs(hash(str(path))):x}"
    spec = importlib.util.spec_from_file_location(module_name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{word} file {path} cannot be read as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module  # dataclasses look their module up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[module_name]
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise UserError(f"{word} file {path} is broken{line}: {type(error).__name__}: {error}") from error
    return _class_in(module, str(path), word, kind)


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
