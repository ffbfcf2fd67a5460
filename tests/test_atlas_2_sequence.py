"""Mamba, Gated DeltaNet and a Transformer in atlas-2: what became of their predictions, computed with plain pandas."""

from collections.abc import Callable
from functools import cache

import pandas as pd
import pytest

from rnnbench._report.results import join_words
from tests.atlas_2 import FOLDER, Outcome, check_row, page

CELLS = ("mamba", "deltanet", "transformer")


@cache
def runs() -> pd.DataFrame:
    found = pd.read_csv(FOLDER / "sequence" / "runs.csv", low_memory=False)
    assert found.groupby(["task", "cell", "gap"])["seed"].apply(lambda seeds: sorted(seeds) == [0, 1, 2, 3, 4]).all()
    assert len(found) == 70
    return found.assign(solved=found["status"].eq("solved"))


def medians(task: str, frame: pd.DataFrame) -> pd.Series:
    """Return the median accuracies of a task in per cent, by cell and gap."""
    return frame[frame["task"] == task].groupby(["cell", "gap"])["accuracy"].median() * 100


def prediction_26() -> Outcome:
    counts = runs()[runs()["task"] == "recall"].groupby(["cell", "gap"])["solved"].sum()
    at = {cell: join_words([f"{count} of 5 at {gap}" for gap, count in counts[cell].items()]) for cell in CELLS}
    return f"{'; '.join(f'{cell} {text}' for cell, text in at.items())}; the rest not run", [count >= 4 for count in counts]


def prediction_27() -> Outcome:
    copy = medians("copy", runs())
    text = "transformer {:.1f} and {:.1f} %, deltanet {:.1f} and {:.1f} %; the rest not run"
    values = [copy[cell, gap] for cell in ("transformer", "deltanet") for gap in (10, 50)]
    return text.format(*values), [values[0] >= 90, values[1] >= 90, values[2] <= 40, values[3] <= 40]


def prediction_28() -> Outcome:
    ours, theirs = medians("copy", runs())["mamba"], medians("copy", pd.read_csv(FOLDER / "runs.csv", low_memory=False))["mingru"]
    text = f"mamba {ours[10]:.1f} and {ours[50]:.1f} %, mingru {theirs[10]:.1f} and {theirs[50]:.1f} %; gap 200 not run"
    return text, [ours[10] > theirs[10], ours[50] > theirs[50], ours.max() <= 90]


PREDICTIONS = [prediction_26, prediction_27, prediction_28]


@pytest.mark.parametrize("prediction", PREDICTIONS, ids=lambda prediction: prediction.__name__)
def test_the_page_says_what_came_out(prediction: Callable[[], Outcome]) -> None:
    check_row(prediction)


def test_the_sentence_about_the_transformer() -> None:
    ours = runs()[runs()["cell"] == "transformer"]
    assert ours["solved"].all()
    assert sorted(ours["gap"].unique()) == [10, 50, 200]
    assert ours["steps_to_solve"].value_counts().to_dict() == {250: 29, 500: 1}
    assert "All its seeds solve recall and copy at gaps 10, 50 and 200, 29 of 30 runs at the first evaluation" in page()


def test_the_sentences_about_mamba_and_deltanet() -> None:
    copy = medians("copy", runs())
    assert f"does not copy ({copy['mamba', 10]:.1f} and {copy['mamba', 50]:.1f} %)" in page()
    assert f"does not copy ({copy['deltanet', 10]:.1f} and {copy['deltanet', 50]:.1f} %)" in page()
    pilots = pd.read_csv(FOLDER / "sequence" / "pilots" / "runs.csv", low_memory=False)
    recall = pilots[(pilots["cell"] == "deltanet") & (pilots["task"] == "recall")]
    counts = recall["status"].eq("solved").groupby(recall["gap"]).agg(["sum", "size"])
    assert counts.to_numpy().tolist() == [[6, 9], [0, 9]]
    solved = runs().query("cell == 'deltanet' and task == 'recall' and gap == 50")["solved"].sum()
    assert f"All its seeds solve recall at gap 10, and {solved} of 5 at gap 50, where none of its nine pilots did." in page()
    ran = runs().query("cell == 'deltanet' and task == 'recall' and gap == 50").set_index("seed")
    assert ran["solved"].to_dict() == ran["device"].str.startswith("cuda").to_dict()
    again = pd.read_csv(FOLDER / "sequence" / "cpu" / "runs.csv", low_memory=False)
    assert sorted(again["seed"]) == sorted(ran.index[ran["solved"]])
    assert again["device"].eq("cpu").all()
    assert again["status"].eq("solved").all()
    assert "repeated on a CPU (`sequence/cpu`), the two solve it again." in page()
