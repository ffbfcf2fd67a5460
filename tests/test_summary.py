"""A study in numbers, against numbers worked out by hand."""

import pandas as pd
import pytest

from rnnbench.stats import bootstrap_mean, wilson_interval
from rnnbench.summary import name_variants, rates, summarise
from tests.plots.study import made_up


def test_the_best_rate_is_chosen_gap_by_gap_by_median_then_seeds_then_steps() -> None:
    runs = made_up(
        [
            {"gap": 5, "lr": 0.1, "accuracy": 0.9, "seed": 0},
            {"gap": 5, "lr": 0.01, "accuracy": 1.0, "seed": 0, "steps_to_solve": 40.0},
            {"gap": 10, "lr": 0.1, "accuracy": 1.0, "seed": 0, "steps_to_solve": 20.0},
            {"gap": 10, "lr": 0.01, "accuracy": 1.0, "seed": 0, "steps_to_solve": 40.0},
        ]
    )
    table = rates(runs)
    assert dict(table[table["best"]][["gap", "lr"]].itertuples(index=False, name=None)) == {5: 0.01, 10: 0.1}


def test_one_row_a_curve_and_gap() -> None:
    seeds = [
        {"gap": gap, "seed": seed, "steps_to_solve": 10.0 * seed if seed <= 5 - k else None}
        for k, gap in enumerate((5, 10, 20))
        for seed in range(1, 6)
    ]
    table = summarise(made_up(seeds))
    assert list(table["solved"]) == [5, 4, 3]
    assert list(table["steps_to_solve"]) == [30, 25, 20]
    assert tuple(table.loc[1, ["solved_low", "solved_high"]]) == pytest.approx(wilson_interval(4, 5))
    assert table.loc[2, "mean_accuracy"] == pytest.approx((3 + 2 * 0.2) / 5)
    assert tuple(table.loc[2, ["mean_low", "mean_high"]]) == pytest.approx(bootstrap_mean([1.0, 1.0, 1.0, 0.2, 0.2]))
    assert set(table["span"]) == {10}
    assert set(table["largest_gap"]) == {20}


def test_what_tells_runs_apart_names_their_curve() -> None:
    runs = made_up([{"gap": 5, "hidden_size": 8}, {"gap": 5, "hidden_size": 64}, {"gap": 5, "cell": "lstm"}])
    assert list(name_variants(runs)["init"]) == ["uniform, hidden_size 8", "uniform, hidden_size 64", "uniform, hidden_size 128"]
    follows_gap = made_up([{"gap": 5, "horizon": 50.0}, {"gap": 10, "horizon": 100.0}])
    assert set(name_variants(follows_gap)["init"]) == {"uniform"}


def test_a_span_that_does_not_exist_is_missing() -> None:
    assert pd.isna(summarise(made_up([{"gap": 5}]))["span"][0])
