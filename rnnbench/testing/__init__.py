"""Checks of the contracts of cells and tasks, for built-in and custom classes.

``check_cell`` and ``check_task`` are meant for your own tests, like scikit-learn's ``check_estimator``. They raise
:class:`BrokenContractError`, an AssertionError with one line per finding. ``cell_findings`` and ``task_findings`` return the
findings. ``rnnbench check FILE`` prints them, and a plug-in is checked before its first run.

The checks cannot detect a cell that only stores the first inputs, or a cell that computes something else than its docstring says.
They cannot detect a task whose answer does not follow from the sequence, or a leak that neither a linear rule nor a few hundred
random features find in the last inputs. They use one width, sequences of at most 64 steps, the CPU and one random initialisation.
Before a run, a cell that reads whole sequences is also checked at the length that is trained.

Example:
    >>> from rnnbench.testing import check_cell, check_task
    >>> check_cell("lstm")
    >>> check_task("copy")
"""

from rnnbench._cell import renamed as _renamed
from rnnbench.testing import _preflight
from rnnbench.testing._cell_checks import cell_findings, check_cell
from rnnbench.testing._findings import BrokenContractError, ContractFinding
from rnnbench.testing._task_checks import check_task, task_findings

__all__ = ["BrokenContractError", "ContractFinding", "cell_findings", "check_cell", "check_task", "task_findings"]

_INTERNAL = {"vet": "preflight", "preflight": "preflight", "subject": "preflight_key"}
_INTERNAL |= {"in_one_line": "summary_line", "warning": "warning_line"}


def __getattr__(name: str) -> object:
    """Return what a former name stands for; to be removed in the next release."""
    if name == "Finding":
        _renamed("rnnbench.testing.Finding", "ContractFinding")
        return ContractFinding
    if name in _INTERNAL:
        _renamed(f"rnnbench.testing.{name}", f"{_preflight.__name__}.{_INTERNAL[name]}, which is internal")
        return getattr(_preflight, _INTERNAL[name])
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
