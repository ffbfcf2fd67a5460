"""Claims and findings: a sentence, the runs that it needs, the rule that decides it, and the verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

from pydantic import Field

from rnnbench._claims.evidence import RecipeRuns, best_recipes, describe, exact_runs
from rnnbench._config import Run, SweepRequest
from rnnbench._study import Record, StudyFolder, Table
from rnnbench._sweep.grid import grid

Decision = Literal["holds", "partly", "refuted"]
NOT_HERE = "not under our recipe"
"""The verdict on a claim of the literature that our runs contradict: its authors' conditions were not those of the runs."""


class Ruling(NamedTuple):
    """The decision of a rule, the numbers behind it as text, and what of them does not follow from the groups of runs."""

    decision: Decision
    numbers: str
    note: str = ""


class Evidence(NamedTuple):
    """The input of a rule.

    Attributes:
        groups: the runs of the study, one group per question (for a finding: per question and recipe).
        study: the study, for rules that read logs or a table of an analysis command.
    """

    groups: list[RecipeRuns]
    study: StudyFolder


Rule = Callable[[Evidence], Ruling]


@dataclass(frozen=True)
class Claim:
    """A claim of the literature.

    Attributes:
        name: short name for the command line.
        statement: the claim, in one sentence, true to its source.
        source: paper and section.
        rule: function from the evidence to the ruling.
        needs: sweeps whose runs decide the claim; runs with better recipes count too.
        quick: smaller sweeps for ``verify --quick``, decided by the same rule; empty without a quick version.
        table: name of a CSV file of an analysis command that decides the claim instead of runs.
        command: the command that writes this table.
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
        """Return the runs that decide the claim, each once."""
        found = {run.run_id: run for sweep in (self.quick if quick else self.needs) for run in grid(sweep)}
        return list(found.values())


class Commit(NamedTuple):
    """A commit: the beginning of its id, and its day."""

    id: str
    day: str

    def __str__(self) -> str:
        return f"{self.id} ({self.day})"


@dataclass(frozen=True)
class Finding(Claim):
    """A prediction of this project, decided only by the runs of ``needs``, whose seeds had not been run when it was committed.

    Attributes:
        written: the commit that wrote the sentence, its runs and its rule; added by hand, as a commit cannot contain its id.
        runs_added: the commit that added the runs; added by hand.
    """

    source: str = field(default="rnnbench", init=False)
    written: Commit | None = None
    runs_added: Commit | None = None

    @property
    def registration(self) -> str:
        """Both commits, in one sentence."""
        if self.written is None:
            return "not registered yet: its commit is missing"
        if self.runs_added is None:
            return f"registered {self.written}; its runs are not committed"
        return f"registered {self.written}, before its runs of {self.runs_added}"


@dataclass(frozen=True)
class Verdict:
    """The verdict of a study on a claim.

    Attributes:
        claim: the claim or finding.
        ruling: the ruling; None while runs are missing.
        missing: the runs that would decide the claim.
        groups: the runs that decided it.
    """

    claim: Claim
    ruling: Ruling | None
    missing: list[Run]
    groups: Sequence[RecipeRuns] = ()

    @property
    def decision(self) -> str:
        """Holds, partly, refuted, not under our recipe, or undecided; only a finding is refuted."""
        if self.ruling is None:
            return "undecided"
        return NOT_HERE if self.ruling.decision == "refuted" and not isinstance(self.claim, Finding) else self.ruling.decision

    @property
    def numbers(self) -> str:
        """The numbers behind the ruling, or a text that names what is missing."""
        if self.ruling:
            return self.ruling.numbers
        if self.claim.table:
            return f"no {self.claim.table}: run `{self.claim.command}`"
        return f"{len(self.missing)} runs are missing"


class VerdictRow(Record):
    """The recorded verdict on a claim or finding: a row of ``verdicts.csv``."""

    KEY = ("name",)

    name: str = Field(description="name of the claim or finding")
    kind: str = Field(description="claim or finding")
    verdict: str = Field(description="holds, partly, refuted (a finding), not under our recipe (a claim), or undecided")
    numbers: str = Field(description="numbers that decided it, or what is missing")
    statement: str = Field(description="the claim in one sentence")
    source: str = Field(description="paper and section; rnnbench for a finding")


def verdict_table(study: StudyFolder) -> Table[VerdictRow]:
    """Return the table of a study's recorded verdicts, which need not exist."""
    return Table(study.folder / "verdicts.csv", VerdictRow)


def record_verdicts(study: StudyFolder, verdicts: Iterable[Verdict]) -> Path:
    """Write the verdicts into ``verdicts.csv``, in the place of earlier ones of the same names, and return the file."""
    rows = [
        VerdictRow(
            name=verdict.claim.name,
            kind=type(verdict.claim).__name__.lower(),
            verdict=verdict.decision,
            numbers=verdict.numbers,
            statement=verdict.claim.statement,
            source=verdict.claim.source,
        )
        for verdict in verdicts
    ]
    table = verdict_table(study)
    table.update(rows)
    return table.path


def recorded_decisions(study: StudyFolder) -> dict[str, str]:
    """Return the recorded decision of every claim and finding by name; raise UserError for a damaged file."""
    rows = verdict_table(study).rows()
    return {row.name: NOT_HERE if (row.kind, row.verdict) == ("claim", "refuted") else row.verdict for row in rows}


def changed_verdicts(verdicts: Iterable[Verdict], before: dict[str, str]) -> list[Verdict]:
    """Return the verdicts that differ from the recorded ones."""
    return [verdict for verdict in verdicts if before.get(verdict.claim.name, verdict.decision) != verdict.decision]


def decide(study: StudyFolder, claims: Iterable[Claim], quick: bool = False) -> list[Verdict]:
    """Decide claims and findings on the finished runs of a study, with ``quick`` by the smaller sweeps."""
    records = {record.run_id: record for record in study.records()}
    verdicts = []
    for claim in claims:
        runs = claim.runs(quick)
        if isinstance(claim, Finding):
            groups, missing = exact_runs(runs, records)
        else:
            groups, missing = best_recipes(runs, records.values())
        complete = bool(find_tables(study, claim.table)) if claim.table else not missing
        verdicts.append(Verdict(claim, claim.rule(Evidence(groups, study)) if complete else None, missing, groups))
    return verdicts


def find_tables(study: StudyFolder, name: str) -> list[Path]:
    """Return the files called ``name`` in a study or in a folder directly below it."""
    return sorted([*study.folder.glob(name), *study.folder.glob(f"*/{name}")])


def seed_sweep(**values: object) -> SweepRequest:
    """Return a sweep; by default with seeds 0 to 4 and recipe v2, with which the committed runs were made."""
    return SweepRequest.model_validate({"seed": [0, 1, 2, 3, 4], "recipe": "v2"} | values)


def combine(outcomes: Sequence[bool]) -> Decision:
    """Decide: holds if all outcomes are as claimed, refuted if none is, else partly."""
    return "holds" if all(outcomes) else "partly" if any(outcomes) else "refuted"


def by_outcomes(outcomes: Callable[[list[RecipeRuns]], Iterable[bool]]) -> Rule:
    """Return the rule that combines outcomes, such as one per task and gap."""
    return lambda evidence: Ruling(combine(list(outcomes(evidence.groups))), describe(evidence.groups))


def each_group(as_claimed: Callable[[RecipeRuns], bool]) -> Rule:
    """Return the rule that tests each group separately."""
    return by_outcomes(lambda groups: map(as_claimed, groups))


def one_group(holds: Callable[[RecipeRuns], bool], partly: Callable[[RecipeRuns], bool]) -> Rule:
    """Return the rule that tests a single group: it holds, else holds partly, else is refuted."""

    def rule(evidence: Evidence) -> Ruling:
        (group,) = evidence.groups
        return Ruling("holds" if holds(group) else "partly" if partly(group) else "refuted", describe([group]))

    return rule


def group_by(groups: Iterable[RecipeRuns], *fields: str) -> dict[tuple[object, ...], list[RecipeRuns]]:
    """Sort groups of runs by the values of some fields."""
    found: dict[tuple[object, ...], list[RecipeRuns]] = {}
    for group in groups:
        found.setdefault(tuple(getattr(group.run, name) for name in fields), []).append(group)
    return found
