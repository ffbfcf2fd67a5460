"""The checks before the first run of a plug-in."""

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

from rnnbench import catalog
from rnnbench.cell import Layer
from rnnbench.config import Option, RunConfig
from rnnbench.task import Task
from rnnbench.testing.cells import cell_findings
from rnnbench.testing.findings import Finding
from rnnbench.testing.tasks import task_findings


def vet(config: RunConfig) -> list[Finding]:
    """What the checks say of the cell and the task of a resolved config, with its options and sizes; nothing of those of ours.

    A cell or a task is looked at once per process, whatever the seeds and gaps. Each message begins with the name.
    """
    found: list[Finding] = []
    task = catalog.make_task(config.task, config.option)
    if not built_in(type(task), catalog.TASKS_FOLDER):
        found += told(task.name, _task(type(task), tuple(sorted(config.option.items()))))
    kind = catalog.cell_class(config.cell)
    if not built_in(kind, catalog.CELLS_FOLDER):
        options = tuple(sorted(config.cell_option.items()))
        found += told(kind.name, _cell(kind, options, task.input_size, config.hidden_size))
    return found


def told(name: str, findings: list[Finding]) -> list[Finding]:
    """The findings with a name before each message."""
    return [finding._replace(message=f"{name}: {finding.message}") for finding in findings]


def built_in(kind: type, folder: Path) -> bool:
    """Whether a class stands in one of the folders that are registries."""
    return Path(str(getattr(sys.modules.get(kind.__module__), "__file__", ""))).parent == folder


Options = tuple[tuple[str, Option], ...]


@cache
def _task(kind: type[Task], options: Options) -> list[Finding]:
    return task_findings(kind, dict(options))


@cache
def _cell(kind: type[Layer], options: Options, input_size: int, hidden_size: int) -> list[Finding]:
    return cell_findings(kind, dict(options), input_size=input_size, hidden_size=hidden_size)
