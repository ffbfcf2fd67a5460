"""MQAR in atlas-2: how its options were chosen, and what became of its predictions, computed with plain pandas."""

import pandas as pd

from rnnbench._plugins import registry
from tests.atlas_2 import FOLDER, page


def options(pairs: int, keys: int, values: int) -> str:
    """Return a column's text for the options of mqar."""
    return f'{{"keys": {keys}, "pairs": {pairs}, "rounds": 1, "values": {values}}}'


def key_free(**chosen: int) -> float:
    """Return the accuracy of a network that knows the values but not their keys, in percent."""
    (level,) = registry.make_task("mqar", chosen).baselines(10).values()
    return 100 * level


def test_the_pilots_with_four_pairs() -> None:
    rows = pd.read_csv(FOLDER / "pilots" / "runs.csv", low_memory=False), pd.read_csv(FOLDER / "tuning.csv")
    pilots, tuning = (frame[(frame["task"] == "mqar") & (frame["option"] == options(4, 32, 16))] for frame in rows)
    chosen = pilots.merge(tuning[["cell", "init", "lr"]])
    assert (len(pilots), len(chosen)) == (342, 19 * 6)
    uniform = (chosen["cell"] == "lem") & (chosen["init"] == "uniform")
    percent = chosen["accuracy"] * 100
    above = pilots[(pilots["accuracy"] > 0.36) & ((pilots["cell"] != "lem") | (pilots["init"] != "uniform"))]
    assert above.groupby(["cell", "init", "gap", "lr"]).size().to_dict() == {
        ("janet", "chrono", 10, 0.02): 1,
        ("lem", "chrono", 10, 0.02): 1,
    }
    best = 100 * above.set_index("cell")["accuracy"]
    for sentence in (
        f"no cell has more than {percent[~uniform].max():.0f} %",
        f"knows the values but not their keys ({key_free():.0f} %)",
        "{:.0f} to {:.0f} % at gap 10".format(*percent[uniform & (chosen["gap"] == 10)].agg(["min", "max"])),
        f"and at most {percent[uniform & (chosen['gap'] == 50)].max():.0f} % at gap 50",
        f"one pilot of LEM (chrono) has {best['lem']:.0f} % at gap 10 and one of JANET {best['janet']:.0f} %.",
    ):
        assert sentence in page()


def test_the_options_were_chosen_on_a_pilot_seed() -> None:
    runs = pd.read_csv(FOLDER / "mqar-options" / "runs.csv")
    assert set(runs["seed"]) == {1000}
    assert f"two pairs of 8 keys and 8 values, where that level is {key_free(pairs=2, keys=8, values=8):.0f} %." in page()
    assert (runs["option"].nunique(), len(runs)) == (6, 120)
    assert "from six settings with [120 pilot runs]" in page()
    solved = runs[(runs["option"] == options(2, 8, 8)) & (runs["hidden_size"] == 90)].groupby("cell")["status"].agg(set)
    assert sorted(cell for cell, status in solved.items() if "solved" in status) == ["janet", "lem", "lstm", "slstm"]
