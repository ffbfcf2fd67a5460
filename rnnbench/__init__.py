"""rnnbench: how far back can a recurrent network remember, and why not further?

The Python interface, the command line's words as functions (``docs/python.md`` is its page)::

    import rnnbench

    result = rnnbench.run(cell="lstm", task="recall", gap=50)
    study = rnnbench.sweep(cell=["rnn", "lstm"], task="recall", gap=[10, 50], seed=[0, 1])
    rnnbench.plots.plot_accuracy(study)

Importing the package is cheap on purpose: torch is imported by the first function that needs it.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

__version__ = "0.1.0"

if TYPE_CHECKING:
    from rnnbench import insight, plots
    from rnnbench.api import cells, load_extrapolation, load_logs, load_runs, run, sweep, tasks, tune
    from rnnbench.errors import UserError
    from rnnbench.result import Result, Study
    from rnnbench.testing import check_cell, check_task

_HOMES = {
    **dict.fromkeys(("cells", "load_extrapolation", "load_logs", "load_runs"), "rnnbench.api"),
    **dict.fromkeys(("run", "sweep", "tasks", "tune"), "rnnbench.api"),
    **dict.fromkeys(("check_cell", "check_task"), "rnnbench.testing"),
    **dict.fromkeys(("Result", "Study"), "rnnbench.result"),
    "UserError": "rnnbench.errors",
}

__all__ = [
    "Result",
    "Study",
    "UserError",
    "cells",
    "check_cell",
    "check_task",
    "insight",
    "load_extrapolation",
    "load_logs",
    "load_runs",
    "plots",
    "run",
    "sweep",
    "tasks",
    "tune",
]


def __getattr__(name: str) -> object:
    if name in ("cells", "insight", "plots", "sweep", "tune"):  # modules; three of them are called too
        return import_module(f"rnnbench.{name}")
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'rnnbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Called(ModuleType):
    """A module that is a function too: both ``rnnbench.cells()`` and ``from rnnbench.cells import Cell``."""

    def __call__(self, *args: object, **kwargs: object) -> object:
        return self.__wrapped__(*args, **kwargs)

    @property
    def __wrapped__(self):  # type: ignore[no-untyped-def]  # the function, for inspect and help
        return getattr(import_module("rnnbench.api"), self.__name__.rpartition(".")[2])


class _Face(ModuleType):
    """This module: of those inside it the ones that a function is named like too can be called."""

    def __setattr__(self, name: str, value: object) -> None:
        if name in _HOMES and type(value) is ModuleType:
            value.__class__ = _Called
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Face
