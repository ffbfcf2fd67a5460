"""Claims about the effect of an initialisation."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import takewhile

from rnnbench._claims.claim import Claim, Evidence, Ruling, by_outcomes, combine, group_by, seed_sweep
from rnnbench._claims.evidence import RecipeRuns, describe
from rnnbench._claims.training import RATES


@by_outcomes
def chrono_solves_more(groups: list[RecipeRuns]) -> Iterator[bool]:
    """Yield, for each cell, task and gap, whether more seeds solve it with chrono than with forget-bias, or as many sooner."""
    for here in group_by(groups, "cell", "task", "gap").values():
        cost = {one.run.init: (-one.solved / one.seeds, one.steps) for one in here}
        yield cost["chrono"] < cost["forget-bias"]


def largest_solved_gap(groups: list[RecipeRuns]) -> int:
    """Return the largest gap up to which every group is mostly solved; 0 if the smallest gap is not."""
    groups.sort(key=lambda group: group.run.gap)
    return max((group.run.gap for group in takewhile(lambda group: group.mostly_solved, groups)), default=0)


def orthogonal_reaches_further(evidence: Evidence) -> Ruling:
    """Decide whether on every task the orthogonal start solves a larger gap than the uniform one."""
    outcomes, spans = [], []
    for (task,), here in group_by(evidence.groups, "task").items():
        far = {init: largest_solved_gap(group) for (init,), group in group_by(here, "init").items()}
        outcomes.append(far["orthogonal"] > far["uniform"])
        spans.append(f"{task}: " + ", ".join(f"{init} {gap}" for init, gap in far.items()))
    note = f"largest gap solved, {'; '.join(spans)}"
    return Ruling(combine(outcomes), f"{note}. {describe(evidence.groups)}", note)


@by_outcomes
def lstm_matches_gru(groups: list[RecipeRuns]) -> Iterator[bool]:
    """Yield, for every gap, whether as many seeds of the LSTM with forget bias 1 solve it as of the GRU, within 1 in 5."""
    for pair in group_by(groups, "task", "gap").values():
        share = {one.run.cell: one.solved / one.seeds for one in pair}
        yield share["gru"] - share["lstm"] <= 0.2


INITIALISATION_CLAIMS = (
    Claim(
        name="chrono-helps",
        statement="Chrono initialisation greatly improves the learning of long-term dependencies over the usual forget bias of 1.",
        source="Tallec & Ollivier 2018, abstract and section 4",
        rule=chrono_solves_more,
        needs=(
            seed_sweep(cell=["lstm"], task=["recall"], gap=[50, 100, 200], init=["chrono"]),
            seed_sweep(cell=["lstm"], task=["recall"], gap=[50, 100, 200], init=["forget-bias"], lr=RATES),
        ),
        quick=(seed_sweep(cell=["lstm"], task=["recall"], gap=[200], init=["forget-bias", "chrono"], max_steps=1000, seed=[0, 1]),),
    ),
    Claim(
        name="forget-bias-helps",
        statement="A forget bias of 1 closes the gap between the LSTM and the GRU.",
        source="Jozefowicz, Zaremba & Sutskever 2015, abstract",
        rule=lstm_matches_gru,
        needs=(
            seed_sweep(cell=["lstm"], task=["recall"], gap=[50, 100, 200], init=["forget-bias"], lr=RATES),
            seed_sweep(cell=["gru"], task=["recall"], gap=[50, 100, 200]),
        ),
    ),
    Claim(
        name="orthogonal-extends",
        statement="A vanilla RNN whose recurrent weights start orthogonal learns longer dependencies than from a usual random one.",
        source="Saxe, McClelland & Ganguli 2014; Henaff, Szlam & LeCun 2016, section 4",
        rule=orthogonal_reaches_further,
        needs=(
            seed_sweep(
                cell=["rnn"],
                task=["copy", "recall", "beijing"],
                gap=[10, 20, 50, 100, 200],
                init=["uniform", "orthogonal"],
                lr=[0.005, 0.001],
            ),
        ),
        quick=(seed_sweep(cell=["rnn"], task=["copy"], gap=[20], init=["uniform", "orthogonal"], lr=[0.001], seed=[0, 1]),),
    ),
)
