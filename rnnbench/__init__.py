"""rnnbench: how far back can a recurrent network remember, and why not further?

The Python interface; its functions take the same words as the command line (``docs/python.md``)::

    import rnnbench

    result = rnnbench.run(cell="lstm", task="recall", gap=50)
    study = rnnbench.sweep(cell=["rnn", "lstm"], task="recall", gap=[10, 50], seed=[0, 1])
    rnnbench.plots.plot_accuracy(study)

Importing the package is cheap: torch is imported by the first function that needs it. Modules whose name begins with an underscore
are internal.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from rnnbench._version import __version__ as __version__

if TYPE_CHECKING:
    from rnnbench import insight, plots, task, testing
    from rnnbench._api import cells, example, load_extrapolation, load_logs, load_runs, run, sweep, tasks, tune
    from rnnbench._errors import UserError
    from rnnbench._results import Result, Study
    from rnnbench.plots._style import render
    from rnnbench.testing import check_cell, check_task

__all__ = [
    "Result",
    "Study",
    "UserError",
    "cells",
    "check_cell",
    "check_task",
    "example",
    "insight",
    "load_extrapolation",
    "load_logs",
    "load_runs",
    "plots",
    "render",
    "run",
    "sweep",
    "task",
    "tasks",
    "testing",
    "tune",
]

_MODULES = {
    **dict.fromkeys(("example", "load_extrapolation", "load_logs", "load_runs", "run", "sweep", "tasks", "tune"), "rnnbench._api"),
    "render": "rnnbench.plots._style",
    **dict.fromkeys(("check_cell", "check_task"), "rnnbench.testing"),
    **dict.fromkeys(("Result", "Study"), "rnnbench._results"),
    "UserError": "rnnbench._errors",
}


def __getattr__(name: str) -> object:
    if name in ("cells", "insight", "plots", "task", "testing"):
        return import_module(f"rnnbench.{name}")
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'rnnbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _CallableModule(ModuleType):
    """A module that is also a function: both ``rnnbench.cells()`` and ``from rnnbench.cells import Cell``."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self.__wrapped__(*args, **kwargs)

    @property
    def __wrapped__(self):  # type: ignore[no-untyped-def]  # the function, for inspect and help
        return getattr(import_module("rnnbench._api"), self.__name__.rpartition(".")[2])


class _Package(ModuleType):
    """This package: its module ``cells`` can be called."""

    def __setattr__(self, name: str, value: object) -> None:
        if name == "cells" and type(value) is ModuleType:
            value.__class__ = _CallableModule
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
