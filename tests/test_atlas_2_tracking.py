"""Tracking in atlas-2: what became of its predictions, computed with plain pandas."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest

import rnnbench
from rnnbench._analysis import summary
from rnnbench.plots._frames import axis_frame
from tests.atlas_2 import FOLDER, Outcome, check_row, named

LENGTHS = [8, 16, 32, 64, 128]
SOLVERS = ("slstm", "lem (uniform)", "lstm", "irnn", "janet", "mgu", "gru", "ugrnn")


@cache
def runs() -> pd.DataFrame:
    found = pd.read_csv(FOLDER / "runs.csv", low_memory=False).query("task == 'tracking'")
    length = found["option"].str.extract(r'"answers": (\d+)')[0].astype(int) + 1
    skill = (found["accuracy"] - found["chance_accuracy"]) / (1 - found["chance_accuracy"])
    found = found.assign(curve=named(found), length=length, skill=skill, solved=found["status"].eq("solved"))
    assert found.groupby(["curve", "length"])["seed"].apply(lambda seeds: sorted(seeds) == [0, 1, 2, 3, 4]).all()
    return found


@cache
def scores() -> pd.Series:
    """Return the memory score of every curve over the lengths, best first."""
    skill = runs().groupby(["curve", "length"])["skill"].mean().clip(0, 1).unstack()[LENGTHS]
    middles = (skill.to_numpy()[:, 1:] + skill.to_numpy()[:, :-1]) / 2  # the lengths are equally far apart in log
    return pd.Series(middles.mean(axis=1), skill.index).sort_values(ascending=False)


def prediction_16() -> Outcome:
    counts = runs().groupby(["curve", "length"])["solved"].sum()
    parts = {(curve, length): int(counts[curve, length]) for curve in SOLVERS for length in (8, 16, 32)}
    lacking = [f"{curve} at {length} ({count} of 5)" for (curve, length), count in parts.items() if count < 4]
    return f"all but {', '.join(lacking)}" if lacking else "so it is", [count >= 4 for count in parts.values()]


def prediction_17() -> Outcome:
    far = runs()[runs()["length"] == 128].groupby("curve")["accuracy"].median()[list(SOLVERS)].sort_values(ascending=False) * 100
    return ", ".join(f"{curve} {value:.1f} %" for curve, value in far.items()), [bool((far >= 90).sum() >= 4)]


def prediction_18() -> Outcome:
    found = scores()
    middle, low = found[["exprnn", "lem (chrono)", "rnn"]], found[["mingru", "minlstm", "lru", "esn"]]
    text = "the eighth is {} with {:.2f}, the ninth {} with {:.2f}; {}; the four at most {:.2f}".format(
        found.index[7],
        found.iloc[7],
        found.index[8],
        found.iloc[8],
        ", ".join(f"{curve} {score:.2f}" for curve, score in middle.items()),
        low.max(),
    )
    return text, [set(found.index[:8]) == set(SOLVERS), bool((middle <= 0.6).all()), bool((low <= 0.05).all())]


def prediction_19() -> Outcome:
    uniform, chrono = scores()[["lem (uniform)", "lem (chrono)"]]
    return f"{uniform:.2f} against {chrono:.2f}", [uniform >= chrono + 0.3]


def prediction_20() -> Outcome:
    pilots = pd.read_csv(FOLDER / "tuning.csv").query("task == 'tracking'")
    both = pd.concat([scores(), pilots.set_index(named(pilots))["skill"]], axis=1).rank()
    assert len(both) == 19
    rank = float(np.corrcoef(both.to_numpy().T)[0, 1])
    return f"{rank:.2f}", [rank >= 0.85]


PREDICTIONS = [prediction_16, prediction_17, prediction_18, prediction_19, prediction_20]


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.__name__)
def test_the_page_says_what_came_out(prediction: Callable[[], Outcome]) -> None:
    check_row(prediction)


def test_the_scores_are_those_of_the_package() -> None:
    rows = summary.spans(axis_frame(rnnbench.Study(FOLDER).runs().query("task == 'tracking'")))
    found = rows.set_index(named(rows))["memory_score"]
    assert found[scores().index].to_numpy() == pytest.approx(scores().to_numpy(), abs=1e-9)


def test_the_sentences_about_tracking() -> None:
    counts = runs().groupby(["curve", "length"])["solved"].sum().unstack()
    assert list(counts.index[counts.eq(5).all(axis=1)]) == ["slstm"]
    reach = counts[[8, 16, 32]].ge(4).all(axis=1)
    assert set(reach.index[reach]) == {"slstm", "lstm", "janet", "irnn"}
    at_chance = runs()[runs()["curve"].isin(["mingru", "minlstm", "lru", "esn"])]
    assert at_chance.groupby(["curve", "length"])["accuracy"].median().max() < 0.175  # chance is 1 in 6
    assert runs().query("curve == 'irnn' and length == 128")["status"].eq("diverged").all()
