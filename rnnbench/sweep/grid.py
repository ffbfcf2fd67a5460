"""From a sweep to its runs: the whole grid, or the few gaps that a search for the span asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import product

from rnnbench import catalog
from rnnbench.config import AXES, RunConfig, SweepConfig
from rnnbench.errors import UserError
from rnnbench.initializers import check, known
from rnnbench.stats import gap_solved

OWN = "default"
"""The init that stands for each cell's own."""


def grid(sweep: SweepConfig) -> list[RunConfig]:
    """Every run of a sweep, resolved, each once; small gaps first, so that a sweep shows results early.

    Raises:
        UserError: a run of the grid cannot be. A cell that cannot take a named init is left out if the init list also has
            ``default``, which every cell can take.
    """
    recipe = sweep.model_dump(exclude=set(AXES))
    runs: dict[str, RunConfig] = {}
    for task, cell, init, lr, seed in product(sweep.task, sweep.cell, sweep.init, sweep.lr, sweep.seed):
        if OWN in sweep.init and init != OWN and not _fits(init, cell, task, sweep):
            continue
        for gap in sweep.gap or catalog.task_class(task).default_gaps:
            values = recipe | {"task": task, "cell": cell, "gap": gap, "seed": seed, "lr": lr}
            config = _resolve(values | {"init": None if init == OWN else init})
            runs.setdefault(config.run_id, config)
    if sweep.horizon is not None and not any(config.horizon for config in runs.values()):
        raise UserError("horizon is the range of an init such as chrono, and no run of this sweep has one")
    return sorted(runs.values(), key=lambda config: config.gap)


def _resolve(values: dict[str, object]) -> RunConfig:
    """The horizon goes to the runs whose init uses one; the others of the sweep have no use for it."""
    bare = catalog.resolve(RunConfig.model_validate(values | {"horizon": None}))
    return catalog.resolve(RunConfig.model_validate(values)) if bare.horizon and values["horizon"] else bare


def _fits(init: str, cell: str, task: str, sweep: SweepConfig) -> bool:
    if init not in known(catalog.cell_class(cell)):
        return True  # the grid will say what is wrong with it
    inputs = catalog.make_task(task, sweep.option).input_size
    try:
        check(init, catalog.sketch_cell(cell, inputs, sweep.hidden_size, sweep.cell_option))
    except ValueError:
        return False
    return True


class SpanSearch:
    """Bisects the gap list of every curve (all that is the same but gap and seed) for the largest gap its seeds solve.

    It takes for granted that a cell which solves a gap solves the smaller ones, and needs about log2 of the gaps instead of all.
    A gap is solved by at least 4 in 5 seeds; a failed run solved nothing.

    Args:
        runs: the whole :func:`grid`; what the search asks for is part of it.
    """

    def __init__(self, runs: Sequence[RunConfig]) -> None:
        self.curves: dict[str, _Bisection] = {}
        for config in runs:
            self.curves.setdefault(_curve(config), _Bisection()).add(config)

    def first(self) -> list[RunConfig]:
        """The runs to start with: every curve's middle gap."""
        return [config for curve in self.curves.values() for config in curve.next()]

    def after(self, config: RunConfig, solved: bool) -> list[RunConfig]:
        """The runs to do once ``config`` has ended: another gap if it was the last seed of this one, else none."""
        return self.curves[_curve(config)].note(config, solved)

    def most(self) -> int:
        """Upper bound of the number of runs."""
        return sum(curve.most() for curve in self.curves.values())


class _Bisection:
    """One curve: gaps up to index ``low`` are solved, those from ``high`` on are not."""

    def __init__(self) -> None:
        self.runs: dict[int, list[RunConfig]] = {}
        self.solved: dict[int, list[bool]] = {}
        self.low = -1
        self.high = 0

    def add(self, config: RunConfig) -> None:
        self.runs.setdefault(config.gap, []).append(config)
        self.high = len(self.runs)

    def next(self) -> list[RunConfig]:
        if self.high - self.low < 2:
            return []
        return self.runs[sorted(self.runs)[(self.low + self.high) // 2]]

    def note(self, config: RunConfig, solved: bool) -> list[RunConfig]:
        seen = self.solved.setdefault(config.gap, [])
        seen.append(solved)
        if len(seen) < len(self.runs[config.gap]):
            return []
        index = sorted(self.runs).index(config.gap)
        if gap_solved(sum(seen), len(seen)):
            self.low = index
        else:
            self.high = index
        return self.next()

    def most(self) -> int:
        return math.ceil(math.log2(len(self.runs) + 1)) * max(len(seeds) for seeds in self.runs.values())


def _curve(config: RunConfig) -> str:
    """What is common to the runs of a curve; the horizon follows the gap, and so does not count."""
    return str(sorted(config.model_dump(exclude={"gap", "seed", "horizon"}).items(), key=lambda item: item[0]))
