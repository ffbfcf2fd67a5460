"""The committed runs of atlas-2: what became of the predictions, computed with plain pandas, and the baselines in the package."""

import gzip

import pandas as pd
import pytest

import rnnbench
from rnnbench._analysis import summary
from rnnbench._sweep.atlas import PROTOCOLS
from tests.atlas_2 import FOLDER, page

TEXT = page()
CURVE = ["task", "cell", "init"]
GATED = ("lstm", "gru", "janet", "ugrnn", "mgu", "nbrc", "mingru", "minlstm", "slstm")
FIRST = ("lru", "exprnn", "slstm", "lstm")


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    runs = pd.read_csv(FOLDER / "runs.csv", low_memory=False)
    return runs.assign(skill=(runs["accuracy"] - runs["chance_accuracy"]) / (1 - runs["chance_accuracy"]))


@pytest.fixture(scope="module")
def scores(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the memory score over gaps 10 and 50 and the pilots' skill, by task, cell and initialisation."""
    near = (
        runs[runs["gap"].isin([10, 50]) & runs["task"].isin(["recall", "copy"])]
        .groupby([*CURVE, "gap"])["skill"]
        .agg(["mean", "size"])
        .unstack("gap")
    )
    assert (near["size"] == 5).all(axis=None)
    score = near["mean"].clip(0, 1).mean(axis=1).rename("score")
    pilot = pd.read_csv(FOLDER / "tuning.csv").query("task in ('recall', 'copy')").set_index(CURVE)["skill"].rename("pilot")
    assert score.index.sort_values().equals(pilot.index.sort_values())
    return pd.concat([score, pilot], axis=1)


def says(*sentences: str) -> None:
    for sentence in sentences:
        assert sentence in TEXT


def test_the_score_is_that_of_the_package(scores: pd.DataFrame) -> None:
    ours = rnnbench.Study(FOLDER).runs()
    rows = summary.spans(ours[ours["gap"].isin([10, 50]) & ours["task"].isin(["recall", "copy"])])
    for task, of_task in scores.groupby("task"):
        found = rows[rows["task"] == task]["memory_score"].sort_values().to_numpy()
        assert of_task["score"].sort_values().to_numpy() == pytest.approx(found, abs=1e-9)


def test_predictions_1_to_3(scores: pd.DataFrame, runs: pd.DataFrame) -> None:
    copy = scores.loc["copy"]["score"].sort_values(ascending=False)
    assert {cell for cell, _ in copy.index[:4]} == set(FIRST)
    assert copy.iloc[3] >= 0.97
    says(f"lstm, the lowest of them, has {copy['lstm', 'chrono']:.3f}; the next is lem (chrono) with {copy['lem', 'chrono']:.3f}")
    rank = scores.loc["copy"].rank().corr().loc["score", "pilot"]
    assert rank >= 0.9
    says(f"is at least 0.90. | {rank:.2f} | holds")
    place = copy.index.get_loc(("rnn", "uniform"))
    assert 0.4 <= copy.iloc[place] <= 0.65
    assert copy.index[place - 1] == ("lem", "uniform")
    assert {cell for cell, _ in copy.index[place + 1 :]} == {"irnn", "minlstm", "mingru", "indrnn", "cornn", "esn"}
    values = [f"{value:.2f}" for value in copy.iloc[[place, place - 1, place + 1]]]
    says("{}, between lem (uniform) with {} and irnn with {}".format(*values))
    at_50 = runs[(runs["task"] == "copy") & (runs["gap"] == 50)].groupby("cell")["accuracy"].median() * 100
    says(f"at {at_50['rnn']:.1f} % at gap 50", f"minGRU and minLSTM are at {at_50[['mingru', 'minlstm']].max():.0f} %")
    assert all(counts.eq(5).all() for counts in (solved(runs, "copy", gap).loc[list(FIRST)] for gap in (10, 50)))


def test_prediction_4(scores: pd.DataFrame, runs: pd.DataFrame) -> None:
    recall = scores.loc["recall"]["score"].sort_values()
    assert [cell for cell, _ in recall.index[:3]] == ["esn", "rnn", "cornn"]
    assert recall.iloc[3] >= 0.999
    says(", ".join(f"{cell} {score:.2f}" for (cell, _), score in recall.iloc[:3].items()))
    every = pd.concat([solved(runs, "recall", gap) for gap in (10, 50, 200)], axis=1).eq(5).all(axis=1)
    far = every & solved(runs, "recall", 1000).eq(5)
    assert set(far[far].index.get_level_values("cell")) == {*GATED, "lem"}
    says(f"all seeds solve every gap in {every.sum()} of {len(every)} curves; at gap 1,000 in {far.sum()}, all of them gated.")
    at_1000 = runs[(runs["task"] == "recall") & (runs["gap"] == 1000)].groupby("cell")["accuracy"].agg(["min", "max"])
    assert all(every[[("irnn", "integrator"), ("exprnn", "own"), ("lru", "ring")]])
    assert at_1000.loc["exprnn", "max"] < 0.11
    diverged = runs[(runs["task"] == "recall") & (runs["status"] == "diverged")]
    assert diverged.groupby(["cell", "gap"]).size()["irnn", 1000] == 5
    says("the LRU has {:.0f} to {:.0f} %".format(*at_1000.loc["lru"] * 100))
    says(f"The vanilla RNN solves gap 10 with {solved(runs, 'recall', 10)['rnn', 'uniform']} of 5 seeds.")


def test_prediction_5(runs: pd.DataFrame) -> None:
    far = runs[(runs["task"] == "recall") & (runs["gap"] == 200)]
    assert far.groupby(["cell", "init"]).size().eq(5).all()
    counts = solved(runs, "recall", 200)
    informed = counts[far[far["horizon"].notna()].groupby(["cell", "init"]).size().index]
    assert informed[informed < 5].to_dict() == {("indrnn", "horizon"): 0}
    assert not counts.loc[["rnn", "cornn", "esn"]].any()


def test_prediction_6(runs: pd.DataFrame) -> None:
    far = runs[(runs["task"] == "copy") & (runs["gap"] == 200)]
    assert far.groupby(["cell", "init"]).size().eq(5).all()
    median = far.groupby("cell")["accuracy"].median() * 100
    first, last = median[list(FIRST)], median[["rnn", "cornn", "mingru", "minlstm", "indrnn"]]
    assert first.min() >= 90
    assert last.max() <= 35
    listed = ", ".join(f"{cell} {first[cell]:.1f} %" for cell in first.sort_values(ascending=False).index)
    says(
        f"{listed}; the others {last.min():.1f} to {last.max():.1f} %",
        f"their medians at gap 200 are {first.min():.1f} to {first.max():.1f} %",
    )
    says(f"and at {last[['mingru', 'minlstm']].max():.0f} % at gap 200")


def test_predictions_21_and_22(runs: pd.DataFrame) -> None:
    assert runs[(runs["task"] == "recall") & (runs["gap"] == 1000)].groupby(["cell", "init"]).size().eq(5).all()
    counts = solved(runs, "recall", 1000)
    assert counts[[*zip((*GATED, "lem"), ["chrono"] * 10, strict=True)]].eq(5).all()
    assert not counts[["exprnn", "lru", "rnn", "irnn", "indrnn", "cornn", "esn"]].any()
    assert counts["lem", "uniform"] == 5
    says("| 5 of 5 seeds of each | holds |", "| none, but 5 of 5 of lem (uniform) | partly |")


def solved(runs: pd.DataFrame, task: str, gap: int) -> pd.Series:
    """Return how many seeds solved a task at a gap, by cell and initialisation."""
    here = runs[(runs["task"] == task) & (runs["gap"] == gap)]
    return here["status"].eq("solved").groupby([here["cell"], here["init"]]).sum()


def test_the_package_has_these_runs_as_baselines() -> None:
    assert gzip.decompress((PROTOCOLS / "atlas-2.csv.gz").read_bytes()) == (FOLDER / "runs.csv").read_bytes()
