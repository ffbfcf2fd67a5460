"""A sentence about recurrent networks, the runs that it needs, and the rule that decides it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from rnnbench._claims.evidence import Shown, exact, gather, told
from rnnbench._config import Run, SweepRequest
from rnnbench._study import Row, Study
from rnnbench._sweep.grid import grid

Word = Literal["holds", "partly", "refuted"]


class Ruling(NamedTuple):
    """How a sentence comes out, and the numbers that say so."""

    word: Word
    numbers: str


class Evidence(NamedTuple):
    """What a rule sees.

    Attributes:
        shown: what the study shows, one entry per question (of a finding: per question and recipe).
        study: the study, for rules that look at logs or at a table of an explaining command.
    """

    shown: list[Shown]
    study: Study

    def log(self, run_id: str) -> list[Row]:
        """The evaluations of a run, without those that an interruption left."""
        return [row for row in self.study.log(run_id) if row.status != "interrupted"]


Rule = Callable[[Evidence], Ruling]


@dataclass(frozen=True)
class Claim:
    """A sentence of the field.

    Attributes:
        name: short, for the command line.
        statement: what is claimed, in one sentence, true to its source.
        source: paper and section.
        rule: decides it.
        needs: sweeps that ask the questions it speaks of; runs of better recipes than theirs count too.
        quick: smaller sweeps for ``verify --quick``, decided by the same rule; empty: it cannot be had quickly.
        table: the file, left in a study by another command, that decides it in the place of runs; and ``command``, which makes it.
    """

    name: str
    statement: str
    source: str
    rule: Rule
    needs: tuple[SweepRequest, ...] = ()
    quick: tuple[SweepRequest, ...] = ()
    table: str = ""
    command: str = ""

    def runs(self, quick: bool = False) -> list[Run]:
        """The runs that it asks for, each once."""
        found = {run.run_id: run for sweep in (self.quick if quick else self.needs) for run in grid(sweep)}
        return list(found.values())


@dataclass(frozen=True)
class Finding(Claim):
    """A sentence of ours, decided by the runs of ``needs`` and no others, whose seeds had not been run when it was committed."""

    source: str = field(default="rnnbench", init=False)


@dataclass(frozen=True)
class Verdict:
    """A sentence and how it stands in a study.

    Attributes:
        ruling: None while runs are missing.
        missing: the runs that would decide it.
    """

    claim: Claim
    ruling: Ruling | None
    missing: list[Run]

    @property
    def word(self) -> str:
        """holds, partly, refuted or undecided."""
        return self.ruling.word if self.ruling else "undecided"

    @property
    def numbers(self) -> str:
        """What decided it, or what is missing."""
        if self.ruling:
            return self.ruling.numbers
        if self.claim.table:
            return f"no {self.claim.table}: make it with `{self.claim.command}`"
        return f"{len(self.missing)} runs are missing"


def verify(study: Study, claims: Iterable[Claim], quick: bool = False) -> list[Verdict]:
    """Decide claims and findings on the finished runs of a study.

    Args:
        study: the runs.
        claims: of :data:`rnnbench._claims.CLAIMS` or :data:`rnnbench._claims.FINDINGS`, or your own.
        quick: by their smaller sweeps.

    Example:
        >>> from rnnbench._claims import CLAIMS
        >>> import tempfile
        >>> {verdict.word for verdict in verify(Study.create(tempfile.mkdtemp()), CLAIMS)}
        {'undecided'}
    """
    records = {record.run_id: record for record in study.records()}
    verdicts = []
    for claim in claims:
        runs = claim.runs(quick)
        if isinstance(claim, Finding):
            shown, missing = exact(runs, records)
        else:
            shown, missing = gather(runs, records.values())
        there = bool(tables(study, claim.table)) if claim.table else not missing
        verdicts.append(Verdict(claim, claim.rule(Evidence(shown, study)) if there else None, missing))
    return verdicts


def tables(study: Study, name: str) -> list[Path]:
    """The files of a name that commands left in the study or in a folder right below it."""
    return sorted([*study.folder.glob(name), *study.folder.glob(f"*/{name}")])


def sweep(**values: object) -> SweepRequest:
    """A sweep with five seeds, and a rate that falls over the budget, unless it says otherwise."""
    return SweepRequest.model_validate({"seed": [0, 1, 2, 3, 4], "schedule": "linear"} | values)


def word_of(outcomes: Sequence[bool]) -> Word:
    """holds if all of them are as claimed, refuted if none is, else partly."""
    return "holds" if all(outcomes) else "partly" if any(outcomes) else "refuted"


def each(as_claimed: Callable[[Shown], bool]) -> Rule:
    """The rule that looks at every question by itself."""

    def rule(evidence: Evidence) -> Ruling:
        return Ruling(word_of([as_claimed(shown) for shown in evidence.shown]), told(evidence.shown))

    return rule


def split(shown: Iterable[Shown], *fields: str) -> dict[tuple[object, ...], list[Shown]]:
    """What is shown, by the values of fields of its runs."""
    groups: dict[tuple[object, ...], list[Shown]] = {}
    for one in shown:
        groups.setdefault(tuple(getattr(one.run, name) for name in fields), []).append(one)
    return groups


def reach(shown: Iterable[Shown]) -> int:
    """The largest gap up to which every one shown is mostly solved; 0 if not even the smallest is."""
    far = 0
    for one in sorted(shown, key=lambda one: one.run.gap):
        if not one.mostly_solved:
            break
        far = one.run.gap
    return far
