"""The Python interface: the flags of the command line as keywords, and results as DataFrames."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench._cell import Layer
from rnnbench._config import AXES, Gap, Jobs, Options, Seed, SweepRequest, as_list
from rnnbench._errors import UserError, shorten_repr
from rnnbench._plugins.registry import CELLS, TASKS, C, Registry, make_task
from rnnbench._results import Result, Study
from rnnbench._spec.arguments import PathLike, checked, warn
from rnnbench._spec.request import CellLike, CellsLike, TaskLike, TasksLike, class_of, request, spec_of
from rnnbench._spec.resolve import resolve, task_options
from rnnbench._sweep.launch import start_workers
from rnnbench._sweep.recipes import TABLE
from rnnbench._sweep.run_queue import Message
from rnnbench._sweep.sweep_file import read_sweep
from rnnbench._sweep.tuning import Pilots, needed, pilots, with_defaults
from rnnbench._sweep.workers import Workers
from rnnbench._training.interrupt import interruptible_call
from rnnbench._training.model import stream
from rnnbench._training.runner import Runner
from rnnbench.task import Task, Word
from rnnbench.testing._preflight import warning_line

if TYPE_CHECKING:
    import pandas as pd


@checked
def run(
    cell: CellLike,
    task: TaskLike,
    gap: Gap | None = None,
    *,
    out: PathLike | None = None,
    force: bool = False,
    progress: bool | None = None,
    **recipe: object,
) -> Result:
    """Train one network on one task.

    Args:
        cell: a name, a path, a class, or an instance whose options are taken from its attributes; its weights are not taken.
        task: a name, a path, a class, or an instance.
        gap: time steps between what must be remembered and the answer. Default: that of the task, mostly 200.
        out: study folder; a temporary one if None. A finished run in it is not repeated; an interrupted one resumes.
        force: repeat a finished run.
        progress: show a bar, in a notebook or on stderr. Default: only in a notebook or a terminal.
        recipe: any other flag of ``rnnbench run``, as a keyword: ``hidden_size=32``, ``option={"symbols": 5}``.

    Returns:
        The result. After an interruption (Ctrl-C, or a notebook's stop button), its status is ``interrupted``, and the same call
        resumes the run.

    Raises:
        UserError: bad input, in one sentence.
        StorageError: the disk is full.
        BusyError: another process is training this run.

    The findings about a custom cell or task, and the reason why it is not compiled, are warnings.

    Example:
        >>> run(cell="gru", task="beijing", gap=5, hidden_size=8, max_steps=20, eval_every=10, progress=False).status
        'unsolved'
    """
    resolved = resolve(request({"cell": cell, "task": task, "gap": gap} | recipe))
    study = Study.at(scratch("runs") if out is None else out)
    if study.settled(resolved.run.run_id) and not force:
        return Result(resolved, study)
    runner = Runner(resolved, study, force)
    if message := warning_line(runner.findings):
        warn(message)
    with interruptible_call(runner.stop), _bar(progress, resolved.run.max_steps) as advance:
        for row in runner.rows():
            advance(row.step, f"accuracy {row.accuracy:.3f}")
    return Result(resolved, study)


@checked
def sweep(
    cell: CellsLike | None = None,
    task: TasksLike | None = None,
    *,
    file: PathLike | None = None,
    out: PathLike | None = None,
    jobs: Jobs | None = None,
    dask: str | None = None,
    retry_failed: bool = False,
    fail_fast: bool = False,
    progress: bool | None = None,
    **recipe: object,
) -> Study:
    """Train every combination, one process per run.

    Args:
        cell: one or several cells, each as in :func:`run`.
        task: one or several tasks, each as in :func:`run`.
        file: sweep file; a keyword replaces its value.
        out: study folder; a temporary one of this sweep if None. Finished runs in it are skipped.
        jobs: runs at once on this machine; default: one per core.
        dask: address or file of a Dask scheduler to send the runs to.
        retry_failed: repeat runs that failed before.
        fail_fast: stop at the first failure.
        progress: as in :func:`run`.
        recipe: any other flag of ``rnnbench sweep``, as a keyword. cell, task, gap, seed, hidden_size, lr and init take lists.

    Returns:
        The study.

    Raises:
        UserError, StorageError: as :func:`run`.

    Example:
        >>> small = {"hidden_size": 8, "max_steps": 20, "eval_every": 10, "jobs": 1, "progress": False}
        >>> len(sweep(cell=["rnn", "gru"], task="beijing", gap=5, **small).runs())
        2
    """
    requested = sweep_request(file, cell=cell, task=task, **recipe)
    study = Study.create(scratch(_digest(requested)) if out is None else out)
    if first := needed(requested):
        first.check_table()
        finished = _work(start_workers(first.request, Study.create(first.folder), jobs, dask, retry_failed), progress)
        first.record("rnnbench.sweep")
        if not finished:
            return study
    _work(start_workers(requested, study, jobs, dask, retry_failed, fail_fast), progress)
    return study


@checked
def tune(
    cell: CellsLike | None = None,
    task: TasksLike | None = None,
    *,
    file: PathLike | None = None,
    out: PathLike | None = None,
    table: PathLike | None = None,
    jobs: Jobs | None = None,
    dask: str | None = None,
    retry_failed: bool = False,
    progress: bool | None = None,
    **recipe: object,
) -> pd.DataFrame:
    """Choose a learning rate for every cell and task: the same grid for each, on pilot seeds, by one rule.

    With a single gap the rate may not fit other gaps. With fewer than three seeds the choice may be noise.

    Args:
        cell, task, file, out, jobs, dask, retry_failed, progress: as in :func:`sweep`.
        table: CSV file for the choices, which ``sweep(tuned=table)`` reads; default: ``tuning.csv`` in the study folder.
        recipe: any other flag of ``rnnbench tune``, as a keyword.

    Returns:
        The choices, one row per cell, task and initialisation. The column ``rule`` is the rule.

    Raises:
        UserError, StorageError: as :func:`run`.

    Example:
        >>> small = {"hidden_size": 8, "max_steps": 20, "eval_every": 10, "jobs": 1, "progress": False}
        >>> int(tune(cell="rnn", task="beijing", gap=5, lr=[0.02, 0.001], seed=[1000], **small)["candidates"][0])
        2
    """
    import pandas as pd

    requested = with_defaults(sweep_request(file, cell=cell, task=task, **recipe))
    folder = scratch(_digest(requested)) if out is None else Path(out)
    pilot_sweep = Pilots(requested, pilots(requested), folder, Path(table or folder / TABLE))
    pilot_sweep.check_table()
    _work(start_workers(requested, Study.create(folder), jobs, dask, retry_failed), progress)
    return pd.DataFrame([row.model_dump() for row in pilot_sweep.record("rnnbench.tune")])


def _work(workers: Workers, progress: bool | None) -> bool:
    """Run a sweep with a progress bar; return False if it was interrupted."""
    with interruptible_call(workers.stop) as signals, _bar(progress, workers.run_queue.total) as advance:
        for event in workers.events():
            if isinstance(event, Message):
                warn(event.text)
            advance(workers.run_queue.ended, f"{workers.run_queue.failed} failed")
    run_queue = workers.run_queue
    if failed := run_queue.failed + run_queue.failed_before:
        reasons = [f", as {row.run_id}: {row.reason}" for row in run_queue.study.failed_runs() if row.run_id in run_queue.run_ids]
        text = f"{failed} of {run_queue.total} runs failed{reasons[-1] if reasons else ''}; study.failed() has all of them"
        warn(text)
    return not signals


def _digest(requested: SweepRequest) -> str:
    return hashlib.sha256(requested.model_dump_json().encode()).hexdigest()[:10]


def cells() -> dict[str, type[Layer]]:
    """Return the cells that have a name, built-in and installed.

    Example:
        >>> cells()["lstm"].memory
        'gated state'
    """
    return {name: entry.cls for name, entry in CELLS.named().items()}


def tasks() -> dict[str, type[Task]]:
    """Return the tasks that have a name, built-in and installed.

    Example:
        >>> tasks()["beijing"].question
        'Does one early word still decide the answer at a later word?'
    """
    return {name: entry.cls for name, entry in TASKS.named().items()}


@checked
def example(task: TaskLike, gap: Gap, *, seed: Seed = 0, language: str = "en", option: Options | None = None) -> list[Word]:
    """Return one sequence of a task as readable words, the one that ``rnnbench show`` prints.

    Args:
        task: a name, a path, a class, or an instance.
        gap: time steps between what must be remembered and the answer.
        seed: chooses the sequence.
        language: one of the task's languages.
        option: options of the task.

    Returns:
        One :class:`rnnbench.task.Word` per time step: its ``text``, and the ``answer`` due at that step, or None.

    Raises:
        UserError: the task, the gap, the language or an option does not exist.

    Example:
        >>> words = example("beijing", gap=3)
        >>> " ".join(word.text for word in words)
        'arrive we rest slowly beijing'
        >>> [word.answer for word in words]
        [None, None, None, None, 'arriving']
    """
    cls, options = class_of(TASKS, task, option)
    made = make_task(cls, task_options(TASKS.find(cls), options, gap))
    if language not in made.languages:
        raise UserError(f"task {made.name} has no language {shorten_repr(language)}: use {' or '.join(made.languages)}")
    try:
        made.check_gap(gap)
    except ValueError as error:
        raise UserError(str(error)) from error
    return made.words(made.draw(gap, 1, stream(seed, "show"), "eval"), 0, language)


@checked
def load_runs(study: PathLike) -> pd.DataFrame:
    """Return the finished runs of a study folder, one row each; raises UserError if there are none."""
    return Study.open(study).runs()


@checked
def load_logs(study: PathLike) -> pd.DataFrame:
    """Return the evaluations of every run of a study folder, finished or not; raises UserError if there are none."""
    return Study.open(study).logs()


@checked
def load_extrapolation(study: PathLike) -> pd.DataFrame:
    """Return the measurements of finished runs at other gaps; raises UserError if there are none."""
    return Study.open(study).extrapolation()


def sweep_request(file: Path | str | None = None, **values: object) -> SweepRequest:
    """Return the sweep of a file and of values that replace the file's; raises UserError, which names the wrong value."""
    axes = {axis: values.pop(axis) for axis in AXES if values.get(axis) is not None}
    registries: dict[str, Registry[Any]] = {"cell": CELLS, "task": TASKS}
    specs = {axis: [_class_spec(registries[axis], one) for one in as_list(axes[axis])] for axis in registries if axis in axes}
    given = {name: value for name, value in values.items() if value is not None or name not in (*registries, "lr")}
    return read_sweep(Path(file) if file is not None else None, given | axes | specs, str)


def _class_spec(registry: Registry[C], value: object) -> str:
    spec = spec_of(registry, value)
    assert spec is not None
    if spec[1]:
        name = type(value).__name__
        raise UserError(
            f"a sweep takes the class {name}, and its options as cells={{...}} or option={{...}}, not an instance of it"
        )
    return spec[0]


def scratch(name: str) -> Path:
    """Return a temporary folder of this process; the same name gives the same folder."""
    return _scratch() / name


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="rnnbench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@contextlib.contextmanager
def _bar(visible: bool | None, total: int) -> Iterator[Callable[[int, str], None]]:
    """Show a progress bar inside the block, in a terminal or a notebook."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    shown = visible if visible is not None else console.is_jupyter or (console.is_terminal and "CI" not in os.environ)
    if shown and console.is_jupyter:
        with _notebook_bar(total) as advance:
            yield advance
        return
    columns = (BarColumn(), TextColumn("{task.completed:,.0f} of {task.total:,.0f}"), TextColumn("{task.description}"))
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not shown) as bars:
        bar = bars.add_task("", total=total)
        yield lambda done, text: bars.update(bar, completed=done, description=text)


@contextlib.contextmanager
def _notebook_bar(total: int) -> Iterator[Callable[[int, str], None]]:
    """Show a progress bar of plain HTML inside the block; it needs no widgets."""
    from IPython.display import HTML, display

    place = display(HTML("<progress></progress>"), display_id=True)

    def advance(done: int, text: str) -> None:
        place.update(HTML(f'<progress value="{done}" max="{total}"></progress> {done:,} of {total:,} {text}'))

    try:
        yield advance
    finally:
        place.update(HTML(""))
