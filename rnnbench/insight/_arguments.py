"""The types of the arguments of the measurements, with what they accept."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Protocol, TypeVar

from pydantic import Field, PlainValidator

from rnnbench._config import MOST_SEQUENCES, Amount, Gap, Run, Seed, as_list, several
from rnnbench._spec.arguments import CheckedAs, Function, path_of
from rnnbench._study import StudyFolder

T = TypeVar("T")


class CountingFunction(Protocol):
    """A function that yields pieces of work and may show how many are left: ``tqdm.tqdm``, ``rich.progress.track``, or ``iter``."""

    def __call__(self, work: Sequence[T], /) -> Iterable[T]: ...


class FinishedRun(Protocol):
    """A finished run and the study with its weights, such as a :class:`rnnbench.Result`."""

    @property
    def run(self) -> Run: ...
    @property
    def study(self) -> StudyFolder: ...


def one_run(value: object) -> object:
    """Return a run_id or a finished run; raise ValueError for any other value."""
    if value == "" or not (isinstance(value, str) or isinstance(getattr(value, "run", None), Run)):
        raise ValueError("a run_id or a result of rnnbench.run")
    return value


def several_runs(value: object) -> object:
    """Return run_ids or finished runs as a list; raise ValueError if there are none, or for any other value."""
    try:
        runs = [one_run(one) for one in as_list(value)]
    except ValueError:
        runs = []
    if not runs:
        raise ValueError("run_ids or results of rnnbench.run")
    return runs


def study_like(value: object) -> object:
    """Return a study or the path of its folder; raise ValueError for any other value."""
    return value if isinstance(value, StudyFolder) else path_of(value)


Counting = Annotated[CountingFunction, Function]
OneRun = Annotated[str | FinishedRun, PlainValidator(one_run)]
SeveralRuns = Annotated[str | FinishedRun | Sequence[str | FinishedRun], PlainValidator(several_runs)]
StudyLike = Annotated[StudyFolder | Path | str, PlainValidator(study_like)]
Gaps = Annotated[int | Iterable[int], CheckedAs(several(Gap))]
Seeds = Annotated[int | Iterable[int], CheckedAs(several(Seed))]
Amounts = Annotated[float | Iterable[float], CheckedAs(several(Amount))]
Names = Annotated[str | Sequence[str], CheckedAs(several(Annotated[str, Field(min_length=1)]))]
Index = Annotated[int, Field(ge=0, le=MOST_SEQUENCES)]
