"""Adding in atlas-2: what became of its predictions, computed with plain pandas."""

from collections.abc import Callable
from functools import cache

import pandas as pd
import pytest

from tests.atlas_2 import FOLDER, Outcome, check_row, named, page, task_runs

GATED = ("lstm", "gru", "janet", "ugrnn", "mgu", "nbrc", "slstm")
MIDDLE = ("exprnn", "irnn", "mingru", "minlstm", "cornn")
LAST = ("rnn", "indrnn (horizon)", "indrnn (own)", "lru", "esn")


def runs() -> pd.DataFrame:
    found = task_runs("adding")
    assert set(found["gap"]) == {10, 50, 200}
    return found


@cache
def scores() -> pd.Series:
    """Return the memory score of every curve over gaps 10 and 50."""
    near = runs()[runs()["gap"] <= 50].groupby(["curve", "gap"])["skill"].mean().clip(0, 1).unstack()
    assert near.shape == (19, 2)
    return near.mean(axis=1)


def outside(wrong: pd.Series) -> str:
    """Return the scores that are not as predicted."""
    return "all but " + ", ".join(f"{curve} ({score:.2f})" for curve, score in wrong.items()) if len(wrong) else "so it is"


def prediction_31() -> Outcome:
    found = scores()[[*GATED, "lem (chrono)", "lem (uniform)"]]
    return outside(found[found < 0.99]), list(found >= 0.99)


def prediction_32() -> Outcome:
    found = scores()[list(MIDDLE)]
    inside = found.between(0.5, 0.97)
    return outside(found[~inside]), list(inside)


def prediction_33() -> Outcome:
    found = scores()[list(LAST)]
    return outside(found[found > 0.05]), list(found <= 0.05)


def prediction_34() -> Outcome:
    counts = runs()[runs()["gap"] == 200].groupby("curve")["solved"].sum()
    solve, fail = counts[[*GATED, "lem (chrono)"]], counts[list(MIDDLE)]
    wrong = pd.concat([solve[solve < 4], fail[fail > 0]])
    listed = "all but " + ", ".join(f"{curve} ({count} of 5)" for curve, count in wrong.items())
    return listed if len(wrong) else "so it is", [*(solve >= 4), *(fail == 0)]


def prediction_35() -> Outcome:
    pilot = pd.read_csv(FOLDER / "tuning.csv").query("task == 'adding'")
    skill = pilot.assign(curve=named(pilot)).set_index("curve")["skill"]
    rank = float(scores().rank().corr(skill.rank()))
    return f"{rank:.2f}", [rank >= 0.9]


PREDICTIONS = [prediction_31, prediction_32, prediction_33, prediction_34, prediction_35]


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.__name__)
def test_the_page_says_what_came_out(prediction: Callable[[], Outcome]) -> None:
    check_row(prediction)


def test_the_sentences_about_adding() -> None:
    counts = runs().groupby(["curve", "gap"])["solved"].sum().unstack()
    every = counts.eq(5).all(axis=1)
    assert set(every.index[every]) == {"lstm", "gru", "janet", "ugrnn", "slstm", "lem (chrono)"}
    assert f"**Adding separates them at gap 50.** In {every.sum()} curves" in page()
    assert counts.loc[["mgu", "nbrc", "lem (uniform)"]].eq([5, 5, 4]).all(axis=None)
    assert counts.loc[["exprnn", "irnn"]].eq([5, 0, 0]).all(axis=None)
    skill = runs().groupby(["curve", "gap"])["skill"].mean().unstack()
    linear = skill.loc[["mingru", "minlstm"]]
    assert (
        f"minGRU and minLSTM have a mean skill of {linear.min(axis=None):.2f} to {linear.max(axis=None):.2f} at every gap" in page()
    )
    assert counts.loc[["mingru", "minlstm"]].sum().to_dict() == {10: 1, 50: 0, 200: 0}
    assert "; one of their ten runs at gap 10 solves it." in page()
    assert skill.loc[[*LAST], :].max(axis=None) < 0.03
    accuracy = 100 * runs().groupby(["curve", "gap"])["accuracy"].median().unstack()
    first, second, last = accuracy.loc["cornn"]
    assert f"coRNN has {first:.0f} and {second:.0f} % at gaps 10 and 50, and chance at 200." in page()
    assert last < 8
    assert accuracy.loc[["indrnn (horizon)", "indrnn (own)"], 10].round().tolist() == [11, 10]
    assert accuracy.loc[["rnn", "lru", "esn"]].max(axis=None) < 8.2
    assert runs().query("curve == 'irnn' and gap == 200")["status"].eq("diverged").all()


def test_the_sentence_about_the_runs_at_gap_1000() -> None:
    found = pd.read_csv(FOLDER / "adding-1000" / "runs.csv", low_memory=False)
    assert set(found["gap"]) == {1000}
    assert found.groupby("cell")["seed"].apply(sorted).to_dict() == {"gru": [0, 1, 2, 3, 4], "lstm": [0, 1, 2, 3, 4]}
    assert found["status"].eq("solved").groupby(found["cell"]).sum().to_dict() == {"gru": 5, "lstm": 4}
    assert "Ten of the 95 runs are made, and count nowhere yet: all seeds of the LSTM, of which 4 solve it," in page()
    assert "and of the GRU, of which all do." in page()
