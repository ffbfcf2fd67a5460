"""The gap-blind curves and the budgets of atlas-2: what became of their predictions, computed with plain pandas."""

from collections.abc import Callable
from functools import cache

import pandas as pd
import pytest

from tests.atlas_2 import FOLDER, Outcome, check_row, page

INITS = {"lstm": "chrono", "gru": "chrono", "lem": "chrono", "lru": "ring"}


@cache
def runs(study: str = "") -> pd.DataFrame:
    return pd.read_csv(FOLDER / study / "runs.csv", low_memory=False)


def seeds(study: str, task: str, cell: str, gap: int, **more: object) -> pd.DataFrame:
    """Return the five runs of a curve at a gap."""
    found = runs(study)
    for name, value in ({"task": task, "cell": cell, "gap": gap} | more).items():
        found = found[found[name] == value]
    assert sorted(found["seed"]) == [0, 1, 2, 3, 4]
    return found


def solved(*which: object, **more: object) -> int:
    return int(seeds(*which, **more)["status"].eq("solved").sum())  # type: ignore[arg-type]


def median(*which: object, **more: object) -> float:
    return float(seeds(*which, **more)["accuracy"].median() * 100)  # type: ignore[arg-type]


def prediction_7() -> Outcome:
    counts = {cell: solved("blind", "recall", cell, 200, horizon=100) for cell in INITS}
    return ", ".join(f"{cell} {count}" for cell, count in counts.items()) + " of 5", [count >= 4 for count in counts.values()]


def prediction_8() -> Outcome:
    both = {
        cell: (median("blind", "copy", cell, 200, horizon=100), median("", "copy", cell, 200, init=init))
        for cell, init in INITS.items()
    }
    text = ", ".join(f"{cell} {fixed:.1f} % ({given:.1f} % informed)" for cell, (fixed, given) in both.items())
    return text, [fixed >= given - 10 for fixed, given in both.values()]


def prediction_9() -> Outcome:
    counts = [solved("blind", task, "lstm", gap, init="forget-bias") for task in ("recall", "copy") for gap in (50, 200)]
    return "recall {} and {} of 5, copy {} and {}".format(*counts), [count <= 1 for count in counts]


def prediction_10() -> Outcome:
    near, far = (solved("blind", "recall", "gru", gap, init="forget-bias") for gap in (50, 200))
    both = [(median("blind", "copy", "gru", gap, init="forget-bias"), median("", "copy", "gru", gap)) for gap in (50, 200)]
    (near_blind, near_given), (far_blind, far_given) = both
    shown = [f"{fixed:.1f} % ({given:.1f} % informed)" for fixed, given in both]
    text = f"recall {near} and {far} of 5; copy {shown[0]} and {shown[1]}"
    return text, [near >= 4, far <= 2, near_blind > near_given, far_blind < far_given]


def prediction_11() -> Outcome:
    short, long = solved("blind", "recall", "lstm", 200, horizon=20), median("blind", "copy", "lstm", 200, horizon=20)
    counts = [solved("blind", "recall", "lstm", gap, horizon=500) for gap in (10, 50, 200)]
    copy = median("blind", "copy", "lstm", 200, horizon=500)
    text = (
        f"20: recall {short} of 5, copy {long:.1f} %; 500: recall {counts[0]}, {counts[1]} and {counts[2]} of 5, copy {copy:.1f} %"
    )
    return text, [short <= 2, long <= 60, min(counts) >= 4, copy >= 90]


def prediction_12() -> Outcome:
    gru, lstm = median("budget", "copy", "gru", 200, max_steps=16000), solved("budget", "copy", "lstm", 200, max_steps=16000)
    return f"gru {gru:.1f} %, lstm {lstm} of 5", [gru >= 95, lstm >= 4]


def prediction_13() -> Outcome:
    recall, copy = (solved("budget", task, "rnn", 200, max_steps=16000) for task in ("recall", "copy"))
    far, near = (median("budget", "copy", "rnn", gap, max_steps=16000) for gap in (200, 50))
    return f"{recall} and {copy} of 5; {far:.1f} and {near:.1f} %", [recall == 0, copy == 0, far <= 30, near <= 35]


def prediction_14() -> Outcome:
    pairs = (("irnn", 50), ("mingru", 50), ("mingru", 200))
    gains = [median("budget", "copy", cell, gap, max_steps=16000) - median("", "copy", cell, gap) for cell, gap in pairs]
    count = solved("budget", "copy", "irnn", 50, max_steps=16000)
    text = "irnn {:+.1f} points, {} of 5; mingru {:+.1f} and {:+.1f} points".format(gains[0], count, *gains[1:])
    return text, [gains[0] >= 10, count == 0, gains[1] < 5, gains[2] < 5]


def prediction_15() -> Outcome:
    copy = [median("budget", "copy", cell, 200, max_steps=1000) for cell in ("lstm", "gru")]
    counts = [solved("budget", "recall", cell, 50, max_steps=1000) for cell in ("irnn", "gru", "lstm", "mingru")]
    text = "copy {:.1f} and {:.1f} %; recall {}, {}, {} and {} of 5".format(*copy, *counts)
    return text, [*(value <= 60 for value in copy), *(count >= 4 for count in counts)]


PREDICTIONS = [prediction_7, prediction_8, prediction_9, prediction_10, prediction_11]
PREDICTIONS += [prediction_12, prediction_13, prediction_14, prediction_15]


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.__name__)
def test_the_page_says_what_came_out(prediction: Callable[[], Outcome]) -> None:
    check_row(prediction)


def test_the_sentences_about_horizons() -> None:
    gains = {
        cell: median("blind", "copy", cell, 200, horizon=100) - median("", "copy", cell, 200, init=init)
        for cell, init in INITS.items()
    }
    near = [median("", "copy", cell, 10, init="chrono") - median("blind", "copy", cell, 10, horizon=100) for cell in ("lem", "gru")]
    assert solved("blind", "copy", "lem", 10, horizon=100) == 0
    assert solved("", "copy", "lem", 10, init="chrono") == 4
    recalled = {solved("blind", "recall", cell, 200, horizon=100) for cell in INITS}
    long = [median("blind", "copy", "lstm", gap, horizon=500) for gap in (10, 50, 200)]
    short = {task: median("blind", task, "lstm", 200, horizon=20) for task in ("recall", "copy")}
    biased = {(cell, gap): median("blind", "copy", cell, gap, init="forget-bias") for cell in ("lstm", "gru") for gap in (50, 200)}
    assert recalled == {4, 5}
    assert short["recall"] < 10.8  # chance is 10 % and 12.5 %
    assert short["copy"] < 13.2
    assert biased["lstm", 50] < 13.2
    assert [solved("blind", "recall", "lstm", gap, horizon=500) for gap in (10, 50, 200)] == [5, 5, 5]
    assert [solved("blind", "recall", cell, 200, init="forget-bias") for cell in ("lstm", "gru")] == [0, 0]
    reference = pd.read_csv(FOLDER.parent / "reference" / "runs.csv", low_memory=False)
    wide = reference.query("cell == 'lstm' and init == 'forget-bias' and task == 'recall' and gap == 200")
    for sentence in (
        f"with 128 units and three rates {(wide['status'] == 'solved').sum()} of {len(wide)} LSTMs do",
        f"at most {-min(gains.values()):.1f} points below their informed curves. The LEM is {gains['lem']:.1f} points above",
        "LEM and GRU are {:.1f} and {:.1f} points below, and no LEM solves copy (informed: 4 of 5).".format(*near),
        f"its medians on copy are {min(long):.1f} to {max(long):.1f} %",
        f"the GRU has {biased['gru', 50]:.1f} % there and {biased['gru', 200]:.1f} % at gap 200",
    ):
        assert sentence in page()


def test_the_sentences_about_budgets() -> None:
    more = {
        (cell, gap): median("budget", "copy", cell, gap, max_steps=16000) for cell in ("rnn", "irnn", "mingru") for gap in (50, 200)
    }
    gains = {place: value - median("", "copy", *place) for place, value in more.items()}
    assert [solved("budget", "copy", cell, 200, max_steps=16000) for cell in ("lstm", "gru")] == [5, 5]
    assert [solved("", "copy", cell, 200) for cell in ("lstm", "gru")] == [0, 0]
    assert {round(median("budget", "copy", cell, 200, max_steps=1000)) for cell in ("lstm", "gru")} == {31}
    assert solved("budget", "recall", "rnn", 50, max_steps=16000) == 5
    assert solved("budget", "recall", "rnn", 200, max_steps=16000) <= 1
    for sentence in (
        f"minGRU gains at most {max(gains['mingru', 50], gains['mingru', 200]):.1f} points",
        f"at {more['rnn', 200]:.1f} %, and at gap 50 at {more['rnn', 50]:.1f} %",
        f"IRNN gains {gains['irnn', 50]:.1f} points at gap 50, to {more['irnn', 50]:.1f} %",
    ):
        assert sentence in page()


def test_runs_of_both_arms_are_equal_and_no_predicted_number_is_one_of_them() -> None:
    both = runs("blind").merge(runs(), on="run_id", suffixes=("", "_again"))
    assert len(both) == 50
    assert f"{len(both)} of the {len(runs('blind'))} gap-blind runs" in page()
    assert set(zip(both["horizon"], both["gap"], strict=True)) == {(100, 50), (20, 10)}
    assert both["accuracy"].eq(both["accuracy_again"]).all()
