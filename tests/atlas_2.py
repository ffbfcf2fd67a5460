"""What the tests of atlas-2's predictions share: the folder, the rule of a verdict, and the row of the page that states it."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pandas as pd

FOLDER = Path(__file__).parents[1] / "results" / "atlas-2"
Outcome = tuple[str, list[bool]]
"""What came out, as the page says it, and for every part of a prediction whether it is so."""


def check_row(prediction: Callable[[], Outcome], folder: Path = FOLDER) -> None:
    """Check that the row of ``prediction_N`` on the page of a study says what came out, and the verdict."""
    text, parts = prediction()
    verdict = "" if not parts else "holds" if all(parts) else "partly" if 2 * sum(parts) > len(parts) else "refuted"
    verdict += " so far" if parts and text.endswith("not run") else ""
    number = prediction.__name__.removeprefix("prediction_")
    lines = (folder / "README.md").read_text(encoding="utf-8").splitlines()
    (row,) = [line for line in lines if line.startswith(f"| {number} | ")]
    assert [cell.strip() for cell in row.strip("|").split(" | ")[2:]] == [text, verdict]


def page() -> str:
    """Return the text of the page on one line."""
    return " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())


@cache
def task_runs(task: str) -> pd.DataFrame:
    """Return the runs of a task, five seeds of 19 curves at every gap, with ``curve``, ``skill`` and ``solved``."""
    found = pd.read_csv(FOLDER / "runs.csv", low_memory=False).query("task == @task")
    skill = (found["accuracy"] - found["chance_accuracy"]) / (1 - found["chance_accuracy"])
    found = found.assign(curve=named(found), skill=skill, solved=found["status"].eq("solved"))
    seeds = found.groupby(["curve", "gap"])["seed"].apply(lambda seeds: sorted(seeds) == [0, 1, 2, 3, 4]).unstack()
    assert seeds.eq(True).all(axis=None)
    assert len(seeds) == 19
    return found


def named(frame: pd.DataFrame) -> pd.Series:
    """Return the cell, with its initialisation where it has two."""
    two = frame["cell"].isin(["lem", "indrnn"])
    return frame["cell"].where(~two, frame["cell"] + " (" + frame["init"] + ")")
