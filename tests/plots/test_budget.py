"""Accuracy against the training budget."""

import pandas as pd
import pytest
from matplotlib.figure import Figure

from rnnbench import UserError
from rnnbench.plots import plot_budget
from rnnbench.plots._budget import budget_curves
from tests.plots.study import made_up

ROWS = [
    {"max_steps": steps, "lr": lr, "seed": seed, "accuracy": accuracy, "steps_to_solve": 9 if accuracy == 1 else None}
    for steps, lr, accuracy in ((1000, 0.01, 0.2), (10_000, 0.01, 0.4), (10_000, 0.001, 1.0))
    for seed in range(3)
]


def test_only_curves_with_several_budgets_are_drawn() -> None:
    other = [{"cell": "lstm", "max_steps": 1000}, {"gap": 7, "max_steps": 1000}, {"init": "orthogonal", "max_steps": 10_000}]
    found = budget_curves(made_up([*ROWS, *other]))
    assert len(found) == len(ROWS)
    assert set(found["label"]) == {"rnn (uniform)"}
    assert budget_curves(made_up(other)).empty


def test_each_budget_is_at_its_best_rate_and_shows_how_many_seeds_solved_it() -> None:
    figure = plot_budget(made_up(ROWS))
    (ax,) = [ax for ax in figure.axes if ax.has_data()]
    assert [text.get_text() for text in ax.texts if "/" in text.get_text()] == ["0/3", "3/3"]
    assert list(ax.get_xticks()) == [1000, 10_000]
    heights = {round(float(y), 3) for line in ax.lines for y in line.get_ydata()}
    assert {0.2, 1.0} <= heights
    assert 0.4 not in heights


def test_counts_of_equal_curves_are_below_each_other() -> None:
    figure = plot_budget(made_up([*ROWS, *(row | {"cell": "gru"} for row in ROWS)]))
    (ax,) = [ax for ax in figure.axes if ax.has_data()]
    places = [(text.xy, text.xyann) for text in ax.texts if "/" in text.get_text()]
    assert len(places) == len(set(places)) == 4


def test_one_axes_takes_one_task_and_gap_and_a_single_budget_is_an_error() -> None:
    ax = Figure().subplots()
    assert plot_budget(made_up(ROWS), ax) is ax.figure
    with pytest.raises(UserError, match="copy, gap 5, copy, gap 9"):
        plot_budget(made_up([*ROWS, *(row | {"gap": 9} for row in ROWS)]), ax)
    with pytest.raises(UserError, match="several budgets"):
        plot_budget(made_up(ROWS[:3]))


def test_a_protocol_and_runs_without_one_are_a_curve_but_two_protocols_are_not() -> None:
    at = {1000: ROWS[:3], 10_000: ROWS[3:6]}
    for protocols, labels in ((("atlas-2", None), 1), (("atlas-2", "atlas-3"), 0)):
        rows = [row | {"protocol": name} for name, some in zip(protocols, at.values(), strict=True) for row in some]
        assert budget_curves(made_up(rows))["label"].nunique() == labels


def test_copies_of_a_run_count_once() -> None:
    runs = made_up(ROWS)
    figure = plot_budget(pd.concat([runs, runs]))
    assert [text.get_text() for text in figure.axes[0].texts if "/" in text.get_text()] == ["0/3", "3/3"]


@pytest.mark.filterwarnings("ignore:Attempting to set identical")
def test_budgets_that_are_texts_are_refused() -> None:
    with pytest.raises(UserError, match="column 'max_steps' of runs holds texts"):
        plot_budget(made_up(ROWS).astype({"max_steps": str}))
