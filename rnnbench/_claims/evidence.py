"""Groups of runs that answer one question: one cell on one task and gap, with its best recipe and all reported seeds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from rnnbench._analysis.statistics import gap_solved
from rnnbench._analysis.summary import rank_key
from rnnbench._config import PILOT_SEEDS, Run, RunFields
from rnnbench._study import RunRecord

QUESTION_FIELDS = (
    *("task", "task_source", "option", "gap", "cell", "cell_source", "cell_option", "init"),
    *("hidden_size", "layers", "block", "train_sequences", "train_gaps"),
)
"""Fields that define the question and the network. All other fields are the recipe."""

TextKey = tuple[str, ...]


@dataclass(frozen=True)
class RecipeRuns:
    """The runs of one recipe for one question; accuracy and skill are medians over seeds.

    Attributes:
        run: one of the runs, for the fields of the question.
        records: the finished runs, one per seed.
        recipes: number of recipes that the study contains for this question; this is the best by ``summary.BEST_RULE``.
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
        """True if at least 4 in 5 seeds solved it."""
        return gap_solved(self.solved, self.seeds)

    @property
    def hardly_solved(self) -> bool:
        """True if at most 1 in 5 seeds solved it."""
        return 5 * self.solved <= self.seeds

    @property
    def accuracy(self) -> float:
        return median(record.accuracy for record in self.records)

    @property
    def skill(self) -> float:
        return median(record.skill for record in self.records)

    @property
    def steps(self) -> float:
        """Median steps to solve over the seeds that solved it; infinite if none did."""
        steps = [record.steps_to_solve for record in self.records if record.steps_to_solve is not None]
        return median(steps) if steps else float("inf")

    @property
    def rank(self) -> tuple[float, ...]:
        """Sort key of ``summary.BEST_RULE``, the best recipe first."""
        return rank_key(self.solved / self.seeds, self.accuracy, self.steps, self.records[0].lr)


def describe(groups: Iterable[RecipeRuns]) -> str:
    """Return ``rnn (uniform): copy gap 100 0 of 5 (13.9 %), ...; adam lr 0.001 constant, 8,000 steps, best of 3``, per network."""
    networks: dict[str, list[RecipeRuns]] = {}
    for group in groups:
        run = group.run
        width = "" if run.hidden_size == 128 else f", {run.hidden_size} units"
        networks.setdefault(f"{run.cell} ({run.init}{width})", []).append(group)
    return "; ".join(f"{name}: {_outcomes(same)}" for name, same in networks.items())


def _outcomes(groups: Sequence[RecipeRuns]) -> str:
    counts = [f"{one.run.task} gap {one.run.gap} {one.solved} of {one.seeds} ({100 * one.accuracy:.1f} %)" for one in groups]
    return f"{', '.join(counts)} [{recipe_text(groups)}]"


def recipe_text(groups: Sequence[RecipeRuns]) -> str:
    """Return the optimisers, rates, budgets and numbers of recipes of some groups, each from low to high."""
    records = [group.records[0] for group in groups]
    optimizers = sorted({f"{record.optimizer} {record.schedule}" for record in records})
    rates = _low_to_high([record.lr for record in records], "g")
    steps = _low_to_high([record.max_steps for record in records], ",")
    recipes = _low_to_high([group.recipes for group in groups], "d")
    best = "" if recipes == "1" else f", best of {recipes} recipes each"
    return f"{', '.join(optimizers)}, lr {rates}, {steps} steps{best}"


def _low_to_high(values: Sequence[float], form: str) -> str:
    low, high = f"{min(values):{form}}", f"{max(values):{form}}"
    return low if low == high else f"{low} to {high}"


def question_key(run: RunFields) -> TextKey:
    """Return the fields of a run's question, as texts."""
    return _texts(run, [name for name in RunFields.model_fields if name in QUESTION_FIELDS])


def recipe_key(run: RunFields) -> TextKey:
    """Return the fields of a run's recipe, as texts, without the seed."""
    return _texts(run, [name for name in RunFields.model_fields if name not in (*QUESTION_FIELDS, *Run.SPEED, "seed")])


def _texts(run: RunFields, names: Iterable[str]) -> TextKey:
    values = (getattr(run, name) for name in names)
    return tuple(json.dumps(value, sort_keys=True) if isinstance(value, dict) else str(value) for value in values)


def best_recipes(needed: Sequence[Run], records: Iterable[RunRecord]) -> tuple[list[RecipeRuns], list[Run]]:
    """Find the best recipe in the records for each question of the needed runs.

    A recipe answers a question if it has at least as many seeds, and at least the budget, of the needed runs. Any recipe counts, so
    that a claim of failure is tested against the best known recipe. Pilot seeds do not count.

    Returns:
        The best group per answered question, and the needed runs of unanswered questions.
    """
    questions: dict[TextKey, list[Run]] = {}
    for run in needed:
        questions.setdefault(question_key(run), []).append(run)
    asked = {(run.task, run.cell, run.gap) for run in needed}  # compared first, since a key takes longer
    finished: dict[TextKey, dict[TextKey, dict[int, RunRecord]]] = {}
    for record in records:
        if (record.task, record.cell, record.gap) not in asked or record.seed >= PILOT_SEEDS:
            continue
        key = question_key(record)
        if key in questions:
            finished.setdefault(key, {}).setdefault(recipe_key(record), {})[record.seed] = record
    found, missing = [], []
    for key, runs in questions.items():
        groups = [RecipeRuns(runs[0], list(recorded.values())) for recorded in finished.get(key, {}).values()]
        seeds, budget = len({run.seed for run in runs}), min(run.max_steps for run in runs)
        groups = [group for group in groups if group.seeds >= seeds and group.records[0].max_steps >= budget]
        if groups:
            found.append(replace(min(groups, key=lambda group: group.rank), recipes=len(groups)))
        else:
            missing += runs
    return found, missing


def exact_runs(needed: Sequence[Run], records: Mapping[str, RunRecord]) -> tuple[list[RecipeRuns], list[Run]]:
    """Group exactly the needed runs by question and recipe; findings define every field of their runs.

    Returns:
        The groups, empty while runs are missing, and the missing runs.
    """
    missing = [run for run in needed if run.run_id not in records]
    groups: dict[tuple[TextKey, TextKey], list[Run]] = {}
    for run in needed:
        groups.setdefault((question_key(run), recipe_key(run)), []).append(run)
    if missing:
        return [], missing
    return [RecipeRuns(runs[0], [records[run.run_id] for run in runs]) for runs in groups.values()], []
