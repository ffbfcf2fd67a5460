"""Memory scores and half-gaps against values computed by hand, and the rules for gaps that were not run."""

import math

import numpy as np
import pandas as pd
import pytest

from rnnbench._analysis.scores import format_half_gap, format_score, half_gap, memory_score, memory_scores, score_interval
from tests.test_summary import made_up


def test_the_score_is_the_area_under_skill_against_log_gap() -> None:
    skill = {10: 0.9, 50: 0.6, 200: 0.2, 1000: 0.0}
    x, y = np.log(list(skill)), np.array(list(skill.values()))
    assert memory_score(skill) == pytest.approx(np.trapezoid(y, x) / (x[-1] - x[0]))
    assert memory_score({7: 0.4}) == 0.4
    assert memory_score({0: 1.0, 10: 0.0, 100: 0.0}) == 0.0, "gap 0 has no logarithm"
    assert memory_score(dict.fromkeys((10, 50, 200), 1.0)) == pytest.approx(1.0)


def test_the_half_gap_is_interpolated_in_log_gap() -> None:
    assert half_gap({10: 1.0, 1000: 0.0}) == pytest.approx(100.0)
    assert half_gap({10: 1.0, 100: 0.5, 1000: 0.25}) == pytest.approx(100.0)
    assert half_gap({10: 0.4, 100: 1.0}) == 0.0
    assert half_gap({10: 0.9, 100: 0.5}) == math.inf


def test_a_full_count_leaves_room_for_a_failure_and_few_seeds_have_no_interval() -> None:
    low, high = score_interval({10: [1.0] * 5, 100: [1.0] * 5})
    assert 0.5 < low < 1.0 == high
    assert all(math.isnan(bound) for bound in score_interval({10: [1.0] * 5, 100: [1.0] * 2}))


def runs(cell: str, accuracies: dict[int, float]) -> list[dict[str, object]]:
    return [{"cell": cell, "gap": gap, "seed": seed, "accuracy": value} for gap, value in accuracies.items() for seed in range(3)]


def test_a_curve_that_is_better_at_every_gap_has_the_higher_score() -> None:
    """On copy, spans put a vanilla RNN above an LSTM that recalls more at every gap: only the one was solved at gap 10."""
    rows = runs("lstm", {10: 0.985, 50: 0.94, 200: 0.69}) + runs("rnn", {10: 0.995, 50: 0.14, 200: 0.16})
    table = memory_scores(made_up(rows).assign(chance_accuracy=0.125, label=lambda frame: frame["cell"]))
    scores = dict(zip(table["label"], table["memory_score"], strict=True))
    assert scores["lstm"] > 0.8 > 0.3 > scores["rnn"]
    assert set(table["grid"]) == {"10 50 200"}


def test_a_gap_that_was_not_run_is_not_interpolated() -> None:
    rows = runs("lstm", {10: 1.0, 50: 1.0, 200: 1.0}) + runs("gru", {10: 1.0, 50: 1.0, 200: 1.0}) + runs("rnn", {10: 1.0, 200: 1.0})
    table = memory_scores(made_up(rows).assign(chance_accuracy=0.5, label=lambda frame: frame["cell"])).set_index("label")
    assert pd.isna(table.loc["rnn", "memory_score"])
    assert pd.isna(table.loc["rnn", "half_gap"])
    assert table.loc["lstm", "memory_score"] == pytest.approx(1.0)


@pytest.mark.parametrize(("score", "text"), [(1.0, "at ceiling"), (0.9996, "at ceiling"), (0.994, "0.99"), (0.0, "0.00")])
def test_a_score_as_text(score: float, text: str) -> None:
    assert format_score(score) == text


@pytest.mark.parametrize(("value", "text"), [(math.inf, "above 200"), (0.0, "below 10"), (44.6, "45"), (math.nan, "-")])
def test_a_half_gap_as_text(value: float, text: str) -> None:
    assert format_half_gap({"half_gap": value, "grid": "10 50 200"}) == text
