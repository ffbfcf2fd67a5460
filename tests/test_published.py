"""Published numbers: which runs match them, and how losses are brought to one scale."""

import io
import math
from pathlib import Path

import pandas as pd
import pytest

from rnnbench._analysis.published import comparable, matching_results, our_gap, over_chance, published, reached_over_chance
from rnnbench.plots import plot_published
from tests.plots.study import made_up

ROWS = published()


def row(paper: str, cell: str, T: str) -> pd.Series:
    (found,) = [r for _, r in ROWS[(ROWS["paper"] == paper) & (ROWS["cell"] == cell) & (ROWS["gap_or_T"] == T)].iterrows()]
    return found


def test_losses_over_chance_equal_hand_computed_ones() -> None:
    assert row("Bai2018", "RNN", "600")["over_chance"] == pytest.approx(0.177 * 6)
    assert row("Bai2018", "LSTM", "1000")["over_chance"] == pytest.approx(0.0204 / 0.02039, rel=1e-3)  # the file's own baseline
    assert over_chance("copy", "200", "CE all steps", "0.09452") == pytest.approx(1, rel=1e-4)
    assert row("Rusch2022-LEM", "LEM", "2000")["over_chance"] == pytest.approx(5.3e-5 * 6)  # the final one
    assert over_chance("copy", "200", "test CE/baseline", "0.916") == 0.916
    for unlike in (("copy", "200", "CE", "~0"), ("adding", "600", "iter to MSE<.083", "6400"), ("", "9", "MSE", "0.1")):
        assert math.isnan(over_chance(*unlike))


@pytest.mark.parametrize(
    ("paper", "cell", "T", "ratio"),
    [
        ("Hyland-rerun-of-uRNN", "LSTM b_f=1", "200", 0.0167 * 6),
        ("Hyland-rerun-of-uRNN", "IRNN", "100", 0.0167 * 6),
        ("batzner-IndRNN-repo", "LSTM", "500", 0.02 * 6),
        ("batzner-IndRNN-repo", "LSTM", "1000", 1.0),
        ("HS1997", "LSTM", "1000", 0.04**2 * 6),
    ],
)
def test_runs_that_report_iterations_are_drawn_at_the_loss_that_they_reached(paper: str, cell: str, T: str, ratio: float) -> None:
    adding = ROWS[(ROWS["panel"] == "adding") & (ROWS["paper"] == paper) & (ROWS["cell"] == cell) & (ROWS["gap_or_T"] == T)]
    (found,) = adding.to_dict("records")
    assert found["at_most"]
    assert found["drawn"] == pytest.approx(ratio)


def test_a_number_of_another_kind_is_not_drawn() -> None:
    assert math.isnan(reached_over_chance("adding", "speed-up", "7x"))


def test_the_gap_of_adding_is_half_its_length() -> None:
    assert our_gap("adding", "600") == 300
    assert our_gap("copy", "200") == 200
    assert our_gap("copy", "100-500") is None
    assert our_gap("", "100") is None


def test_a_number_of_another_protocol_matches_no_run() -> None:
    other = ROWS[ROWS["task"].isin(["adding +-1 ends", "variable copy", "selective copy", "2a noise-free lag", "adding gen."])]
    assert len(other) > 5
    assert set(other["our_task"]) == {""}
    assert other["our_gap"].isna().all()


def test_only_numbers_read_at_their_source_are_verified() -> None:
    assert not ROWS[ROWS["confidence"].isin(["secondary", "memory_low", "memory_medium", "memory_high", "derived"])][
        "verified"
    ].any()
    assert row("Bai2018", "GRU", "600")["verified"]


def runs() -> pd.DataFrame:
    """Return adding at gap 300: two LSTM seeds with losses 1/60 and 1/6, and one seed at a worse rate, which is not shown."""
    made = {"task": "adding", "cell": "lstm", "init": "chrono", "lr": 0.02, "gap": 300, "chance_loss": 1 / 6, "sequences": 3200}
    first = {"eval_loss": 1 / 60, "steps_to_solve": 90.0, "seed": 0}
    second = {"eval_loss": 1 / 6, "seed": 1}
    return made_up([made | first, made | second, made | second | {"lr": 0.1}, made | second | {"gap": 7}])


def test_runs_match_the_same_task_cell_and_gap() -> None:
    ours = matching_results(ROWS, runs())
    assert ours["gap"].tolist() == [300]
    assert ours.loc[0, ["seeds", "solved"]].tolist() == [2, 1]
    assert tuple(ours.loc[0, ["over_chance", "low", "high"]]) == pytest.approx((0.55, 0.1, 1.0))
    assert matching_results(ROWS, pd.DataFrame()).empty


def test_the_figure_draws_every_published_row() -> None:
    rows = comparable(runs())
    figure = plot_published(rows, runs().iloc[:2])
    open_markers = [line for line in figure.axes[0].lines if line.get_markersize() == 8]
    assert len(open_markers) == len(rows)
    looks = {line.get_label(): (line.get_marker(), line.get_color(), line.get_fillstyle()) for line in open_markers}
    assert len(set(looks.values())) == len(looks)
    assert "RNN, Bai et al. 2018" in {text.get_text() for text in figure.legends[0].get_texts()}


def test_the_command_lists_published_numbers_and_matching_runs(rnnbench, tmp_path: Path) -> None:
    tiny = ["--hidden-size", "4", "--batch-size", "4", "--max-steps", "2", "--engine", "torch"]
    assert rnnbench("run", "--cell", "rnn", "--task", "adding", "--gap", "50", *tiny).code == 0
    out = rnnbench("published", "results", "--task", "adding", "--cell", "rnn").out
    lines = out.splitlines()
    at = next(k for k, line in enumerate(lines) if line.startswith("Hyland-rerun-of-uRNN: adding, T=100, tanh RNN"))
    assert lines[at + 1].startswith("    rnnbench, gap 50, rnn, lr 0.001: loss/chance ")
    assert "memory" not in out
    table = pd.read_csv(io.StringIO(rnnbench("published", "results", "--task", "adding", "--format", "csv").out))
    assert table["our_seeds"].notna().sum() == 1
    assert rnnbench("published", "--task", "copy", "--format", "markdown").out.startswith("| paper | task |")
    assert "published.png" in rnnbench("plot", "results", "--published").out
