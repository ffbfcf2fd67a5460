"""Findings: predictions of this project, each committed with its runs and its rule before the seeds that decide it were run.

A change of the sentence, the runs or the rule is a new finding, which needs seeds that have not been run. When the runs of a
finding are added, add both commits to it by hand: ``written`` and ``runs_added``. A test checks their order with git.

A finding written today holds *partly* only if most of what it predicts is so (:func:`most_of`). The seven written with recipe v2
keep their rules, which asked for less.
"""

from __future__ import annotations

from collections.abc import Callable

from rnnbench._claims.claim import Commit, Decision, Evidence, Finding, Rule, Ruling, group_by, one_group, seed_sweep
from rnnbench._claims.evidence import RecipeRuns, describe
from rnnbench._config import SweepRequest

FRESH = [5, 6, 7, 8, 9]
FRESH_V3 = [10, 11, 12, 13, 14]
FINDING_RATES = [0.02, 0.005, 0.001]


def all_without_a_fall(evidence: Evidence) -> Ruling:
    """Decide: holds if every seed solves it and no evaluation is below 90 % after the first above 95 %.

    Partly: at least 4 in 5 seeds solve it.
    """
    (group,) = evidence.groups
    falls = 0
    for record in group.records:
        accuracies = [row.accuracy for row in evidence.study.log(record.run_id) if row.status != "interrupted"]
        above = next((k for k, accuracy in enumerate(accuracies) if accuracy > 0.95), len(accuracies))
        falls += any(accuracy < 0.9 for accuracy in accuracies[above:])
    decision: Decision = "holds" if group.solved == group.seeds and not falls else "partly" if group.mostly_solved else "refuted"
    note = f"{falls} of {group.seeds} seeds fell below 90 % after 95 %"
    return Ruling(decision, f"{note}; {describe([group])}", note)


def most_of(as_predicted: Callable[[RecipeRuns], bool]) -> Rule:
    """Return the rule that holds if all groups of runs are as predicted, partly if more than half are, and is else refuted."""

    def rule(evidence: Evidence) -> Ruling:
        outcomes = [as_predicted(group) for group in evidence.groups]
        decision: Decision = "holds" if all(outcomes) else "partly" if 2 * sum(outcomes) > len(outcomes) else "refuted"
        note = f"{sum(outcomes)} of {len(outcomes)} groups of seeds are as predicted"
        return Ruling(decision, f"{note}; {describe(evidence.groups)}", note)

    return rule


def only_gated_cells_solve(group: RecipeRuns) -> bool:
    """Return True if at least 4 in 5 seeds of a gated cell solve it, or no seed of the vanilla RNN."""
    return group.solved == 0 if group.run.cell == "rnn" else group.mostly_solved


solved_by_most = one_group(lambda group: group.mostly_solved, partly=lambda group: group.solved > 0)
solved_by_none = one_group(lambda group: group.solved == 0, partly=lambda group: group.hardly_solved)
learned_at_all = one_group(lambda group: group.mostly_solved, partly=lambda group: group.skill >= 0.5)


def only_wide_solves(evidence: Evidence) -> Ruling:
    """Decide: holds if 128 units mostly solve it at some rate, and 32 units hardly solve it at every rate.

    Partly: more seeds solve it with 128 units.
    """
    by_width = {width: group for (width,), group in group_by(evidence.groups, "hidden_size").items()}
    wide = any(one.mostly_solved for one in by_width[128])
    narrow = all(one.hardly_solved for one in by_width[32])
    more = max(one.solved for one in by_width[128]) > max(one.solved for one in by_width[32])
    return Ruling("holds" if wide and narrow else "partly" if more else "refuted", describe(evidence.groups))


def at_200(cell: str, lr: float, max_steps: int, *tasks: str) -> SweepRequest:
    """Return the runs of a cell of 128 units with recipe v3 at gap 200."""
    return seed_sweep(recipe="v3", cell=[cell], task=list(tasks), gap=[200], seed=FRESH_V3, lr=[lr], max_steps=max_steps)


FINDINGS = (
    Finding(
        name="lstm-copies-200",
        statement="With a rate that falls linearly from 0.02 to 0 over 8,000 steps every fresh seed of an LSTM of 128 units copies "
        "at gap 200, and no evaluation is below 90 % after the first above 95 %.",
        needs=(seed_sweep(cell=["lstm"], task=["copy"], gap=[200], seed=FRESH, lr=[0.02], max_steps=8000),),
        rule=all_without_a_fall,
        written=Commit("db4c4e838", "2026-11-24"),
        runs_added=Commit("d204d8b31", "2026-11-25"),
    ),
    Finding(
        name="lstm-copies-1000",
        statement="With a rate that falls linearly from 0.02 to 0 over 8,000 steps every fresh seed of an LSTM of 128 units copies "
        "at gap 1,000, and no evaluation is below 90 % after the first above 95 %.",
        needs=(seed_sweep(cell=["lstm"], task=["copy"], gap=[1000], seed=FRESH, lr=[0.02], max_steps=8000),),
        rule=all_without_a_fall,
        written=Commit("db4c4e838", "2026-11-24"),
        runs_added=Commit("d204d8b31", "2026-11-25"),
    ),
    Finding(
        name="lstm-copies-2000",
        statement="With a rate that falls linearly from 0.02 to 0 over 8,000 steps at least 4 in 5 fresh seeds of an LSTM of 128 "
        "units copy at gap 2,000.",
        needs=(seed_sweep(cell=["lstm"], task=["copy"], gap=[2000], seed=FRESH, lr=[0.02], max_steps=8000),),
        rule=solved_by_most,
        written=Commit("5f063bdd8", "2026-11-25"),
        runs_added=Commit("c172a4c14", "2026-11-26"),
    ),
    Finding(
        name="rnn-adds-at-10",
        statement="With 30,000 steps and a rate that falls linearly from 0.001, a vanilla RNN with a uniform start solves adding "
        "at gap 10 with at least 4 in 5 fresh seeds: what looked like a limit was a budget.",
        needs=(seed_sweep(cell=["rnn"], task=["adding"], gap=[10], seed=FRESH, lr=[0.001], max_steps=30000),),
        rule=solved_by_most,
        written=Commit("db4c4e838", "2026-11-24"),
        runs_added=Commit("d204d8b31", "2026-11-25"),
    ),
    Finding(
        name="rnn-does-not-copy-at-50",
        statement="With ten times the budget, 80,000 steps and a rate that falls linearly from 0.001, no fresh seed of a vanilla "
        "RNN with a uniform start solves copy at gap 50.",
        needs=(seed_sweep(cell=["rnn"], task=["copy"], gap=[50], seed=FRESH, lr=[0.001], max_steps=80000),),
        rule=solved_by_none,
        written=Commit("db4c4e838", "2026-11-24"),
        runs_added=Commit("d204d8b31", "2026-11-25"),
    ),
    Finding(
        name="width-decides-beijing",
        statement="On beijing at gap 100 a vanilla RNN of 128 units is solved by at least 4 in 5 fresh seeds at some rate of 0.02, "
        "0.005 and 0.001, one of 32 units by 1 in 5 at most at every rate.",
        needs=(
            seed_sweep(
                cell=["rnn"], task=["beijing"], gap=[100], seed=FRESH, hidden_size=[32, 128], lr=FINDING_RATES, max_steps=3000
            ),
        ),
        rule=only_wide_solves,
        written=Commit("9779075c3", "2026-11-24"),
        runs_added=Commit("d204d8b31", "2026-11-25"),
    ),
    Finding(
        name="lstm-copies-50-symbols",
        statement="An LSTM of 128 units learns to copy 50 symbols after a gap of 10 within 20,000 steps on fresh sequences, with "
        "the rate falling linearly from 0.02.",
        needs=(seed_sweep(cell=["lstm"], task=["copy"], gap=[10], option={"symbols": 50}, seed=FRESH, lr=[0.02], max_steps=20000),),
        rule=learned_at_all,
        written=Commit("db4c4e838", "2026-11-24"),
        runs_added=Commit("d204d8b31", "2026-11-25"),
    ),
    Finding(
        name="v3-gates-reach-200",
        statement="With recipe v3, 128 units and the rates of rates.csv, at least 4 in 5 fresh seeds of the LSTM solve copy, "
        "adding and recall at gap 200, at least 4 in 5 of the GRU solve adding and recall there, and none of the vanilla RNN "
        "solves copy, adding or recall there.",
        needs=(
            at_200("lstm", 0.02, 8000, "copy", "adding"),
            at_200("lstm", 0.02, 3000, "recall"),
            at_200("gru", 0.01, 8000, "adding"),
            at_200("gru", 0.02, 3000, "recall"),
            at_200("rnn", 0.002, 8000, "copy"),
            at_200("rnn", 0.001, 8000, "adding"),
            at_200("rnn", 0.002, 3000, "recall"),
        ),
        rule=most_of(only_gated_cells_solve),
        written=Commit("c2eb88726", "2026-11-27"),
        runs_added=Commit("088e39507", "2026-11-27"),
    ),
)
"""Predictions of this project; undecided until their runs exist."""
