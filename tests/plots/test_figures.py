"""What the figures show, read from the figures themselves."""

import io
import itertools

import pandas as pd
import pytest
from matplotlib.figure import Figure
from rnnbench.plots.accuracy_by_gap import accuracy_by_gap
from rnnbench.plots.learning_curves import learning_curves
from rnnbench.plots.solved_rate import solved_rate
from rnnbench.plots.steps_to_solve import steps_to_solve

from rnnbench.plots.span import span
from tests.plots.study import made_up

REACH = {"rnn": 10, "lstm": 20, "memoryless": 0}
FIGURES = [accuracy_by_gap, solved_rate, span, steps_to_solve]


def study(*lrs: float) -> pd.DataFrame:
    axes = itertools.product(("copy", "recall"), REACH, (5, 10, 20), range(5), lrs)
    return made_up(
        {
            "task": task,
            "cell": cell,
            "gap": gap,
            "seed": seed,
            "lr": lr,
            "steps_to_solve": 10.0 * gap if gap <= REACH[cell] * lr / lrs[0] else None,
        }
        for task, cell, gap, seed, lr in axes
    )


def lines(figure: Figure, panel: int = 0) -> dict[str, dict[float, float]]:
    found = {}
    for line in figure.axes[panel].lines:
        if not str(line.get_label()).startswith("_"):
            found[str(line.get_label())] = dict(zip(line.get_xdata(), line.get_ydata(), strict=True))
    return found


def note(figure: Figure) -> str:
    return figure.legends[0].get_title().get_text().replace("\n", " ")


@pytest.mark.parametrize("draw", FIGURES)
def test_every_figure_draws_without_a_warning_and_leaves_its_data_alone(draw) -> None:
    runs = study(0.01, 0.001)
    before = runs.copy()
    for kind in ("png", "svg"):
        draw(runs).savefig(io.BytesIO(), format=kind)
    pd.testing.assert_frame_equal(runs, before)
    assert [ax.get_title() for ax in draw(runs).axes] == ["copy", "recall"]
    assert "best of the learning-rate grid by median over the shown seeds" in note(draw(runs))
    assert "learning" not in note(draw(study(0.01)))


def test_accuracy_joins_the_medians_of_the_best_rate_and_shows_every_seed_of_all() -> None:
    figure = accuracy_by_gap(study(0.01, 0.001))
    assert lines(figure)["rnn (uniform)"] == {5: 1.0, 10: 1.0, 20: 0.2}
    assert lines(figure)["chance"] == {5: 0.125, 10: 0.125, 20: 0.125}
    dots = sum(len(line.get_xdata()) for line in figure.axes[0].lines if str(line.get_label()).startswith("_"))
    assert dots == 3 * 3 * 5 * 2


def test_steps_are_joined_where_half_of_the_seeds_solved_it() -> None:
    figure = steps_to_solve(study(0.01))
    assert lines(figure)["rnn (uniform)"] == {5: 50, 10: 100}
    assert lines(figure)["memoryless (uniform)"] == {}


@pytest.mark.parametrize(("first", "last"), [(110.0, 180.0), (8250.0, 18000.0), (40.0, 3000.0)])
def test_steps_can_be_read_off_their_axis(first: float, last: float) -> None:
    figure = steps_to_solve(made_up({"gap": gap, "steps_to_solve": steps} for gap, steps in ((5, first), (10, last))))
    low, high = figure.axes[0].get_ylim()
    assert sum(low <= tick <= high for tick in figure.axes[0].get_yticks()) >= 2


def test_the_span_is_drawn_or_said_to_be_none_and_its_rule_printed() -> None:
    figure = span(study(0.01))
    ends = [(line.get_xdata()[0], line.get_marker()) for line in figure.axes[0].lines if len(line.get_xdata()) == 1]
    assert ends == [(20, ">"), (10, "o")]  # the LSTM's may be larger
    assert [text.get_text() for text in figure.axes[0].texts] == ["none"]
    assert "at least 4 in 5 of the seeds" in note(figure)


def test_solved_rate_has_wilson_intervals() -> None:
    figure = solved_rate(study(0.01))
    segments = figure.axes[0].collections[0].get_segments()
    assert segments[0][:, 1] == pytest.approx([0.5655, 1.0], abs=1e-4)


def test_learning_curves_tell_widths_and_rates_apart_and_leave_out_no_run_on_its_way() -> None:
    runs = made_up([{"lr": 0.01, "accuracy": 0.9}, {"lr": 0.001}, {"lr": 0.01, "hidden_size": 256}])
    evaluations = [runs.assign(step=step, run_id=runs["run_id"]) for step in (1, 2)]
    on_its_way = runs.iloc[:1].assign(step=1, run_id="unfinished", status="running")
    logs = pd.concat([*evaluations, on_its_way], ignore_index=True)
    before = logs.copy()
    figure = learning_curves(logs, runs)
    drawn = [(str(line.get_label()), line.get_alpha()) for line in figure.axes[0].lines if line.get_label() != "chance"]
    narrow, wide = "rnn (uniform, hidden_size 128)", "rnn (uniform, hidden_size 256)"
    assert drawn == [(narrow, 0.25), ("rnn (uniform)", 0.8), (narrow, 0.8), (wide, 0.8)]
    assert "faint: the other rates" in note(figure)
    assert note(learning_curves(logs, runs[runs["lr"] == 0.01])) == note(learning_curves(logs)) == ""
    pd.testing.assert_frame_equal(logs, before)
