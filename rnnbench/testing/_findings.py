"""The findings of the checks, and the function that runs a list of checks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeVar

from rnnbench._errors import PluginError, StorageError, UserError, one_line, out_of_memory, plugin_error_line

Severity = Literal["broken", "doubtful", "note"]


class ContractFinding(NamedTuple):
    """One line about a cell or a task.

    Attributes:
        severity: ``broken`` if results cannot be trusted, ``doubtful`` for any other violation of the contract, ``note`` for
            information.
        check: the check's name.
        message: what is wrong, and what would be right.
    """

    severity: Severity
    check: str
    message: str

    @property
    def fails(self) -> bool:
        """True if the contract is violated."""
        return self.severity != "note"


class BrokenContractError(AssertionError):
    """A violation of the contract of a cell or a task.

    Attributes:
        findings: the violations, one per line of the message.
    """

    def __init__(self, checked: object, findings: list[ContractFinding]) -> None:
        name = checked if isinstance(checked, str | Path) else getattr(checked, "__name__", type(checked).__name__)
        self.findings = findings
        super().__init__("\n".join(f"{name}: {finding.message}" for finding in findings))


Fixture = TypeVar("Fixture")


class Check(NamedTuple, Generic[Fixture]):
    """The check of one property.

    Attributes:
        name: the property.
        messages: yields a message for every violation.
        severity: the severity of its findings.
        stops: True if later checks are meaningless once this one has found something.
        several: True if all its messages are reported; otherwise the check ends at the first one.
    """

    name: str
    messages: Callable[[Fixture], Iterable[str]]
    severity: Severity = "broken"
    stops: bool = True
    several: bool = False


def run_checks(checks: Iterable[Check[Fixture]], fixture: Fixture, make: Callable[[], object] | None) -> Iterator[ContractFinding]:
    """Yield the findings of the checks; an exception in a check is a finding too.

    If options were given, ``make`` builds the class with them first: a refused value is the caller's mistake, not a finding.
    """
    if make is not None:
        try:
            make()
        except UserError as error:
            if not isinstance(error, PluginError):
                raise
    for check in checks:
        found = []
        try:
            messages = islice(check.messages(fixture), None if check.several else 1)
            found = [ContractFinding(check.severity, check.name, message) for message in messages]
        except StorageError:
            raise
        except BaseException as error:  # sys.exit too, but no Ctrl-C
            if out_of_memory(error) or not (isinstance(error, Exception) or plugin_error_line(error)):
                raise
            found = [ContractFinding("broken", check.name, one_line(error))]
        yield from found
        if check.stops and found:
            return
