"""Memory scores and half-gaps against values computed by hand, and the rules for gaps that were not run."""

import math

import numpy as np
import pandas as pd
import pytest

from rnnbench._analysis.declared import horizon_origin
from rnnbench._analysis.scores import format_half_gap, format_score, half_gap, memory_score, memory_scores, score_interval
from rnnbench._analysis.summary import best_runs, spans, summarise
from rnnbench.plots import plot_accuracy, plot_overview
from tests.benchmarks.ranking import MOST_TIES, inversions, tied_share
from tests.plots.study import made_up


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
    assert format_score({"memory_score": score, "stopped": 0}) == text
    assert format_score({"memory_score": score, "stopped": 1}) == f"≥ {text}"


@pytest.mark.parametrize(("value", "text"), [(math.inf, "above 200"), (0.0, "below 10"), (44.6, "45"), (math.nan, "-")])
def test_a_half_gap_as_text(value: float, text: str) -> None:
    assert format_half_gap({"half_gap": value, "grid": "10 50 200"}) == text


CELLS = 16


def forgetting(generator: np.random.Generator) -> list[dict[str, object]]:
    """Draw five seeds of sixteen cells at four gaps: each cell forgets at its own place and with its own slope."""
    rows = []
    for k in range(CELLS):
        half, slope = generator.uniform(0.5, 8.5), generator.uniform(0.5, 2)
        for gap in (10, 50, 200, 1000):
            skill = 1 / (1 + np.exp(slope * (np.log(gap) - half)))
            for seed in range(5):
                accuracy = 0.125 + 0.875 * float(np.clip(skill + generator.normal(0, 0.03), 0, 1))
                solved = 500.0 if accuracy > 0.99 else None
                rows.append({"cell": f"c{k}", "gap": gap, "seed": seed, "accuracy": accuracy, "steps_to_solve": solved})
    return rows


def test_no_cell_stands_above_one_that_is_more_accurate_at_every_gap_and_few_tie() -> None:
    generator = np.random.default_rng(0)
    for _ in range(3):
        frame = made_up(forgetting(generator))
        assert inversions(frame) == []
        assert tied_share(spans(frame)["memory_score"]) <= MOST_TIES


def test_the_check_of_the_ranking_finds_an_inversion_and_ties(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = made_up(runs("lstm", {10: 0.9, 50: 0.8}) + runs("rnn", {10: 0.5, 50: 0.2}))
    assert tied_share(pd.Series([0.501, 0.502, 0.7, 1.0, 1.0])) == pytest.approx(1 / 9)
    real = spans(frame)
    monkeypatch.setattr("tests.benchmarks.ranking.spans", lambda _: real.iloc[::-1])
    assert inversions(frame) == [("copy", "rnn", "lstm")]


def test_a_run_that_was_given_up_makes_the_score_a_lower_bound() -> None:
    frame = made_up(runs("lstm", {10: 0.9, 50: 0.2}))
    frame.loc[frame["gap"] == 50, "status"] = "gave-up"
    (row,) = spans(frame).to_dict("records")
    assert row["stopped"] == 3
    assert format_score(row).startswith("≥ 0.")
    assert math.isnan(row["score_low"])
    assert "gave_up" in summarise(frame)
    assert summarise(frame)["gave_up"].tolist() == [0, 3]


def test_the_overview_marks_a_cell_that_is_given_the_gap_and_one_with_another_budget() -> None:
    def rows(cell: str, count: int, **more: object) -> list[dict[str, object]]:
        return [{"cell": cell, "gap": gap, "seed": seed, "accuracy": 0.5} | more for gap in (10, 200) for seed in range(count)]

    frame = made_up([*rows("rnn", 3), *rows("gru", 3), *rows("lstm", 3, init="chrono"), *rows("mine", 2, max_steps=50)])
    frame.loc[frame["cell"] == "lstm", "horizon"] = 2.0 * frame["gap"]
    names = [text.get_text() for text in plot_overview(frame).axes[0].get_yticklabels()]
    shown = {name.split()[0].rstrip(","): name for name in names}
    assert shown["lstm"].startswith("lstm (chrono, max_steps 100), informed") or "informed" in shown["lstm"]
    assert "50 steps" in shown["mine"]
    assert "2 seeds" in shown["mine"]
    assert not any(word in shown[cell] for cell in ("rnn", "gru") for word in ("informed", "seeds"))


def test_a_fixed_horizon_is_blind_and_shares_its_run_with_the_informed_arm() -> None:
    """At gap 50 the default horizon is 100: the run with --horizon 100 is the same one, and belongs to both curves."""
    arms = [{"gap": gap, "horizon": 2.0 * gap} for gap in (10, 50, 200)] + [{"gap": gap, "horizon": 100.0} for gap in (10, 200)]
    frame = made_up({"cell": "lstm", "init": "chrono", "accuracy": 0.5} | arm for arm in arms)
    table = spans(frame).set_index("informed")
    assert table.loc["yes", "label"] == "lstm"
    assert table.loc["no", "label"] == "lstm (horizon 100)"
    assert table["grid"].tolist() == ["10 50 200"] * 2
    assert table["memory_score"].notna().all()
    thrice = made_up({"cell": "lstm", "init": "chrono", "gap": gap, "horizon": 3.0 * gap} for gap in (10, 50, 200))
    assert spans(thrice)["informed"].tolist() == ["yes"], "a multiple that no recipe has"
    legend = plot_accuracy(frame)
    shown = {text.get_text() for text in (*legend.axes[0].texts, *legend.legends[0].get_texts())}
    assert {"lstm, informed", "lstm (horizon 100)"} <= shown


def test_noise_of_seeds_at_chance_never_turns_the_order_of_means() -> None:
    """A limit at 0 for every seed would give the noisier of two cells at chance the higher score."""
    noisy = [
        {"cell": "noisy", "gap": gap, "seed": k, "accuracy": value} for gap in (10, 50) for k, value in enumerate((0.10, 0.14))
    ]
    steady = [{"cell": "steady", "gap": gap, "seed": k, "accuracy": 0.123} for gap in (10, 50) for k in range(2)]
    assert spans(made_up(noisy + steady))["cell"].tolist() == ["steady", "noisy"]


@pytest.mark.parametrize(
    ("horizon", "gap", "text"),
    [(400.0, 200, "from the gap"), (20.0, 5, "from the gap"), (100.0, 10, "(10 x gap)"), (100.0, 30, "(fixed)")],
)
def test_the_header_of_a_run_states_where_its_horizon_comes_from(horizon: float, gap: int, text: str) -> None:
    assert horizon_origin(horizon, gap) == text


def test_there_is_no_half_gap_where_a_baseline_lies_at_a_skill_of_one_half() -> None:
    """With two pairs a network that knows the values without their keys has 56.25 %; which curves are below it is noise."""
    far = {10: 0.9, 1000: 0.2}
    for pairs, text in ((2, "-"), (4, "92")):
        option = f'{{"keys": 8, "pairs": {pairs}, "rounds": 1, "values": 8}}'
        rows = [
            {"task": "mqar", "gap": gap, "seed": seed, "accuracy": far[gap], "option": option} for gap in far for seed in range(3)
        ]
        runs = made_up(rows)
        (row,) = memory_scores(best_runs(runs)).to_dict("records")
        assert format_half_gap(row) == text
        title = plot_accuracy(runs).axes[0].get_title()
        assert title.startswith("mqar: rnn forgets") == (pairs == 4)
