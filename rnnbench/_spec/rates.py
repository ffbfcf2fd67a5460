"""Default learning rates: one per cell and task from ``rates.csv``, else a fallback.

``rates.csv`` is a table of :class:`rnnbench._study.Tuned`. ``rnnbench tune FILE --table rnnbench/_spec/rates.csv`` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rnnbench._cell import Layer
from rnnbench._config import RECIPES, Request
from rnnbench._plugins.registry import Entry
from rnnbench._study import Table, Tuned
from rnnbench.task import Task

RATES = Path(__file__).with_name("rates.csv")
FALLBACK = {"adam": 0.005}
"""The default rate by optimiser where no rate is tuned.

0.005 is the median of the rates that results/atlas/tuning.csv has for the cells, tasks and gaps which a pilot seed solved: 0.001 in
33, 0.005 in 27 and 0.02 in 24 of them.
"""
OTHER_FALLBACK = 0.001
"""The default rate of every other optimiser."""


class DefaultRate(NamedTuple):
    """The learning rate of a run whose request sets none, and where it comes from."""

    lr: float
    origin: str  # with {} in the place of the cell and the task
    pair: str  # the cell and the task: "rnn on recall"


def default_rate(request: Request, cell: Entry[Layer], task: Entry[Task], init: str, width: int) -> DefaultRate:
    """Return the default rate of a cell on a task: that of an earlier recipe, the tuned one, or the fallback."""
    pair = f"{cell.name} on {task.name}"
    if request.recipe and "lr" in RECIPES[request.recipe]:
        return DefaultRate(float(str(RECIPES[request.recipe]["lr"])), f"the default of recipe {request.recipe}", pair)
    names = (cell.name, cell.source, task.name, task.source, request.optimizer)
    rows = [row for row in tuned_rates() if (row.cell, row.cell_source, row.task, row.task_source, row.optimizer) == names]
    if not rows:
        condition = "" if request.optimizer == "adam" else f" with {request.optimizer}"
        origin = f"a default: no rate is tuned for {{}}{condition}; rnnbench tune finds one"
        return DefaultRate(FALLBACK.get(request.optimizer, OTHER_FALLBACK), origin, pair)

    def mismatch(row: Tuned) -> tuple[bool, bool, bool]:  # the row of the same start, else that of the cell's default start
        return row.init != init, row.init != cell.cls.default_init, row.init not in ("uniform", "own")

    row = min(rows, key=mismatch)
    origin = "the middle of the rates tried for {}, none of which learned it" if row.learned == "none learned" else "tuned for {}"
    return DefaultRate(row.lr, origin if row.hidden_size == width else f"{origin} at {row.hidden_size} units", pair)


def rate_lines(rates: Iterable[DefaultRate | None]) -> list[str]:
    """Return one line per rate and origin, such as ``lr 0.001, tuned for rnn on recall``; None is a rate that the request set."""
    pairs: dict[tuple[float, str], dict[str, None]] = {}
    for rate in rates:
        if rate is not None:
            pairs.setdefault((rate.lr, rate.origin), {})[rate.pair] = None
    return [f"lr {lr:g}, {origin.format(', '.join(names))}" for (lr, origin), names in pairs.items()]


@cache
def tuned_rates() -> list[Tuned]:
    """Return the rows of ``rates.csv``; raises UserError if the file is damaged."""
    return Table(RATES, Tuned).rows()
