"""MQAR in atlas-2: how its options were chosen, and what became of its predictions, computed with plain pandas."""

import math
from collections.abc import Callable
from itertools import combinations

import pandas as pd
import pytest

from rnnbench._plugins import registry
from tests.atlas_2 import FOLDER, Outcome, check_row, named, page, task_runs

PILOT_RATES = (("ugrnn", 0.02), ("exprnn", 0.005))
AT_LEVEL = ("irnn", "exprnn", "indrnn (horizon)", "indrnn (own)", "gru", "mingru", "minlstm", "lru")


def options(pairs: int, keys: int, values: int) -> str:
    """Return a column's text for the options of mqar."""
    return f'{{"keys": {keys}, "pairs": {pairs}, "rounds": 1, "values": {values}}}'


def key_free(**chosen: int) -> float:
    """Return the accuracy of a network that knows the values but not their keys, in percent."""
    (level,) = registry.make_task("mqar", chosen).baselines(10).values()
    return 100 * level


def test_the_pilots_with_four_pairs() -> None:
    rows = pd.read_csv(FOLDER / "pilots" / "runs.csv", low_memory=False), pd.read_csv(FOLDER / "tuning.csv")
    pilots, tuning = (frame[(frame["task"] == "mqar") & (frame["option"] == options(4, 32, 16))] for frame in rows)
    chosen = pilots.merge(tuning[["cell", "init", "lr"]])
    assert (len(pilots), len(chosen)) == (342, 19 * 6)
    uniform = (chosen["cell"] == "lem") & (chosen["init"] == "uniform")
    percent = chosen["accuracy"] * 100
    above = pilots[(pilots["accuracy"] > 0.36) & ((pilots["cell"] != "lem") | (pilots["init"] != "uniform"))]
    assert above.groupby(["cell", "init", "gap", "lr"]).size().to_dict() == {
        ("janet", "chrono", 10, 0.02): 1,
        ("lem", "chrono", 10, 0.02): 1,
    }
    best = 100 * above.set_index("cell")["accuracy"]
    for sentence in (
        f"no cell has more than {percent[~uniform].max():.0f} %",
        f"knows the values but not their keys ({key_free():.0f} %)",
        "{:.0f} to {:.0f} % at gap 10".format(*percent[uniform & (chosen["gap"] == 10)].agg(["min", "max"])),
        f"and at most {percent[uniform & (chosen['gap'] == 50)].max():.0f} % at gap 50",
        f"one pilot of LEM (chrono) has {best['lem']:.0f} % at gap 10 and one of JANET {best['janet']:.0f} %.",
    ):
        assert sentence in page()


def test_the_options_were_chosen_on_a_pilot_seed() -> None:
    runs = pd.read_csv(FOLDER / "mqar-options" / "runs.csv")
    assert set(runs["seed"]) == {1000}
    assert f"two pairs of 8 keys and 8 values, where that level is {key_free(pairs=2, keys=8, values=8):.0f} %." in page()
    assert (runs["option"].nunique(), len(runs)) == (6, 120)
    assert "from six settings with 120 pilot runs" in page()
    solved = runs[(runs["option"] == options(2, 8, 8)) & (runs["hidden_size"] == 90)].groupby("cell")["status"].agg(set)
    assert sorted(cell for cell, status in solved.items() if "solved" in status) == ["janet", "lem", "lstm", "slstm"]


def runs() -> pd.DataFrame:
    """Return the runs at gaps 10 to 1,000."""
    found = task_runs("mqar")
    assert (set(found["gap"]), set(found["option"])) == ({10, 50, 200, 1000}, {options(2, 8, 8)})
    return found


def solved(gap: int) -> pd.Series:
    """Return how many of five seeds of every curve solve a gap."""
    return runs()[runs()["gap"] == gap].groupby("curve")["solved"].sum()


def medians(gap: int) -> pd.Series:
    """Return the median accuracy of every curve at a gap, in percent."""
    return 100 * runs()[runs()["gap"] == gap].groupby("curve")["accuracy"].median()


def scores(gaps: list[int]) -> pd.Series:
    """Return the memory score of every curve over some gaps."""
    skill = runs().groupby(["curve", "gap"])["skill"].mean().clip(0, 1).unstack()[gaps]
    logs = pd.Series(gaps).map(math.log)
    area = sum((logs[k + 1] - logs[k]) * (skill[gaps[k]] + skill[gaps[k + 1]]) / 2 for k in range(len(gaps) - 1))
    return area / (logs.iloc[-1] - logs.iloc[0])


def all_but(wrong: pd.Series, unit: str) -> str:
    """Return the curves that are not as predicted."""
    return "all but " + ", ".join(f"{curve} ({value} {unit})" for curve, value in wrong.items()) if len(wrong) else "so it is"


def prediction_40() -> Outcome:
    count = solved(10)
    least = pd.Series({"lstm": 4, "slstm": 4, "lem (chrono)": 4, "lem (uniform)": 4, "janet": 3})
    none = count[[*AT_LEVEL, "rnn", "cornn", "esn"]]
    wrong = pd.concat([count[least.index][count[least.index] < least], none[none > 0]])
    return all_but(wrong, "of 5"), [*(count[least.index] >= least), *(none == 0)]


def prediction_41() -> Outcome:
    count = solved(50)
    least = pd.Series({"slstm": 4, "lstm": 2})
    none = count.drop([*least.index, "lem (uniform)"])
    wrong = pd.concat([count[least.index][count[least.index] < least], none[none > 0]])
    return all_but(wrong, "of 5"), [*(count[least.index] >= least), *(none == 0)]


def prediction_42() -> Outcome:
    median = medians(200).sort_values(ascending=False)
    first, second, third = median.index[:3]
    text = f"{first} {median[first]:.1f}, {second} {median[second]:.1f}, {third} {median[third]:.1f} %"
    return text, [first == "slstm" and median["slstm"] >= 95, second == "lstm", median.drop(["slstm", "lstm"]).max() <= 60]


def prediction_43() -> Outcome:
    median = medians(10)[[*AT_LEVEL]]
    inside = median.between(54, 60)
    return all_but(median[~inside].round(1), "%"), list(inside)


def prediction_44() -> Outcome:
    tuning = pd.read_csv(FOLDER / "tuning.csv").query("task == 'mqar'")
    pilot = tuning[tuning["option"] == options(2, 8, 8)]
    skill = pilot.assign(curve=named(pilot)).set_index("curve")["skill"]
    rank = float(scores([10, 50]).rank().corr(skill.rank()))
    return f"{rank:.2f}", [rank >= 0.8]


def share_of_ties(gaps: list[int]) -> float:
    """Return how many of the pairs of curves that are not both at ceiling have equal memory scores, in percent."""
    pairs = [pair for pair in combinations(scores(gaps), 2) if min(pair) < 0.9995]
    return 100 * sum(f"{a:.2f}" == f"{b:.2f}" for a, b in pairs) / len(pairs)


def prediction_45() -> Outcome:
    share = share_of_ties([10, 50, 200])
    return f"{share:.1f} %", [share > 15]


def prediction_46() -> Outcome:
    count = solved(1000)
    others = count.drop(["slstm", "lem (uniform)"])
    rest = ", ".join(f"{curve} {value}" for curve, value in others[others > 0].items()) or f"none of {len(others)} other curves"
    return f"slstm {count['slstm']} and lem (uniform) {count['lem (uniform)']} of 5; {rest}", [count["slstm"] >= 4, *(others == 0)]


def prediction_47() -> Outcome:
    others = medians(1000)[["gru", "janet", "ugrnn", "mgu", "nbrc", "mingru", "minlstm", "lru", "lem (chrono)"]]
    lstm, inside = medians(1000)["lstm"], others.between(54, 60)
    return f"lstm {lstm:.1f} %; {all_but(others[~inside].round(1), '%')}", [56 <= lstm <= 90, *inside]


def prediction_48() -> Outcome:
    median = medians(1000)[["rnn", "irnn", "exprnn", "cornn", "esn"]]
    return all_but(median[median > 20].round(1), "%"), list(median <= 20)


def prediction_49() -> Outcome:
    share = share_of_ties([10, 50, 200, 1000])
    return f"{share:.1f} %", [share <= 15]


PREDICTIONS = [
    *(prediction_40, prediction_41, prediction_42, prediction_43, prediction_44),
    *(prediction_45, prediction_46, prediction_47, prediction_48, prediction_49),
]


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.__name__)
def test_the_page_says_what_came_out(prediction: Callable[[], Outcome]) -> None:
    check_row(prediction)


def test_the_sentences_about_mqar() -> None:
    counts = pd.DataFrame({gap: solved(gap) for gap in (10, 50, 200, 1000)})
    assert counts.loc["slstm"].eq(5).all()
    for curve, sentence in (
        ("lstm", "The LSTM solves them with {}, {}, {} and {} of 5 seeds"),
        ("lem (uniform)", "LEM (uniform) with {}, {}, {} and {},"),
        ("lem (chrono)", "LEM (chrono) with {}, {}, {} and {},"),
        ("janet", "JANET with {}, {}, {} and {}."),
    ):
        assert sentence.format(*counts.loc[curve]) in page()
    assert "({:.1f} % at 200, {:.1f} % at 1,000)".format(*(medians(gap)["lstm"] for gap in (200, 1000))) in page()
    always, near = runs()["curve"].isin(["gru", "mingru", "minlstm"]), runs()["curve"].isin(["ugrnn", "lru"])
    kept = runs()[always | (near & (runs()["gap"] <= 200))].groupby(["curve", "gap"])
    assert kept["accuracy"].median().mul(100).round().eq(56).all()
    assert f"At 1,000 the LRU has {medians(1000)['lru']:.1f} %." in page()
    losses = kept["eval_loss"].median()
    assert f"With these medians go losses of {losses.min():.2f} to {losses.max():.2f}," in page()
    assert losses.min() == pytest.approx(7 / 8 * math.log(2), abs=0.002)  # two values of eight, equal in 1 of 8 cases
    right = 9 / 16
    assert f"a loss of {-right * math.log(right) - (1 - right) * math.log((1 - right) / 7):.2f}." in page()
    chance = runs()[runs()["curve"].isin(["rnn", "esn"]) & (runs()["gap"] >= 200)]
    assert chance.groupby(["curve", "gap"])["skill"].median().lt(0.02).all()
    level = key_free(pairs=2, keys=8, values=8)
    assert f"knows the values but not their keys has {level:.0f} %, a score of {(level / 100 - 1 / 8) / (7 / 8):.2f}." in page()


def test_the_pilots_at_other_rates() -> None:
    pilots = pd.read_csv(FOLDER / "pilots" / "runs.csv", low_memory=False)
    tried = pd.concat([pilots, pd.read_csv(FOLDER / "mqar-options" / "runs.csv")]).query("task == 'mqar' and gap == 10")
    tried = tried[tried["option"] == options(2, 8, 8)]
    best = [100 * tried[(tried["cell"] == cell) & (tried["lr"] == lr)]["accuracy"].max() for cell, lr in PILOT_RATES]
    assert "one of expRNN at 0.005 reach {:.0f} and {:.0f} %, where the rule chose 0.001 for both.".format(*best) in page()
    assert set(runs()[runs()["cell"].isin(["ugrnn", "exprnn"])]["lr"]) == {0.001}
