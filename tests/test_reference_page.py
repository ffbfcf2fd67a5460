"""The reference runs of recipe v3: what became of their predictions, computed with plain pandas."""

import re
from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest

from rnnbench._sweep.grid import grid
from rnnbench._sweep.sweep_file import read_sweep
from tests.atlas_2 import FOLDER, Outcome, check_row

REFERENCE = FOLDER.parent / "reference"
PAGE = (REFERENCE / "README.md").read_text(encoding="utf-8")
ONE_LINE = " ".join(PAGE.split())
TASKS = ("copy", "adding", "recall", "beijing")
NEAR = (10, 20, 50, 100, 200)


@cache
def runs() -> pd.DataFrame:
    """Return the runs of the pieces: recipe v3, five seeds at every place."""
    found = pd.read_csv(REFERENCE / "runs.csv", low_memory=False)
    found = found[(found["beta2"] == 0.999) & (found["seed"] < 5) & (found["hidden_size"] == 128)]
    found["curve"] = found["cell"].where(found["init"] != "orthogonal", "orthogonal")
    assert found.groupby(["curve", "task", "gap"])["seed"].apply(lambda seeds: sorted(seeds) == [0, 1, 2, 3, 4]).all()
    return found


@cache
def counts() -> pd.Series:
    """Return how many of the five seeds solve it, by curve, task and gap."""
    return runs()["status"].eq("solved").groupby([runs()[name] for name in ("curve", "task", "gap")]).sum()


def outcome(every: dict[tuple[str, str, int], bool]) -> Outcome:
    """Return the places where it is not as predicted, with their counts, and all parts that were run."""
    parts = {place: so for place, so in every.items() if place in counts()}
    wrong = [place for place, so in parts.items() if not so]
    listed = ", ".join(f"{curve} on {task} at {gap} ({counts()[curve, task, gap]} of 5)" for curve, task, gap in wrong)
    missing = ", ".join(f"{curve} on {task}" for curve, task, _ in sorted(every.keys() - parts.keys()))
    text = f"all but {listed}" if wrong else "so it is"
    return f"{text}; {missing} not run" if missing else text, list(parts.values())


def most(curve: str, tasks: tuple[str, ...], gaps: tuple[int, ...], least: int = 4) -> dict[tuple[str, str, int], bool]:
    """Return, for every task and gap, whether at least this many of five seeds solve it."""
    return {(curve, task, gap): bool(counts().get((curve, task, gap), 0) >= least) for task in tasks for gap in gaps}


def at_most(curve: str, tasks: tuple[str, ...], gaps: tuple[int, ...], count: int = 0) -> dict[tuple[str, str, int], bool]:
    """Return, for every task and gap, whether at most this many of five seeds solve it."""
    return {(curve, task, gap): bool(counts().get((curve, task, gap), 0) <= count) for task in tasks for gap in gaps}


def prediction_1() -> Outcome:
    return outcome(most("lstm", TASKS, NEAR))


def prediction_2() -> Outcome:
    text, parts = outcome(most("gru", TASKS[1:], NEAR) | at_most("gru", ("copy",), (200,), 3))
    accuracy = runs().query("curve == 'gru' and task == 'copy' and gap == 200")["accuracy"].median()
    return f"{text}; {counts()['gru', 'copy', 200]} of 5 and {100 * accuracy:.1f} % on copy", [*parts, bool(accuracy >= 0.95)]


def prediction_3() -> Outcome:
    return outcome(most("rnn", ("copy",), (10,)) | at_most("rnn", ("copy",), (50,)))


def prediction_4() -> Outcome:
    return outcome(at_most("rnn", ("adding",), NEAR))


def prediction_5() -> Outcome:
    return outcome(most("rnn", ("recall",), (20,)) | at_most("rnn", ("recall",), (200,)))


def prediction_6() -> Outcome:
    return outcome(most("rnn", ("beijing",), (20, 50, 100)))


def prediction_7() -> Outcome:
    return outcome(most("orthogonal", ("copy",), (50,), 3) | most("orthogonal", ("recall",), (200,), 3))


def prediction_8() -> Outcome:
    return outcome(most("lstm", TASKS, (1000,)) | most("gru", TASKS[1:], (1000,)) | at_most("gru", ("copy",), (1000,)))


def prediction_9() -> Outcome:
    return outcome(at_most("rnn", TASKS[:3], (1000,)) | at_most("rnn", ("beijing",), (1000,), 2))


def prediction_10() -> Outcome:
    near = runs()[runs()["gap"] <= 200]
    skill = near.groupby(["curve", "task", "gap"])["skill"].mean().clip(0, 1).unstack()[list(NEAR)]
    score = pd.Series(np.trapezoid(skill, np.log(NEAR), axis=1) / np.log(20), skill.index)
    parts = [score["lstm", task] >= score["gru", task] - 0.01 for task in TASKS]
    parts += [score["gru", task] >= score["rnn", task] + 0.1 for task in TASKS]
    text = "; ".join(f"{task} {', '.join(f'{score[cell, task]:.2f}' for cell in ('lstm', 'gru', 'rnn'))}" for task in TASKS)
    return text, [bool(part) for part in parts]


PREDICTIONS = [
    prediction_1, prediction_2, prediction_3, prediction_4, prediction_5,
    prediction_6, prediction_7, prediction_8, prediction_9, prediction_10,
]  # fmt: skip


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.__name__)
def test_the_page_says_what_came_out(prediction: Callable[[], Outcome]) -> None:
    check_row(prediction, REFERENCE)


@pytest.mark.skipif(not (REFERENCE / "logs").exists(), reason="a source distribution has no logs of runs")
def test_the_page_counts_the_falls() -> None:
    gated = runs()[(runs()["cell"] != "rnn") & (runs()["gap"] <= 200)]
    accuracies = (pd.read_csv(REFERENCE / "logs" / f"{run_id}.csv")["accuracy"] for run_id in gated["run_id"])
    gated = gated.assign(fall=[100 * (accuracy.cummax() - accuracy).max() for accuracy in accuracies])
    fell = gated[gated["fall"] > 10]
    count = fell["cell"].value_counts()
    assert gated["cell"].value_counts().to_dict() == {"lstm": 100, "gru": 100}
    assert f"by more than 10 points in {count['lstm']} of 100 runs of the LSTM and in {count['gru']} of 100 of the GRU" in ONE_LINE
    assert f"by at most {fell['fall'].max():.0f}. Nine of these ten solve it in the end." in ONE_LINE
    assert (len(fell), int(fell["status"].eq("solved").sum())) == (10, 9)


def test_the_sentences_about_gap_1000() -> None:
    assert "All seeds of LSTM and GRU solve it. On copy at gap 1,000 all LSTMs solve it," in ONE_LINE
    assert [counts()[place] for place in (("lstm", "adding", 1000), ("gru", "adding", 1000), ("lstm", "copy", 1000))] == [5, 5, 5]
    far = runs().query("task == 'copy' and gap == 1000")
    low, high = far[far["curve"] == "gru"]["accuracy"].mul(100).agg(["min", "max"])
    assert f"and the GRUs are at {low:.0f} to {high:.0f} %." in ONE_LINE
    assert far[far["status"] == "diverged"]["curve"].tolist() == ["orthogonal", "rnn"]
    assert "Of the vanilla RNN one run of each start diverged there." in ONE_LINE


def test_the_page_says_what_twice_the_rate_does_for_the_gru() -> None:
    other = pd.read_csv(FOLDER.parent / "recipe-v3" / "runs.csv").query("cell == 'gru' and gap == 200")
    assert (set(other["lr"]), set(other["seed"]) & set(range(5))) == ({0.02}, set())
    solved = other["status"].eq("solved").sum()
    assert f"at 0.02, {solved} of {len(other)} other seeds solve gap 200" in ONE_LINE
    assert counts()["gru", "copy", 200] == 0


def test_the_table_of_rates_is_the_committed_one() -> None:
    table = pd.read_csv(REFERENCE.parents[1] / "rnnbench" / "_spec" / "rates.csv")
    for cell, rates in table.pivot_table(index="cell", columns="task", values="lr")[list(TASKS)].iterrows():
        assert f"| {cell} | " + " | ".join(f"{rate:g}" for rate in rates) + " |\n" in PAGE


def test_the_table_of_pieces_counts_runs_and_hours() -> None:
    found = pd.read_csv(REFERENCE / "runs.csv", low_memory=False).set_index("run_id")
    rows = re.findall(r"^\| `(.*\.toml)` \| .* \| (\d+) \| ([\d.]+) \|$", PAGE, re.M)
    assert len(rows) == 22
    for name, count, hours in rows:
        runs = found.loc[[run.run_id for run in grid(read_sweep(REFERENCE / name, {}))]]
        assert (f"{len(runs)}", f"{runs['wall_s'].sum() / 3600:.1f}") == (count, hours), name
