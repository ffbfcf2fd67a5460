"""Runs and sweeps from Python: the same words as on the command line, classes beside names, results as frames."""

from __future__ import annotations

import contextlib
import inspect
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench.catalog import CELLS, TASKS, Entry
from rnnbench.cell import Layer
from rnnbench.config import AXES, Run, RunRequest, SweepRequest
from rnnbench.errors import UserError, mistake
from rnnbench.execute import Execution
from rnnbench.resolve import resolve, task_of
from rnnbench.study import RunRecord, Study
from rnnbench.study.schema import Row
from rnnbench.sweep.agenda import Agenda, no_more
from rnnbench.sweep.files import check_sweep, save_sweep
from rnnbench.sweep.grid import SpanSearch, grid
from rnnbench.sweep.local import Local
from rnnbench.sweep.workers import Workers
from rnnbench.task import Task

if TYPE_CHECKING:
    import pandas as pd

    from rnnbench.model import Model

CellLike = str | type[Layer] | Layer
TaskLike = str | type[Task] | Task


class Result:
    """One finished or interrupted run.

    Attributes:
        run: the run, every default filled in.
        record: its row of ``runs.csv``; None if it was interrupted.
        study: the study that has it.
    """

    def __init__(self, run: Run, study: Study) -> None:
        self.run = run
        self.study = study
        self.record: RunRecord | None = study.finished(run.run_id)

    @property
    def rows(self) -> list[Row]:
        """Its evaluations."""
        return self.study.log(self.run.run_id)

    @property
    def log(self) -> pd.DataFrame:
        """Its evaluations, one row each; columns as in the log's CSV."""
        import pandas as pd

        return pd.DataFrame([row.values() for row in self.rows], columns=list(Row.columns()))

    @property
    def status(self) -> str:
        """solved, unsolved, diverged, gave-up or interrupted."""
        return self.record.status if self.record else "interrupted"

    @property
    def accuracy(self) -> float:
        """Share of right answers at the last evaluation; NaN before the first."""
        measured = [row.accuracy for row in self.rows if row.status != "interrupted"]
        return measured[-1] if measured else float("nan")

    @property
    def chance(self) -> float:
        """Accuracy of the best memoryless predictor."""
        return task_of(self.run).chance(self.run.gap).accuracy

    @property
    def model(self) -> Model:
        """The trained network; raises UserError while there are no weights."""
        from rnnbench.insight.networks import trained

        return trained(self.run, self.study)

    def __repr__(self) -> str:
        steps = self.record.step if self.record else (self.rows[-1].step if self.rows else 0)
        told = f"{self.status} after {steps:,} steps, accuracy {self.accuracy:.3f}, chance {self.chance:.3f}"
        return f"<Result {self.run.run_id}: {told}>"


def run(
    cell: CellLike = "lstm",
    task: TaskLike = "copy",
    gap: int = 200,
    *,
    out: Path | str | None = None,
    force: bool = False,
    progress: bool | None = None,
    **recipe: Any,
) -> Result:
    """Train one network on one task.

    Args:
        cell: a name, a path, a class, or an instance whose options are taken from its attributes.
        task: a name, a path, a class, or an instance.
        gap: time steps between what must be remembered and the answer.
        out: study folder; a temporary one if None. A run that it has is not repeated; an interrupted one resumes.
        force: run it again if the study has it.
        progress: whether to show a bar (in a notebook, or on stderr). Default: where someone can see it.
        recipe: any other flag of ``rnnbench run``, as a keyword: ``hidden_size=32``, ``option={"symbols": 5}``.

    Returns:
        The result. Interrupting (Ctrl-C, or a notebook's stop button) keeps what was done: the result says ``interrupted``, and the
        same call resumes.

    Raises:
        UserError: bad input, in one sentence.
        StorageError: the disk is full.

    Example:
        >>> run(cell="gru", task="beijing", gap=5, hidden_size=16, max_steps=20, eval_every=10, progress=False).status
        'unsolved'
    """
    wanted = resolve(request(cell=cell, task=task, gap=gap, **recipe))
    study = Study.create(scratch() if out is None else out)
    if study.settled(wanted.run_id) and not force:
        return Result(wanted, study)
    execution = Execution(wanted, study, force)
    with interruptible(execution), _bar(progress, wanted.max_steps) as advance:
        for row in execution.rows():
            advance(row.step, f"accuracy {row.accuracy:.3f}")
    return Result(wanted, study)


def sweep(
    cell: CellLike | Iterable[CellLike],
    task: TaskLike | Iterable[TaskLike],
    *,
    out: Path | str | None = None,
    jobs: int | None = None,
    dask: str | None = None,
    search_span: bool = False,
    retry_failed: bool = False,
    fail_fast: bool = False,
    progress: bool | None = None,
    **recipe: Any,
) -> Study:
    """Train every combination, one process per run.

    Args:
        cell, task: one or several, each as in :func:`run`.
        out: study folder; a temporary one if None. Runs that it has are skipped.
        jobs: runs at once on this machine; default: one per core.
        dask: address or file of a Dask scheduler to send the runs to.
        search_span: bisect the gaps for the largest one solved, not the whole grid.
        retry_failed: try runs again that failed before.
        fail_fast: stop at the first failure.
        progress: as in :func:`run`.
        recipe: any other flag of ``rnnbench sweep``, as a keyword; those of :data:`rnnbench.config.AXES` take lists.

    Returns:
        The study.

    Raises:
        UserError, StorageError: as :func:`run`.
    """
    asked = sweep_request(cell=cell, task=task, **recipe)
    study = Study.create(scratch() if out is None else out)
    agenda = plan(asked, study, search_span, retry_failed)
    save_sweep(asked, study)
    workers = make_workers(agenda, asked, jobs, dask, fail_fast)
    with interruptible(workers), _bar(progress, agenda.total) as advance:
        for _ in workers.events():
            advance(agenda.ended, f"{agenda.failed} failed")
    return study


def cells() -> dict[str, type[Layer]]:
    """The cells that can be asked for by name."""
    return {name: entry.kind for name, entry in CELLS.named().items()}


def tasks() -> dict[str, type[Task]]:
    """The tasks that can be asked for by name."""
    return {name: entry.kind for name, entry in TASKS.named().items()}


def request(**values: Any) -> RunRequest:
    """A request of plain values, classes and instances; raises UserError naming the wrong one."""
    from pydantic import ValidationError

    values = _named(values)
    try:
        return RunRequest.model_validate(values)
    except ValidationError as error:
        raise UserError(mistake(error, str, RunRequest.model_fields)) from error


def sweep_request(**values: Any) -> SweepRequest:
    """A sweep of plain values and classes; raises UserError naming the wrong one."""
    for axis in AXES:
        if axis in values and not isinstance(values[axis], list):
            several = not isinstance(values[axis], str | type) and isinstance(values[axis], Iterable)
            values[axis] = list(values[axis]) if several else [values[axis]]
    for axis, registry in (("cell", CELLS), ("task", TASKS)):
        values[axis] = [_spec(registry, one)[0] for one in values.get(axis, [])]
    return check_sweep(values, lambda key: key)


def plan(asked: SweepRequest, study: Study, search_span: bool = False, retry_failed: bool = False) -> Agenda:
    """What a sweep has to do in a study."""
    runs = grid(asked)
    search = SpanSearch(runs) if search_span else None
    return Agenda(study, search.first() if search else runs, search.after if search else no_more, retry_failed)


def make_workers(agenda: Agenda, asked: SweepRequest, jobs: int | None, dask: str | None, fail_fast: bool = False) -> Workers:
    """Who does it: processes of this machine, or a Dask cluster."""
    if dask is not None:
        from rnnbench.sweep.dask import Dask

        return Dask(agenda, dask, fail_fast)
    return Local(agenda, jobs or at_once(asked), fail_fast)


def at_once(asked: SweepRequest) -> int:
    """Runs at once on this machine: one per core, or one on a GPU however many cores there are."""
    if asked.device != "cpu":
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, cores // asked.threads)


def scratch() -> str:
    """A folder of this process for runs that nobody wants to keep."""
    global _scratch
    if _scratch is None:
        _scratch = tempfile.TemporaryDirectory(prefix="rnnbench-")
    return _scratch.name


_scratch: tempfile.TemporaryDirectory[str] | None = None


def _named(values: dict[str, Any]) -> dict[str, Any]:
    """The values with classes and instances made known, and named."""
    values = dict(values)
    for axis, registry, option in (("cell", CELLS, "cell_option"), ("task", TASKS, "option")):
        values[axis], own = _spec(registry, values[axis])
        if own:
            values[option] = own | dict(values.get(option, {}))
    if isinstance(values.get("lr"), int):
        values["lr"] = float(values["lr"])
    return values


def _spec(registry: Any, wanted: Any) -> tuple[str, dict[str, Any]]:
    """How the registry knows a name, path, class or instance; and the options of an instance, which are its attributes."""
    if isinstance(wanted, str | Path):
        return str(wanted), {}
    kind = wanted if isinstance(wanted, type) else type(wanted)
    entry: Entry[Any] = registry.offer(kind)
    if isinstance(wanted, type):
        return entry.spec, {}
    names = [name for name in inspect.signature(kind).parameters if name not in ("input_size", "hidden_size")]
    missing = [name for name in names if not hasattr(wanted, name)]
    if missing:
        raise UserError(f"{kind.__name__} keeps no attribute {missing[0]!r}: give the class, and its options as cell_option")
    return entry.spec, {name: getattr(wanted, name) for name in names}


@contextlib.contextmanager
def interruptible(work: Execution | Workers) -> Iterator[list[int]]:
    """The first Ctrl-C (or SIGTERM) asks the work to stop after its step, a second one stops at once. Yields the signals seen."""
    import signal
    import threading

    seen: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield seen  # signals reach the main thread alone
        return

    def ask(number: int, frame: object) -> None:
        if seen:
            raise KeyboardInterrupt
        seen.append(number)
        work.stop()

    before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield seen
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _bar(wanted: bool | None, total: int) -> Iterator[Callable[[int, str], None]]:
    """A progress bar, in a terminal or a notebook."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown = wanted if wanted is not None else console.is_terminal or console.is_jupyter
    columns = (BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f}"), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not shown) as bars:
        bar = bars.add_task("", total=total)
        yield lambda done, text: bars.update(bar, completed=done, description=text)
