"""Numbers in README and in the chapter on gates, computed from the committed tables with plain pandas."""

import re
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "results" / "reference"
TEXT = re.sub(r"\s+", " ", (ROOT / "README.md").read_text(encoding="utf-8"))
BUDGET = {"copy": 8000, "adding": 8000, "recall": 3000, "beijing": 3000}
NOT_RUN = {("adding", 1000)}
INIT = {"rnn": "uniform", "lstm": "chrono", "gru": "chrono"}


@pytest.fixture(scope="module")
def runs() -> pd.DataFrame:
    frame = pd.read_csv(REFERENCE / "runs.csv", low_memory=False)
    return frame[(frame["schedule"] == "linear") & (frame["hidden_size"] == 128)]


@pytest.fixture(scope="module")
def rates() -> pd.DataFrame:
    return pd.read_csv(ROOT / "rnnbench" / "_spec" / "rates.csv")


def at(runs: pd.DataFrame, rates: pd.DataFrame, cell: str, task: str, gap: int, init: str = "") -> pd.DataFrame:
    """Return the five runs of recipe v3 of a curve at a gap: the rate of rates.csv, or 0.001 for another initialisation."""
    [lr] = rates[(rates["cell"] == cell) & (rates["task"] == task)]["lr"] if not init else [0.001]
    rows = runs[(runs["cell"] == cell) & (runs["task"] == task) & (runs["gap"] == gap) & (runs["init"] == (init or INIT[cell]))]
    rows = rows[(rows["beta2"] == 0.999) & (rows["lr"] == lr) & (rows["max_steps"] == BUDGET[task]) & (rows["seed"] < 5)]
    assert len(rows) == 5
    return rows


def solved(rows: pd.DataFrame) -> int:
    return int((rows["status"] == "solved").sum())


def says(*sentences: str) -> None:
    for sentence in sentences:
        assert sentence in TEXT


def test_where_the_vanilla_rnn_fails(runs: pd.DataFrame, rates: pd.DataFrame) -> None:
    places = {(task, gap) for task in BUDGET for gap in (10, 20, 50, 100, 200, 1000)} - NOT_RUN
    of = {(task, gap): at(runs, rates, "rnn", task, gap) for task, gap in places}
    count = {place: solved(rows) for place, rows in of.items()}
    recalled = [count["recall", gap] for gap in (10, 20, 50, 100, 200, 1000)]
    assert count["copy", 50] == count["adding", 10] == count["recall", 200] == 0
    says(
        f"On copy, {count['copy', 20]} of 5 seeds solve gap 20 and none gap 50, where accuracy is "
        f"{100 * of['copy', 50]['accuracy'].median():.0f} %.",
        "On adding, no seed solves gap 10.",
        f"On recall, {', '.join(map(str, recalled[:-1]))} and {recalled[-1]} of 5 solve gaps 10, 20, 50, 100, 200 and 1,000.",
        f"on beijing, {count['beijing', 1000]} of 5 solve gap 1,000.",
    )


def test_what_orthogonal_weights_do(runs: pd.DataFrame, rates: pd.DataFrame) -> None:
    assert solved(at(runs, rates, "rnn", "copy", 50, "orthogonal")) == 5
    assert solved(at(runs, rates, "rnn", "recall", 200, "orthogonal")) == 3
    assert solved(at(runs, rates, "rnn", "copy", 100, "orthogonal")) == 0
    says("From orthogonal weights, all five seeds solve copy at gap 50 and none gap 100; three solve recall at gap 200.")


def test_what_gates_do(runs: pd.DataFrame, rates: pd.DataFrame) -> None:
    near = (10, 20, 50, 100, 200)
    assert all(solved(at(runs, rates, "lstm", task, gap)) == 5 for task in BUDGET for gap in (*near, 1000))
    assert all(solved(at(runs, rates, "gru", task, gap)) == 5 for task in BUDGET for gap in (*near, 1000) if task != "copy")
    rows = [at(runs, rates, "gru", "copy", gap) for gap in (*near, 1000)]
    counts, medians = [solved(row) for row in rows], [100 * row["accuracy"].median() for row in rows]
    says(
        f"On copy {', '.join(map(str, counts[:-1]))} and {counts[-1]} of 5 GRUs solve gaps 10 to 1,000; "
        f"medians are {min(medians[:-1]):.0f} to {max(medians[:-1]):.0f} % up to 200 and {medians[-1]:.0f} % at 1,000."
    )


def test_a_forget_bias_in_place_of_chrono() -> None:
    frame = pd.read_csv(ROOT / "results" / "atlas-2" / "blind" / "runs.csv", low_memory=False)
    rows = frame[(frame["cell"] == "lstm") & (frame["task"] == "recall") & (frame["init"] == "forget-bias")]
    count = rows["status"].eq("solved").groupby(rows["gap"]).sum()
    assert (rows["gap"].value_counts() == 5).all()
    says("up to gap 200; with a forget bias of 1 no LSTM recalls there.")
    assert count[200] == 0


def test_ten_times_the_steps() -> None:
    frame = pd.read_csv(REFERENCE / "runs.csv", low_memory=False)
    long = frame[(frame["cell"] == "rnn") & (frame["init"] == "uniform") & (frame["lr"] == 0.001) & (frame["gap"] == 50)]
    long = long[(long["max_steps"] == long["task"].map(BUDGET) * 10) & (long["schedule"] == "linear") & (long["beta2"] == 0.99)]
    assert (long["task"].value_counts() == 5).all()
    count = {task: solved(rows) for task, rows in long.groupby("task")}
    says(
        f"rate 0.001, {count['copy']} of 5 other vanilla RNNs solve copy, {count['recall']} recall, and all five adding, at gap 50"
    )
    assert count["adding"] == 5


def test_what_became_of_the_predictions() -> None:
    verdicts = pd.read_csv(REFERENCE / "verdicts.csv")
    found = verdicts[verdicts["kind"] == "finding"] if "kind" in verdicts else verdicts
    found = found[~found["name"].str.startswith("v3-")]
    assert sorted(found["verdict"]) == ["partly"] * 6 + ["refuted"]
    page = (REFERENCE / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| \d+ \| .* \| (.*) \|$", page.split("## Predictions about recipe v3")[1], re.M)
    assert (len(rows), rows.count("holds")) == (10, 8)
    says("about recipe v2, none holds as written and one is refuted;", "about this figure, eight hold.")


def test_what_the_gates_of_five_networks_have_in_common() -> None:
    folders = (REFERENCE.parent / "why", REFERENCE.parent / "why" / "gates")
    text = re.sub(r"\s+", " ", (folders[0] / "README.md").read_text(encoding="utf-8"))
    files = [file for folder in folders for file in folder.glob("half_lives_recall-lstm*.csv")]
    medians = pd.DataFrame(pd.read_csv(file).groupby("when")["half_life"].median() for file in files)
    low, high = medians.min().round(-1), medians.max().round(-1)
    assert len(files) == 5
    assert f"about {low['initial'].round(-2):.0f} to {high['initial']:.0f} steps" in text
    assert f"the medians are {low['trained'].round(-2):,.0f} to {high['trained'].round(-2):,.0f} steps" in text
    tables = [pd.read_csv(file) for folder in folders for file in folder.glob("gates_recall-lstm*.csv")]
    gates = [table.pivot_table(index="step", columns="quantity", values="mean") for table in tables]
    written = [gate["input gate i (1 writes)"] for gate in gates]  # the country is word 2, the question 204
    opening = [at[2] / max(at[1], at[3]) for at in written]
    assert f"the input gate is {min(opening):.1f} to {max(opening):.0f} times as open" in text
    assert f"its mean is still at most {max(at[2] for at in written):.2f}" in text
    assert all(at[202] > at[2] for at in written)
    kept = [gate["forget gate f (1 keeps)"].loc[3:202].mean() for gate in gates]
    assert f"the forget gate is {min(kept):.2f} to {max(kept):.2f} in the gap" in text


def test_what_the_gru_and_the_vanilla_rnn_do() -> None:
    folder = REFERENCE.parent / "why"
    text = re.sub(r"\s+", " ", (folder / "README.md").read_text(encoding="utf-8"))
    lives = pd.concat(pd.read_csv(file) for file in folder.glob("half_lives_recall-gru*.csv")).groupby("when")["half_life"].median()
    assert f"median half-life {lives['initial']:.0f} steps before training, {lives['trained']:.0f} after" in text
    [state] = [pd.read_csv(file).set_index("step")["mean"] for file in folder.glob("gates_recall-rnn*.csv")]
    assert (state.loc[2:] * state.loc[2:].shift()).max() < 0


def test_what_networks_trained_at_gap_50_do_at_other_gaps() -> None:
    folder = REFERENCE.parent / "why"
    text = re.sub(r"\s+", " ", (folder / "README.md").read_text(encoding="utf-8"))
    at = pd.read_csv(folder / "length" / "extrapolation.csv").pivot_table(
        index=["cell", "seed", "status"], columns="eval_gap", values="accuracy"
    )
    others = at.xs(("rnn", "solved"), level=("cell", "status")).drop(columns=50)
    assert others.shape == (2, 6)
    right = others.stack()
    assert sorted(right[right > 0].round(2)) == [0.35, 1.0]
    assert right.idxmax()[1] == 20
    ranges = {
        (cell, gap): [f"{100 * at.loc[cell][gap].agg(end):.0f}" for end in ("min", "max")]
        for cell in ("lstm", "gru")
        for gap in (10, 1000)
    }
    lstm, gru = (" to ".join(ranges[cell, 1000]) for cell in ("lstm", "gru"))
    near_lstm, near_gru = (" to ".join(ranges[cell, 10]) for cell in ("lstm", "gru"))
    assert f"in {lstm} % of the cases at gap 1,000 ({near_lstm} % at gap 10), GRUs in {gru} % ({near_gru} %)" in text
