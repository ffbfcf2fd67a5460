"""What a check has to say, and how a list of checks is gone through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Generic, Literal, NamedTuple, TypeVar

from rnnbench._errors import PluginError, StorageError, UserError, blame, out_of_memory

Kind = Literal["broken", "doubtful", "note"]


class Finding(NamedTuple):
    """One line about a cell or a task.

    Attributes:
        kind: ``broken`` if results could not be believed, ``doubtful`` if something else is against the contract, ``note`` for what
            is good to know.
        check: the check's name.
        message: what is the case, and what would be right.
    """

    kind: Kind
    check: str
    message: str

    @property
    def fails(self) -> bool:
        """Whether the contract is not kept."""
        return self.kind != "note"


class BrokenContractError(AssertionError):
    """A cell or a task does not keep its contract.

    Attributes:
        findings: everything that was found, one line each in the message.
    """

    def __init__(self, what: object, findings: list[Finding]) -> None:
        name = what if isinstance(what, str | Path) else getattr(what, "__name__", type(what).__name__)
        self.findings = findings
        super().__init__("\n".join(f"{name}: {finding.message}" for finding in findings))


Subject = TypeVar("Subject")


class Check(NamedTuple, Generic[Subject]):
    """One property.

    Attributes:
        name: of the property.
        look: yields a message for everything that is not as it should be.
        kind: what its findings are.
        stops: whether the checks after it mean nothing once it has found something.
    """

    name: str
    look: Callable[[Subject], Iterable[str]]
    kind: Kind = "broken"
    stops: bool = True


def go_through(checks: Iterable[Check[Subject]], subject: Subject, make: Callable[[], object] | None) -> Iterator[Finding]:
    """What the checks find. An exception in a check is a finding: it comes out of the code that is checked.

    Where options were given, ``make`` makes what is checked with them: a value that it refuses is a mistake of who gave it.
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
            found = [Finding(check.kind, check.name, message) for message in check.look(subject)]
        except StorageError:
            raise
        except BaseException as error:  # sys.exit too, but no Ctrl-C
            if out_of_memory(error) or not (isinstance(error, Exception) or blame(error)):
                raise
            found = [Finding("broken", check.name, one_line(error))]
        yield from found
        if check.stops and found:
            return


def one_line(error: BaseException) -> str:
    """An exception as one line, with file and line number where it comes out of a plug-in."""
    if isinstance(error, UserError):
        return str(error)
    message = " ".join(str(error).split())[:300]
    return blame(error) or f"{type(error).__name__}: {message}"
