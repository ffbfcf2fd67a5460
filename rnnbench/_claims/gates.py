"""Claims about what gated cells do."""

from __future__ import annotations

from collections.abc import Iterator

from rnnbench._claims.claim import Claim, Evidence, Ruling, by_outcomes, combine, each_group, group_by, seed_sweep
from rnnbench._claims.evidence import RecipeRuns, describe
from rnnbench._claims.training import CLASSIC_TASKS, RATES


@by_outcomes
def alike(groups: list[RecipeRuns]) -> Iterator[bool]:
    """Yield, for every task and gap, whether the shares of seeds that solve it differ by at most 1 in 5 between the cells."""
    for pair in group_by(groups, "task", "gap").values():
        shares = [one.solved / one.seeds for one in pair]
        yield max(shares) - min(shares) <= 0.2


def behind(evidence: Evidence) -> Ruling:
    """Decide whether the LSTM mostly solves each task and gap that the RNN does not mostly solve."""
    outcomes = []
    for pair in group_by(evidence.groups, "task", "gap").values():
        by_cell = {one.run.cell: one for one in pair}
        if not by_cell["rnn"].mostly_solved:
            outcomes.append(by_cell["lstm"].mostly_solved)
    if not outcomes:
        return Ruling("refuted", f"the RNN fails nowhere: {describe(evidence.groups)}", "the RNN fails nowhere")
    return Ruling(combine(outcomes), describe(evidence.groups))


GATE_CLAIMS = (
    Claim(
        name="lstm-bridges-1000",
        statement="An LSTM learns to bridge minimal time lags in excess of 1,000 steps.",
        source="Hochreiter & Schmidhuber 1997, abstract and section 5",
        rule=each_group(lambda group: group.mostly_solved),
        needs=(seed_sweep(cell=["lstm"], task=CLASSIC_TASKS, gap=[1000]),),
        quick=(seed_sweep(cell=["lstm"], task=["beijing"], gap=[1000], seed=[0, 1]),),
    ),
    Claim(
        name="lstm-bridges-hundreds",
        statement="An LSTM solves tasks with minimal time lags of hundreds of steps.",
        source="Hochreiter & Schmidhuber 1997, sections 5.2 to 5.6",
        rule=each_group(lambda group: group.mostly_solved),
        needs=(seed_sweep(cell=["lstm"], task=CLASSIC_TASKS, gap=[200, 500]),),
        quick=(seed_sweep(cell=["lstm"], task=["beijing", "recall"], gap=[200], seed=[0, 1]),),
    ),
    Claim(
        name="lstm-adds",
        statement="An LSTM solves the adding problem at lengths of 100 and 1,000.",
        source="Hochreiter & Schmidhuber 1997, section 5.4, table 7",
        rule=each_group(lambda group: group.mostly_solved),
        needs=(seed_sweep(cell=["lstm"], task=["adding"], gap=[50, 500]),),
        quick=(seed_sweep(cell=["lstm"], task=["adding"], gap=[50], seed=[0, 1]),),
    ),
    Claim(
        name="lstm-cannot-copy-200",
        statement="On the copying problem an LSTM beats the memoryless baseline at 100 steps only; at 200 and beyond it does not.",
        source="Arjovsky, Shah & Bengio 2016, section 5.1",
        rule=each_group(lambda group: all(record.skill < 0.05 for record in group.records)),
        needs=(seed_sweep(cell=["lstm"], task=["copy"], gap=[200, 500]),),
    ),
    Claim(
        name="lstm-cannot-copy-50-symbols",
        statement="An LSTM stays near chance on copying 50 symbols after a delay of 10 steps (error 0.84, chance 0.875).",
        source="CogScale 0.2.0, its own table of results: the best of 150 runs",
        rule=each_group(lambda group: group.skill < 0.05),
        needs=(seed_sweep(cell=["lstm"], task=["copy"], gap=[10], option={"symbols": 50}),),
    ),
    Claim(
        name="gru-like-lstm",
        statement="The GRU is comparable to the LSTM.",
        source="Chung, Gulcehre, Cho & Bengio 2014, abstract and section 5",
        rule=alike,
        needs=(seed_sweep(cell=["lstm", "gru"], task=CLASSIC_TASKS, gap=[100, 200, 500]),),
        quick=(seed_sweep(cell=["lstm", "gru"], task=["beijing", "recall"], gap=[200], seed=[0, 1]),),
    ),
    Claim(
        name="reset-before-or-after",
        statement="The GRU performs as well with the reset gate before the recurrent product as with it after the product.",
        source="Chung, Gulcehre, Cho & Bengio 2014, section 3.2, footnote",
        rule=alike,
        needs=(seed_sweep(cell=["gru", "gru-torch"], task=["adding", "recall"], gap=[200]),),
        quick=(seed_sweep(cell=["gru", "gru-torch"], task=["recall"], gap=[200], seed=[0, 1]),),
    ),
    Claim(
        name="rnn-falls-behind",
        statement="Where a vanilla RNN fails to carry information over a lag, a gated cell of equal width carries it.",
        source="Hochreiter & Schmidhuber 1997, section 5; Chung et al. 2014, section 5",
        rule=behind,
        needs=(
            seed_sweep(cell=["rnn"], task=CLASSIC_TASKS, gap=[50, 200], lr=RATES),
            seed_sweep(cell=["lstm"], task=CLASSIC_TASKS, gap=[50, 200]),
        ),
        quick=(seed_sweep(cell=["rnn", "lstm"], task=["recall"], gap=[100], seed=[0, 1]),),
    ),
)
