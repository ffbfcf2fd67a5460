"""The checks before the first run of a plug-in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rnnbench._cell import Layer
from rnnbench._config import Option, Run
from rnnbench._plugins.registry import CELLS, TASKS, make_task
from rnnbench.task import Task
from rnnbench.testing._cell_checks import COMPILED, cell_findings
from rnnbench.testing._findings import Finding
from rnnbench.testing._task_checks import task_findings


def preflight(run: Run) -> list[Finding]:
    """What the checks say of the cell and the task of a run, with its options and sizes; nothing of those that come with rnnbench.

    A cell or a task is looked at once per process, whatever the seeds and gaps. Each message begins with the name.
    """
    found: list[Finding] = []
    task_entry, cell_entry = TASKS.get(run.task, run.task_source), CELLS.get(run.cell, run.cell_source)
    if task_entry.source:
        found += told(run.task, _task(task_entry.kind, tuple(sorted(run.option.items()))))
    if cell_entry.source:
        options = tuple(sorted(run.cell_option.items()))
        found += told(run.cell, _cell(cell_entry.kind, options, make_task(task_entry, run.option).input_size, run.hidden_size))
    return found


def subject(run: Run) -> tuple[object, ...]:
    """What :func:`preflight` looks at: runs that agree in this are checked together."""
    options = tuple(sorted(run.option.items())), tuple(sorted(run.cell_option.items()))
    return (run.task, run.task_source, run.cell, run.cell_source, run.hidden_size, *options)


def in_one_line(findings: Sequence[Finding]) -> str:
    """What is said of a cell and a task that are not ours; nothing of ours."""
    if not findings:
        return ""
    doubts = [finding.message for finding in findings if finding.fails]
    notes = [finding.message for finding in findings if not finding.fails]
    said = "against the contract: " + "; ".join(doubts) if doubts else "checked, keeps the contract"
    return "; ".join([said, *notes])


def warning(findings: Sequence[Finding]) -> str:
    """The same where someone should know: something is doubtful, or is not compiled; else nothing."""
    return "" if all(finding.message.endswith(COMPILED) for finding in findings) else in_one_line(findings)


def told(name: str, findings: list[Finding]) -> list[Finding]:
    """The findings with a name before each message."""
    return [finding._replace(message=f"{name}: {finding.message}") for finding in findings]


Options = tuple[tuple[str, Option], ...]


@cache
def _task(kind: type[Task], options: Options) -> list[Finding]:
    return task_findings(kind, dict(options))


@cache
def _cell(kind: type[Layer], options: Options, input_size: int, hidden_size: int) -> list[Finding]:
    return cell_findings(kind, dict(options), input_size=input_size, hidden_size=hidden_size)
