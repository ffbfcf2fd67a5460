"""The checks before the first run of a plug-in."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from rnnbench._cell import Layer
from rnnbench._config import Option, Run
from rnnbench._plugins.registry import CELLS
from rnnbench._spec.resolve import Resolved
from rnnbench.task import Task
from rnnbench.testing._cell_checks import COMPILED, SCANNED, cell_findings, length_findings, sees_length
from rnnbench.testing._findings import ContractFinding
from rnnbench.testing._task_checks import task_findings

Options = tuple[tuple[str, Option], ...]


def preflight(resolved: Resolved, eval_gaps: Sequence[int] = ()) -> list[ContractFinding]:
    """Check the plug-ins of a run with its options and sizes; built-in cells and tasks have no findings.

    Each plug-in is checked once per process, and again after its source has changed, whatever the seeds. A cell that reads whole
    sequences is also checked at the largest length of its training, and at that of ``eval_gaps`` if it is larger. Each message
    begins with the plug-in's name.
    """
    run, task = resolved.run, resolved.task
    findings: list[ContractFinding] = []
    if run.task_source:
        findings += _prefixed(run.task, _checked_task(type(task), run.task_source, tuple(sorted(run.option.items()))))
    if run.cell_source:
        key = resolved.cell_entry.cls, run.cell_source, tuple(sorted(run.cell_option.items())), task.input_size, run.hidden_size
        cell_found = _checked_cell(*key)
        if sees_length(resolved.cell_entry.cls) and not any(finding.severity == "broken" for finding in cell_found):
            trained, evaluated = (max(map(task.length, gaps), default=0) for gaps in (run.trained_gaps, eval_gaps))
            cell_found = [*cell_found, *_checked_length(*key, trained, "trained")]
            cell_found += _checked_length(*key, evaluated, "evaluated") if evaluated > trained else []
        findings += _prefixed(run.cell, cell_found)
    return findings


def preflight_key(run: Run) -> tuple[object, ...]:
    """Return the fields that :func:`preflight` depends on: runs with equal keys need one check."""
    options = tuple(sorted(run.option.items())), tuple(sorted(run.cell_option.items()))
    gaps = run.trained_gaps if run.cell_source and sees_length(CELLS.get(run.cell, run.cell_source).cls) else []
    return (run.task, run.task_source, run.cell, run.cell_source, run.hidden_size, *options, *gaps)


def summary_line(findings: Sequence[ContractFinding]) -> str:
    """Summarise the findings about a run's plug-ins in one line; empty without plug-ins."""
    if not findings:
        return ""
    violations = [finding.message for finding in findings if finding.fails]
    notes = [finding.message for finding in findings if not finding.fails]
    verdict = "against the contract: " + "; ".join(violations) if violations else "checked, keeps the contract"
    return "; ".join([verdict, *notes])


def warning_line(findings: Sequence[ContractFinding]) -> str:
    """Return :func:`summary_line` if the user should be warned: a violation, or a cell that is not compiled. Empty otherwise.

    What is unknown of a wrapped module does not count: its class and ``rnnbench check`` state it.
    """
    warned = [finding for finding in findings if finding.check != "adapter"]
    return "" if all(finding.message.endswith((COMPILED, SCANNED)) for finding in warned) else summary_line(warned)


def _prefixed(name: str, findings: list[ContractFinding]) -> list[ContractFinding]:
    return [finding._replace(message=f"{name}: {finding.message}") for finding in findings]


@cache
def _checked_task(cls: type[Task], source: str, options: Options) -> list[ContractFinding]:
    return task_findings(cls, dict(options))


@cache
def _checked_cell(cls: type[Layer], source: str, options: Options, input_size: int, hidden_size: int) -> list[ContractFinding]:
    return cell_findings(cls, dict(options), input_size=input_size, hidden_size=hidden_size)


@cache
def _checked_length(
    cls: type[Layer], source: str, options: Options, input_size: int, hidden_size: int, steps: int, used: str
) -> list[ContractFinding]:
    return length_findings(cls, dict(options), input_size, hidden_size, steps, used)
