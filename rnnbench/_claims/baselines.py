"""Claims about what needs no memory, or no learning."""

from __future__ import annotations

import pandas as pd

from rnnbench._analysis.statistics import chance_interval
from rnnbench._claims.claim import Claim, Evidence, Ruling, sweep, tables, word_of
from rnnbench._claims.evidence import told
from rnnbench.insight._kept import read_table

LATCH = "guess.csv"
NEEDED = ("task", "cell", "gap", "solved", "guesses")


def blind_at_chance(evidence: Evidence) -> Ruling:
    """Every seed of the memoryless network lies in the range of a guesser (all seeds together: 99 %)."""
    records = [record for shown in evidence.shown for record in shown.records]
    level = 1 - 0.01 / len(records)  # each of n may miss with probability 1 % / n
    inside = []
    for record in records:
        low, high = chance_interval(record.chance_accuracy, record.answers, level)
        inside.append(low <= record.accuracy <= high)
    return Ruling(word_of(inside), f"{sum(inside)} of {len(inside)} runs in the range of guessing; {told(evidence.shown)}")


def guessed(evidence: Evidence) -> Ruling:
    """At every gap from 200 on at least 4 in 5 searches found weights that solve beijing."""
    frames = [read_table(path, NEEDED) for path in tables(evidence.study, LATCH)]
    rows = pd.concat(frames, ignore_index=True)
    rows = rows[(rows["task"] == "beijing") & (rows["gap"] >= 200)]
    found = {f"gap {gap}, {cell}": group for (gap, cell), group in rows.groupby(["gap", "cell"])}
    if not found:
        return Ruling("refuted", "no search on beijing at gap 200 or more")
    good = [5 * int(group["solved"].sum()) >= 4 * len(group) for group in found.values()]
    numbers = [
        f"{name}: {int(group['solved'].sum())} of {len(group)} searches, median {group['guesses'].median():,.0f} guesses"
        for name, group in found.items()
    ]
    return Ruling(word_of(good), "; ".join(numbers))


CLAIMS = (
    Claim(
        name="memory-is-needed",
        statement="A network that sees the current word alone must answer alike for both sentences, so it is right half the time.",
        source="the premise of arrive and leave: both sentences end in the same word",
        rule=blind_at_chance,
        needs=(sweep(cell=["memoryless"], task=["beijing"], gap=[0]),),
        quick=(sweep(cell=["memoryless"], task=["beijing"], gap=[0], seed=[0, 1], max_steps=1000),),
    ),
    Claim(
        name="guessing-solves-latch",
        statement="Random guessing of the weights solves latch problems of hundreds of steps that are used to show the problem.",
        source="Hochreiter & Schmidhuber 1996, sections 3 and 4 (latch and 2-sequence problems of 500 to 600 steps)",
        rule=guessed,
        table=LATCH,
        command="rnnbench guess --task beijing --cell rnn --gap 200 --out STUDY/guess",
    ),
)
