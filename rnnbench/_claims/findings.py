"""Our own sentences. Each was committed with its runs and its rule before the seeds that decide it, 5 to 9, had been run.

To change a sentence, its runs or its rule is to write a new finding: it then needs seeds that nobody has run.
"""

from __future__ import annotations

from rnnbench._claims.claim import Evidence, Finding, Ruling, Word, split, sweep
from rnnbench._claims.evidence import told

FRESH = [5, 6, 7, 8, 9]
RATES = [0.02, 0.005, 0.001]


def all_without_a_fall(evidence: Evidence) -> Ruling:
    """Holds: every seed solves it, and no evaluation is below 90 % after the first above 95 %. Partly: at least 4 in 5 solve it."""
    (shown,) = evidence.shown
    falls = 0
    for record in shown.records:
        accuracies = [row.accuracy for row in evidence.log(record.run_id)]
        above = next((k for k, accuracy in enumerate(accuracies) if accuracy > 0.95), len(accuracies))
        falls += any(accuracy < 0.9 for accuracy in accuracies[above:])
    word: Word = "holds" if shown.solved == shown.seeds and not falls else "partly" if shown.mostly_solved else "refuted"
    return Ruling(word, f"{falls} of {shown.seeds} seeds fell below 90 % after 95 %; {told([shown])}")


def mostly(evidence: Evidence) -> Ruling:
    """Holds: at least 4 in 5 seeds solve it. Partly: some do."""
    (shown,) = evidence.shown
    return Ruling("holds" if shown.mostly_solved else "partly" if shown.solved else "refuted", told([shown]))


def none(evidence: Evidence) -> Ruling:
    """Holds: no seed solves it. Partly: at most 1 in 5 does."""
    (shown,) = evidence.shown
    return Ruling("holds" if not shown.solved else "partly" if shown.hardly_solved else "refuted", told([shown]))


def wide_alone(evidence: Evidence) -> Ruling:
    """Holds: 128 units mostly solve it at some rate, 32 units by 1 in 5 at most at every rate. Partly: 128 solve more."""
    by_width = {width: shown for (width,), shown in split(evidence.shown, "hidden_size").items()}
    wide = any(one.mostly_solved for one in by_width[128])
    narrow = all(one.hardly_solved for one in by_width[32])
    more = max(one.solved for one in by_width[128]) > max(one.solved for one in by_width[32])
    return Ruling("holds" if wide and narrow else "partly" if more else "refuted", told(evidence.shown))


def learned(evidence: Evidence) -> Ruling:
    """Holds: at least 4 in 5 seeds solve it. Partly: the median skill is at least 0.5."""
    (shown,) = evidence.shown
    return Ruling("holds" if shown.mostly_solved else "partly" if shown.skill >= 0.5 else "refuted", told([shown]))


FINDINGS = (
    Finding(
        name="lstm-copies-200",
        statement="With a rate that falls linearly from 0.02 to 0 over 8,000 steps every fresh seed of an LSTM of 128 units copies "
        "at gap 200, and no evaluation is below 90 % after the first above 95 %.",
        needs=(sweep(cell=["lstm"], task=["copy"], gap=[200], seed=FRESH, lr=[0.02], max_steps=8000, schedule="linear"),),
        rule=all_without_a_fall,
    ),
    Finding(
        name="lstm-copies-1000",
        statement="With a rate that falls linearly from 0.02 to 0 over 8,000 steps every fresh seed of an LSTM of 128 units copies "
        "at gap 1,000, and no evaluation is below 90 % after the first above 95 %.",
        needs=(sweep(cell=["lstm"], task=["copy"], gap=[1000], seed=FRESH, lr=[0.02], max_steps=8000, schedule="linear"),),
        rule=all_without_a_fall,
    ),
    Finding(
        name="lstm-copies-2000",
        statement="With a rate that falls linearly from 0.02 to 0 over 8,000 steps at least 4 in 5 fresh seeds of an LSTM of 128 "
        "units copy at gap 2,000.",
        needs=(sweep(cell=["lstm"], task=["copy"], gap=[2000], seed=FRESH, lr=[0.02], max_steps=8000, schedule="linear"),),
        rule=mostly,
    ),
    Finding(
        name="rnn-adds-at-10",
        statement="With 30,000 steps and a rate that falls linearly from 0.001, a vanilla RNN with a uniform start solves adding "
        "at gap 10 with at least 4 in 5 fresh seeds: what looked like a limit was a budget.",
        needs=(sweep(cell=["rnn"], task=["adding"], gap=[10], seed=FRESH, lr=[0.001], max_steps=30000, schedule="linear"),),
        rule=mostly,
    ),
    Finding(
        name="rnn-does-not-copy-at-50",
        statement="With ten times the budget, 80,000 steps and a rate that falls linearly from 0.001, no fresh seed of a vanilla "
        "RNN with a uniform start solves copy at gap 50.",
        needs=(sweep(cell=["rnn"], task=["copy"], gap=[50], seed=FRESH, lr=[0.001], max_steps=80000, schedule="linear"),),
        rule=none,
    ),
    Finding(
        name="width-decides-beijing",
        statement="On beijing at gap 100 a vanilla RNN of 128 units is solved by at least 4 in 5 fresh seeds at some rate of 0.02, "
        "0.005 and 0.001, one of 32 units by 1 in 5 at most at every rate.",
        needs=(
            sweep(
                cell=["rnn"],
                task=["beijing"],
                gap=[100],
                seed=FRESH,
                hidden_size=[32, 128],
                lr=RATES,
                max_steps=3000,
                schedule="linear",
            ),
        ),
        rule=wide_alone,
    ),
    Finding(
        name="lstm-copies-50-symbols",
        statement="An LSTM of 128 units learns to copy 50 symbols after a gap of 10 within 20,000 steps on fresh sequences, with "
        "the rate falling linearly from 0.02.",
        needs=(
            sweep(
                cell=["lstm"],
                task=["copy"],
                gap=[10],
                option={"symbols": 50},
                seed=FRESH,
                lr=[0.02],
                max_steps=20000,
                schedule="linear",
            ),
        ),
        rule=learned,
    ),
)
"""Sentences of ours; undecided until their runs are there."""
