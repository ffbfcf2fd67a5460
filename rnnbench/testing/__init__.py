"""The contracts as checks: of a cell and of a task, your own or ours.

``check_cell`` and ``check_task`` are meant for a test of yours, as scikit-learn's ``check_estimator`` is: they raise
:class:`BrokenContractError`, an AssertionError that has one line per finding. ``cell_findings`` and ``task_findings`` return the
findings, ``rnnbench check FILE`` prints them, and :func:`preflight` holds a plug-in to them before its first run.

What they cannot detect: a cell that simply stores the first inputs is causal, and passes; so does one that computes something else
than its docstring says. Of a task, an answer that nothing in the sequence decides, and a leak that neither a linear rule nor a few
hundred random features find in the last inputs. They see one width, short sequences, the CPU and one random start.

Example:
    >>> from rnnbench.testing import check_cell, check_task
    >>> check_cell("lstm")
    >>> check_task("copy")
"""

from rnnbench.testing._cell_checks import cell_findings, check_cell
from rnnbench.testing._findings import BrokenContractError, Finding
from rnnbench.testing._preflight import in_one_line, preflight, subject, warning
from rnnbench.testing._task_checks import check_task, task_findings

__all__ = [
    "BrokenContractError",
    "Finding",
    "cell_findings",
    "check_cell",
    "check_task",
    "in_one_line",
    "preflight",
    "subject",
    "task_findings",
    "warning",
]
