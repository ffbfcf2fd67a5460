"""The field's claims, as data: each with its source, the runs it needs, the rule that decides it, and what was measured.

A claim is decided on the rows of a study alone. Runs are found by what they measured, whatever engine, device or number of threads
made them; a claim with runs missing is undecided. A claim that the measurement refutes is reworded to what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any, NamedTuple

from rnnbench.config import Run, SweepRequest
from rnnbench.stats import chance_interval, gap_solved, span
from rnnbench.study import Study
from rnnbench.sweep.grid import grid

RunRow = Mapping[str, Any]
"""A row of ``runs.csv``, as text."""


class Ruling(NamedTuple):
    """Whether a claim holds, and the numbers that say so."""

    holds: bool
    numbers: str


@dataclass(frozen=True)
class Claim:
    """One claim.

    Attributes:
        name: short, for the command line.
        statement: what is claimed, in one sentence.
        source: where the field says so.
        needs: the sweeps whose runs decide it.
        quick: smaller sweeps for ``verify --quick``; the same rule decides them. None: the claim cannot be had quickly.
        rule: from the rows of the needed runs to the ruling.
    """

    name: str
    statement: str
    source: str
    needs: tuple[SweepRequest, ...]
    quick: tuple[SweepRequest, ...]
    rule: Callable[[Sequence[RunRow]], Ruling]

    def runs(self, quick: bool) -> list[Run]:
        """The runs that decide it, each once."""
        found = {run.run_id: run for sweep in (self.quick if quick else self.needs) for run in grid(sweep)}
        return list(found.values())


class Verdict(NamedTuple):
    """A claim and how it stands: ``ruling`` is None while some of its runs are missing."""

    claim: Claim
    ruling: Ruling | None
    missing: list[Run]


def verify(study: Study, claims: Sequence[Claim], quick: bool = False) -> list[Verdict]:
    """Decide each claim on the finished runs of a study."""
    known = {record.run_id: record.cells() for record in study.records()}
    verdicts = []
    for claim in claims:
        runs = claim.runs(quick)
        missing = [run for run in runs if run.run_id not in known]
        there = [known[run.run_id] for run in runs if run.run_id in known]
        verdicts.append(Verdict(claim, None if missing else claim.rule(there), missing))
    return verdicts


def sweep(**values: Any) -> SweepRequest:
    """A sweep with five seeds unless it says otherwise."""
    return SweepRequest.model_validate({"seed": [0, 1, 2, 3, 4]} | values)


def where(rows: Sequence[RunRow], **wanted: object) -> list[RunRow]:
    """The rows whose columns have these values."""
    return [row for row in rows if all(row[name] == str(value) for name, value in wanted.items())]


def solved(rows: Sequence[RunRow]) -> int:
    return sum(row["status"] == "solved" for row in rows)


def solved_by(rows: Sequence[RunRow], *names: str) -> str:
    """``lstm copy 5 of 5 (99.6 %), ...``: seeds solved, and their median accuracy, for every combination of the named columns."""
    groups: dict[tuple[str, ...], list[RunRow]] = {}
    for row in rows:
        groups.setdefault(tuple(row[name] for name in names), []).append(row)
    return ", ".join(f"{' '.join(key)} {_outcome(group)}" for key, group in groups.items())


def _outcome(rows: Sequence[RunRow]) -> str:
    return f"{solved(rows)} of {len(rows)} ({100 * middle(rows):.1f} %)"


def middle(rows: Sequence[RunRow]) -> float:
    """Median accuracy."""
    return median(float(row["accuracy"]) for row in rows)


def all_solved(rows: Sequence[RunRow]) -> Ruling:
    """Every cell solves every task and gap with at least 4 in 5 seeds."""
    groups: dict[tuple[str, ...], list[RunRow]] = {}
    for row in rows:
        groups.setdefault((row["cell"], row["task"], row["gap"], row["init"]), []).append(row)
    holds = all(gap_solved(solved(group), len(group)) for group in groups.values())
    return Ruling(holds, "seeds solved: " + solved_by(rows, "cell", "task", "gap"))


def memory_is_needed(rows: Sequence[RunRow]) -> Ruling:
    blind = where(rows, cell="memoryless")
    # one interval for all seeds together: each of n may miss with probability 1 % / n
    level = 1 - 0.01 / len(blind)
    inside = 0
    for row in blind:
        low, high = chance_interval(float(row["chance_accuracy"]), int(row["answers"]), level)
        inside += low <= float(row["accuracy"]) <= high
    rest = [row for row in rows if row["cell"] != "memoryless"]
    seen = ", ".join(f"{100 * float(row['accuracy']):.1f} %" for row in blind)
    return Ruling(
        inside == len(blind) and all_solved(rest).holds,
        f"memoryless {seen} (chance 50 %); seeds solved: {solved_by(rest, 'cell')}",
    )


def best_rates(rows: Sequence[RunRow]) -> dict[tuple[str, str], tuple[str, list[RunRow]]]:
    """By task and gap the learning rate that solves most seeds, or has the best median, and its runs."""
    groups: dict[tuple[str, str], dict[str, list[RunRow]]] = {}
    for row in rows:
        groups.setdefault((row["task"], row["gap"]), {}).setdefault(row["lr"], []).append(row)
    return {key: max(rates.items(), key=lambda item: (solved(item[1]), middle(item[1]))) for key, rates in groups.items()}


def told_rates(best: Mapping[tuple[str, str], tuple[str, list[RunRow]]]) -> str:
    return ", ".join(f"{task} gap {gap}: {_outcome(group)} at lr {lr}" for (task, gap), (lr, group) in best.items())


def best_rate_solves(rows: Sequence[RunRow]) -> Ruling:
    """Each task and gap is solved by at least 4 in 5 seeds at some learning rate of the grid."""
    best = best_rates(rows)
    return Ruling(all(gap_solved(solved(group), len(group)) for _, group in best.values()), told_rates(best))


def short_gaps(rows: Sequence[RunRow]) -> Ruling:
    """At the best rate beijing and recall are solved, copy has a median of at least 90 %; adding is solved by no run."""
    best = best_rates(rows)
    holds = all(
        gap_solved(solved(group), len(group)) if task in ("beijing", "recall") else task != "copy" or middle(group) >= 0.9
        for (task, _), (_, group) in best.items()
    )
    return Ruling(holds and not solved(where(rows, task="adding")), told_rates(best))


def skill_below(**limits: float) -> Callable[[Sequence[RunRow]], Ruling]:
    """Every run of a task, whatever its gap, learning rate and seed, stays below the task's limit of skill."""

    def rule(rows: Sequence[RunRow]) -> Ruling:
        most = {task: max(where(rows, task=task), key=lambda row: float(row["skill"])) for task in limits}
        told = ", ".join(
            f"{task} at most {float(row['skill']):.3f} (gap {row['gap']}, lr {row['lr']}, seed {row['seed']})"
            for task, row in most.items()
        )
        return Ruling(
            all(float(most[task]["skill"]) < limit for task, limit in limits.items()), f"skill over {len(rows)} runs: {told}"
        )

    return rule


def nearly(slow: str, done: str) -> Callable[[Sequence[RunRow]], Ruling]:
    """Cell ``done`` solves what there is; every run of cell ``slow`` ends unsolved, at 90 % or better."""

    def rule(rows: Sequence[RunRow]) -> Ruling:
        behind = where(rows, cell=slow)
        holds = all_solved(where(rows, cell=done)).holds and not solved(behind)
        least = min(float(row["accuracy"]) for row in behind)
        told = f"seeds solved: {solved_by(rows, 'cell', 'task', 'gap')}; the worst {slow} {100 * least:.1f} %"
        return Ruling(holds and least >= 0.9, told)

    return rule


def only(column: str, solving: str) -> Callable[[Sequence[RunRow]], Ruling]:
    """At every task and gap ``solving`` is solved by at least 4 in 5 seeds, any other value by at most 1 in 5, at every rate."""

    def rule(rows: Sequence[RunRow]) -> Ruling:
        groups: dict[tuple[str, ...], list[RunRow]] = {}
        for row in rows:
            groups.setdefault((row[column], row["task"], row["gap"], row["lr"]), []).append(row)
        holds = all(
            gap_solved(solved(group), len(group)) if key[0] == solving else 5 * solved(group) <= len(group)
            for key, group in groups.items()
        )
        return Ruling(holds, "seeds solved: " + solved_by(rows, column, "task", "gap", "lr"))

    return rule


def spans(rows: Sequence[RunRow], column: str) -> dict[str, dict[str, int]]:
    """Span by task and value of ``column``, at the best rate of every gap; 0 where not even the smallest gap is solved."""
    found: dict[str, dict[str, int]] = {}
    for task in sorted({row["task"] for row in rows}):
        here = where(rows, task=task)
        for value in sorted({row[column] for row in here}):
            by_gap: dict[int, dict[str, list[RunRow]]] = {}
            for row in where(here, **{column: value}):
                by_gap.setdefault(int(row["gap"]), {}).setdefault(row["lr"], []).append(row)
            best = {gap: max(rates.values(), key=solved) for gap, rates in by_gap.items()}
            found.setdefault(task, {})[value] = span({gap: (solved(g), len(g)) for gap, g in best.items()}) or 0
    return found


def gated_reach_further(times: int) -> Callable[[Sequence[RunRow]], Ruling]:
    """On every task the span of the gated cells there is at least ``times`` that of rnn."""

    def rule(rows: Sequence[RunRow]) -> Ruling:
        by_task = spans(rows, "cell")
        holds = all(s[cell] >= max(times * s["rnn"], 1) for s in by_task.values() for cell in ("lstm", "gru") if cell in s)
        told = "; ".join(f"{task}: " + ", ".join(f"{c} {n}" for c, n in s.items()) for task, s in by_task.items())
        return Ruling(holds, f"span in time steps, {told}")

    return rule


def orthogonal_reaches_further(rows: Sequence[RunRow]) -> Ruling:
    by_task = spans(rows, "init")
    told = "; ".join(f"{task}: " + ", ".join(f"{c} {n}" for c, n in s.items()) for task, s in by_task.items())
    return Ruling(all(s["orthogonal"] > s["uniform"] for s in by_task.values()), f"span in time steps, {told}")
