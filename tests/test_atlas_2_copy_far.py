"""Copy at gap 1,000 of atlas-2: what became of the predictions, computed with plain pandas."""

from collections.abc import Callable
from functools import cache

import pandas as pd
import pytest

from tests.atlas_2 import FOLDER, Outcome, check_row, named, page

BEST = ("exprnn", "slstm", "lru")
LEVEL = ("rnn", "cornn", "esn", "irnn", "indrnn (horizon)", "indrnn (own)")
ORDER_FREE = ("mingru", "minlstm")


@cache
def runs() -> pd.DataFrame:
    """Return the runs of copy, each with its curve and the accuracy in percent."""
    table = pd.read_csv(FOLDER / "runs.csv", low_memory=False).query("task == 'copy'")
    return table.assign(curve=named(table), percent=100 * table["accuracy"], solved=table["status"].eq("solved"))


@cache
def medians() -> pd.DataFrame:
    """Return the median accuracy in percent: a row per curve, a column per gap."""
    each = runs().groupby(["curve", "gap"])["percent"].agg(["median", "size"]).unstack()
    assert each["size"].eq(5).all(axis=None)
    assert each["median"].shape == (19, 4)
    return each["median"]


def listed(values: pd.Series) -> str:
    return ", ".join(f"{curve} {value:.1f} %" for curve, value in values.sort_values(ascending=False).items())


def prediction_23() -> Outcome:
    found = medians()[1000]
    others = found.drop([*BEST, "lstm"])
    text = f"{listed(found[[*BEST, 'lstm']])}; of the others at most {others.max():.1f} % ({others.idxmax()})"
    return text, [*(found[[*BEST]] >= 95), 50 <= found["lstm"] <= 95, *(others <= 60)]


def prediction_24() -> Outcome:
    found = medians()[1000]
    level, order_free = found[[*LEVEL]], found[[*ORDER_FREE]]
    text = f"{listed(level)}; {listed(order_free)}"
    return text, [*(level <= 25), *order_free.between(29, 32)]


def prediction_25() -> Outcome:
    rank = float(medians()[200].rank().corr(medians()[1000].rank()))
    return f"{rank:.2f}", [rank >= 0.85]


PREDICTIONS = [prediction_23, prediction_24, prediction_25]


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.__name__)
def test_the_page_says_what_came_out(prediction: Callable[[], Outcome]) -> None:
    check_row(prediction)


def test_the_sentences_about_gap_1000() -> None:
    far, median = runs().query("gap == 1000").groupby("curve"), medians()[1000]
    solved = far["solved"].sum()
    assert solved[solved > 0].to_dict() == {"exprnn": 5, "slstm": 2}
    said = f"expRNN solves it with 5 of 5 seeds and sLSTM with 2 of 5 (medians {median['exprnn']:.1f} and {median['slstm']:.1f} %)."
    assert said in page()
    low, high = far["percent"].min(), far["percent"].max()
    near = medians()[200]["lru"]
    said = f"The LRU, at {near:.1f} % at gap 200, has {low['lru']:.0f} to {high['lru']:.0f} % there,"
    assert f"{said} and the LSTM {low['lstm']:.0f} to {high['lstm']:.0f} %." in page()
    assert f"Every other median is at most {median.drop(['exprnn', 'slstm', 'lru', 'lstm']).max():.1f} %." in page()
