"""Claims about the effect of an initialisation."""

from __future__ import annotations

from collections.abc import Sequence

from rnnbench._claims.claim import Claim, Evidence, Rule, Ruling, combine, group_by, largest_solved_gap, seed_sweep
from rnnbench._claims.evidence import RecipeRuns, describe
from rnnbench._claims.training import RATES


def solves_more(better: str, than: Sequence[str]) -> Rule:
    """Return the rule: with one initialisation more seeds solve each task and gap than with others, or as many in fewer steps."""

    def rule(evidence: Evidence) -> Ruling:
        outcomes = []
        for here in group_by(evidence.groups, "cell", "task", "gap").values():
            by_init = {one.run.init: one for one in here}
            outcomes += [_cost(by_init[better]) < _cost(by_init[other]) for other in than]
        return Ruling(combine(outcomes), describe(evidence.groups))

    return rule


def _cost(group: RecipeRuns) -> tuple[float, float]:
    return -group.solved / group.seeds, group.steps


def reaches_further(better: str, than: str) -> Rule:
    """Return the rule: on every task one initialisation solves a larger gap than another."""

    def rule(evidence: Evidence) -> Ruling:
        outcomes, spans = [], []
        for (task,), here in group_by(evidence.groups, "task").items():
            far = {init: largest_solved_gap(group) for (init,), group in group_by(here, "init").items()}
            outcomes.append(far[better] > far[than])
            spans.append(f"{task}: " + ", ".join(f"{init} {gap}" for init, gap in far.items()))
        return Ruling(combine(outcomes), f"largest gap solved, {'; '.join(spans)}. {describe(evidence.groups)}")

    return rule


def lstm_matches_gru(evidence: Evidence) -> Ruling:
    """Decide whether as many seeds of the LSTM with forget bias 1 solve each gap as of the GRU, within 1 in 5."""
    outcomes = []
    for pair in group_by(evidence.groups, "task", "gap").values():
        by_cell = {one.run.cell: one for one in pair}
        outcomes.append(by_cell["gru"].solved / by_cell["gru"].seeds - by_cell["lstm"].solved / by_cell["lstm"].seeds <= 0.2)
    return Ruling(combine(outcomes), describe(evidence.groups))


INITIALISATION_CLAIMS = (
    Claim(
        name="chrono-helps",
        statement="Chrono initialisation greatly improves the learning of long-term dependencies over the usual forget bias of 1.",
        source="Tallec & Ollivier 2018, abstract and section 4",
        rule=solves_more("chrono", ["forget-bias"]),
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
        rule=reaches_further("orthogonal", "uniform"),
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
