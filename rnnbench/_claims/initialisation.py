"""Claims about what an initialisation does."""

from __future__ import annotations

from collections.abc import Sequence

from rnnbench._claims.claim import Claim, Evidence, Rule, Ruling, reach, split, sweep, word_of
from rnnbench._claims.evidence import Shown, told
from rnnbench._claims.training import RATES


def helps(better: str, than: Sequence[str]) -> Rule:
    """At every task and gap one initialisation is solved by more seeds than the others, or by all seeds in fewer steps."""

    def rule(evidence: Evidence) -> Ruling:
        outcomes = []
        for here in split(evidence.shown, "cell", "task", "gap").values():
            by_init = {one.run.init: one for one in here}
            outcomes += [_cost(by_init[better]) < _cost(by_init[other]) for other in than]
        return Ruling(word_of(outcomes), told(evidence.shown))

    return rule


def _cost(shown: Shown) -> tuple[float, float]:
    return -shown.solved / shown.seeds, shown.steps


def further(better: str, than: str) -> Rule:
    """On every task one initialisation reaches a larger gap than another."""

    def rule(evidence: Evidence) -> Ruling:
        outcomes, spans = [], []
        for (task,), here in split(evidence.shown, "task").items():
            far = {init: reach(group) for (init,), group in split(here, "init").items()}
            outcomes.append(far[better] > far[than])
            spans.append(f"{task}: " + ", ".join(f"{init} {gap}" for init, gap in far.items()))
        return Ruling(word_of(outcomes), f"largest gap solved, {'; '.join(spans)}. {told(evidence.shown)}")

    return rule


def closes_the_gap(evidence: Evidence) -> Ruling:
    """At every gap the LSTM with forget bias 1 is solved by as many seeds as the GRU, within 1 in 5."""
    outcomes = []
    for pair in split(evidence.shown, "task", "gap").values():
        by_cell = {one.run.cell: one for one in pair}
        outcomes.append(by_cell["gru"].solved / by_cell["gru"].seeds - by_cell["lstm"].solved / by_cell["lstm"].seeds <= 0.2)
    return Ruling(word_of(outcomes), told(evidence.shown))


CLAIMS = (
    Claim(
        name="chrono-helps",
        statement="Chrono initialisation greatly improves the learning of long-term dependencies over the usual forget bias of 1.",
        source="Tallec & Ollivier 2018, abstract and section 4",
        rule=helps("chrono", ["forget-bias"]),
        needs=(
            sweep(cell=["lstm"], task=["recall"], gap=[50, 100, 200], init=["chrono"]),
            sweep(cell=["lstm"], task=["recall"], gap=[50, 100, 200], init=["forget-bias"], lr=RATES),
        ),
        quick=(sweep(cell=["lstm"], task=["recall"], gap=[200], init=["forget-bias", "chrono"], max_steps=1000, seed=[0, 1]),),
    ),
    Claim(
        name="forget-bias-helps",
        statement="A forget bias of 1 closes the gap between the LSTM and the GRU.",
        source="Jozefowicz, Zaremba & Sutskever 2015, abstract",
        rule=closes_the_gap,
        needs=(
            sweep(cell=["lstm"], task=["recall"], gap=[50, 100, 200], init=["forget-bias"], lr=RATES),
            sweep(cell=["gru"], task=["recall"], gap=[50, 100, 200]),
        ),
    ),
    Claim(
        name="orthogonal-extends",
        statement="A vanilla RNN whose recurrent weights start orthogonal learns longer dependencies than from a usual random one.",
        source="Saxe, McClelland & Ganguli 2014; Henaff, Szlam & LeCun 2016, section 4",
        rule=further("orthogonal", "uniform"),
        needs=(
            sweep(
                cell=["rnn"],
                task=["copy", "recall", "beijing"],
                gap=[10, 20, 50, 100, 200],
                init=["uniform", "orthogonal"],
                lr=[0.005, 0.001],
            ),
        ),
        quick=(sweep(cell=["rnn"], task=["copy"], gap=[20], init=["uniform", "orthogonal"], lr=[0.001], seed=[0, 1]),),
    ),
)
