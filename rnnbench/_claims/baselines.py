"""Claims about what works without memory, or without learning."""

from __future__ import annotations

import pandas as pd

from rnnbench._analysis.statistics import chance_interval, gap_solved
from rnnbench._claims.claim import Claim, Evidence, Ruling, combine, find_tables, seed_sweep
from rnnbench._claims.evidence import describe
from rnnbench._study import Table
from rnnbench._study.insight_tables import GuessRow

GUESS_TABLE = "guess.csv"


def blind_at_chance(evidence: Evidence) -> Ruling:
    """Decide whether every seed of the memoryless network is within the range of guessing (99 % for all seeds together)."""
    records = [record for group in evidence.groups for record in group.records]
    level = 1 - 0.01 / len(records)  # Bonferroni: 1 % / n for each of n runs
    inside = []
    for record in records:
        low, high = chance_interval(record.chance_accuracy, record.answers, level)
        inside.append(low <= record.accuracy <= high)
    note = f"{sum(inside)} of {len(inside)} runs in the range of guessing"
    return Ruling(combine(inside), f"{note}; {describe(evidence.groups)}", note)


def guessed(evidence: Evidence) -> Ruling:
    """Return whether, at every gap of 200 or more, at least 4 in 5 searches found weights that solve beijing."""
    frames = [Table(path, GuessRow).frame() for path in find_tables(evidence.study, GUESS_TABLE)]
    rows = pd.concat(frames, ignore_index=True)
    rows = rows[(rows["task"] == "beijing") & (rows["gap"] >= 200)]
    found = {f"gap {gap}, {cell}": group for (gap, cell), group in rows.groupby(["gap", "cell"])}
    if not found:
        return Ruling("refuted", "no search on beijing at gap 200 or more", "no search on beijing at gap 200 or more")
    good = [gap_solved(int(group["solved"].sum()), len(group)) for group in found.values()]
    numbers = [
        f"{name}: {int(group['solved'].sum())} of {len(group)} searches, median {group['guesses'].median():,.0f} guesses"
        for name, group in found.items()
    ]
    return Ruling(combine(good), "; ".join(numbers), "; ".join(numbers))


BASELINE_CLAIMS = (
    Claim(
        name="memory-is-needed",
        statement="A network that sees the current word alone must answer alike for both sentences, so it is right half the time.",
        source="the premise of arrive and leave: both sentences end in the same word",
        rule=blind_at_chance,
        needs=(seed_sweep(cell=["memoryless"], task=["beijing"], gap=[0]),),
        quick=(seed_sweep(cell=["memoryless"], task=["beijing"], gap=[0], seed=[0, 1], max_steps=1000),),
    ),
    Claim(
        name="guessing-solves-latch",
        statement="Random guessing of the weights solves latch problems of hundreds of steps that are used to show the problem.",
        source="Hochreiter & Schmidhuber 1996, sections 3 and 4 (latch and 2-sequence problems of 500 to 600 steps)",
        rule=guessed,
        table=GUESS_TABLE,
        command="rnnbench guess --task beijing --cell rnn --gap 200 --out STUDY/guess",
    ),
)
