"""What a study shows of one cell at one task and gap: its best recipe there, over all seeds that are reported."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rnnbench._analysis.summary import rank_key
from rnnbench._config import PILOT_SEEDS, Run, RunFields
from rnnbench._study import RunRecord

QUESTION = (
    *("task", "task_source", "option", "gap", "cell", "cell_source", "cell_option", "init"),
    *("hidden_size", "layers", "block", "train_sequences"),
)
"""What was asked of which network. Every other field is how it was trained, which may be better than a claim asks for."""

Key = tuple[str, ...]


@dataclass(frozen=True)
class Shown:
    """The runs of one recipe for one question.

    Attributes:
        run: one of the runs asked for; speaks for the question.
        records: the runs shown, one per seed.
        recipes: how many recipes the study has for this question; the best is shown, by ``summary.BEST_RULE``.
    """

    run: Run
    records: Sequence[RunRecord]
    recipes: int = 1

    @property
    def seeds(self) -> int:
        return len(self.records)

    @property
    def solved(self) -> int:
        return sum(record.status == "solved" for record in self.records)

    @property
    def mostly_solved(self) -> bool:
        """At least 4 in 5 seeds."""
        return 5 * self.solved >= 4 * self.seeds

    @property
    def hardly_solved(self) -> bool:
        """At most 1 in 5 seeds."""
        return 5 * self.solved <= self.seeds

    @property
    def accuracy(self) -> float:
        """Median over seeds."""
        return median(record.accuracy for record in self.records)

    @property
    def skill(self) -> float:
        """Median over seeds."""
        return median(record.skill for record in self.records)

    @property
    def steps(self) -> float:
        """Median steps to solve of the seeds that did; infinite if none did."""
        steps = [record.steps_to_solve for record in self.records if record.steps_to_solve is not None]
        return median(steps) if steps else float("inf")


def told(shown: Iterable[Shown]) -> str:
    """``rnn (uniform): copy gap 100 0 of 5 (13.9 %), ...; adam lr 0.001 constant, 8,000 steps, best of 3``, by network."""
    networks: dict[str, list[Shown]] = {}
    for one in shown:
        width = "" if one.run.hidden_size == 128 else f", {one.run.hidden_size} units"
        networks.setdefault(f"{one.run.cell} ({one.run.init}{width})", []).append(one)
    return "; ".join(f"{name}: {_outcomes(group)}" for name, group in networks.items())


def _outcomes(shown: Sequence[Shown]) -> str:
    one = [f"{one.run.task} gap {one.run.gap} {one.solved} of {one.seeds} ({100 * one.accuracy:.1f} %)" for one in shown]
    records = [one.records[0] for one in shown]
    kinds = sorted({f"{record.optimizer} {record.schedule}" for record in records})
    rates = _range([record.lr for record in records], "g")
    steps = _range([record.max_steps for record in records], ",")
    tried = _range([one.recipes for one in shown], "d")
    best = "" if tried == "1" else f", best of {tried} recipes each"
    return f"{', '.join(one)} [{', '.join(kinds)}, lr {rates}, {steps} steps{best}]"


def _range(values: Sequence[float], form: str) -> str:
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"


def question(run: RunFields) -> Key:
    """What a run was asked, as texts."""
    return _texts(run, [name for name in RunFields.model_fields if name in QUESTION])


def recipe(run: RunFields) -> Key:
    """How a run was trained, as texts; a horizon follows the gap, and seeds share a recipe."""
    return _texts(run, [name for name in RunFields.model_fields if name not in (*QUESTION, *Run.SPEED, "seed")])


def _texts(run: RunFields, names: Iterable[str]) -> Key:
    values = (getattr(run, name) for name in names)
    return tuple(json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value) for value in values)


def gather(needed: Sequence[Run], records: Iterable[RunRecord]) -> tuple[list[Shown], list[Run]]:
    """What the records show for each question of the runs asked for, and the runs of those questions that they do not answer.

    A question is answered by as many seeds as were asked for, with one recipe whose budget is no smaller; whatever recipe that is,
    so that a claim of failure meets the best that anyone has found. Pilot seeds do not count.
    """
    asked: dict[Key, list[Run]] = {}
    for run in needed:
        asked.setdefault(question(run), []).append(run)
    there: dict[Key, dict[Key, dict[int, RunRecord]]] = {}
    for record in records:
        key = question(record)
        if key in asked and record.seed < PILOT_SEEDS:
            there.setdefault(key, {}).setdefault(recipe(record), {})[record.seed] = record
    shown, missing = [], []
    for key, runs in asked.items():
        groups = [Shown(runs[0], list(seeds.values())) for seeds in there.get(key, {}).values()]
        groups = [group for group in groups if _enough(group, runs)]
        if groups:
            best = min(groups, key=_standing)
            shown.append(Shown(best.run, best.records, len(groups)))
        else:
            missing += runs
    return shown, missing


def _enough(group: Shown, runs: Sequence[Run]) -> bool:
    return group.seeds >= len({run.seed for run in runs}) and group.records[0].max_steps >= min(run.max_steps for run in runs)


def _standing(group: Shown) -> tuple[float, ...]:
    steps = group.steps if group.solved else float("nan")
    return rank_key(group.solved / group.seeds, group.accuracy, steps, group.records[0].lr)


def exact(needed: Sequence[Run], records: Mapping[str, RunRecord]) -> tuple[list[Shown], list[Run]]:
    """The same for findings, which name their runs to the last digit: a group per question and recipe, of these seeds alone."""
    missing = [run for run in needed if run.run_id not in records]
    groups: dict[tuple[Key, Key], list[Run]] = {}
    for run in needed:
        groups.setdefault((question(run), recipe(run)), []).append(run)
    if missing:
        return [], missing
    return [Shown(runs[0], [records[run.run_id] for run in runs]) for runs in groups.values()], []
