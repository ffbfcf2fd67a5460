"""The record of the predictions of recipe v3 agrees with its runs, computed with plain pandas."""

from pathlib import Path

import pandas as pd
import pytest

FOLDER = Path(__file__).parents[1] / "results" / "recipe-v3"
ROWS = [
    [cell.strip() for cell in line.strip("|\n").split("|")]
    for line in (FOLDER / "README.md").read_text(encoding="utf-8").splitlines()
    if line.startswith(("| LSTM", "| GRU", "| RNN"))
]


def largest_fall(run_id: str) -> float:
    accuracy = pd.read_csv(FOLDER / "logs" / f"{run_id}.csv")["accuracy"]
    return float(100 * (accuracy.cummax() - accuracy).max())


@pytest.mark.skipif(not (FOLDER / "logs").exists(), reason="a source distribution has no logs of runs")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row[0]}-{row[1]}")
def test_a_row_is_what_its_runs_say(row: list[str]) -> None:
    cell, gap, rate, seeds, at_least, at_most, solved, steps, fall, verdict = row
    runs = pd.read_csv(FOLDER / "runs.csv")
    runs = runs[(runs["cell"] == cell.lower()) & (runs["gap"] == int(gap.replace(",", ""))) & (runs["lr"] == float(rate))]
    first, last = map(int, seeds.split(" to "))
    assert sorted(runs["seed"]) == list(range(first, last + 1))
    won = runs[runs["status"] == "solved"]
    assert solved == f"{len(won)} of {len(runs)}"
    low, high = won["steps_to_solve"].min(), won["steps_to_solve"].max()
    assert steps == (f"{low:,.0f} to {high:,.0f}" if len(won) else "-")
    found = max(map(largest_fall, runs["run_id"]))
    assert fall == f"{found:.1f}"
    least = int(at_least.removeprefix("at least ").split()[0])
    count = len(won) >= least if least else not len(won)
    falls = at_most == "-" or found <= float(at_most.removeprefix("at most "))
    assert verdict.strip("*") == ("refuted" if not count else "holds" if falls else "partly")
