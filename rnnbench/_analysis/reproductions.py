"""Published numbers, each on its original protocol, judged by runs: yes, partly, no, or not tried.

The numbers, the protocols and the rules are in ``reproductions.toml``. Never imports torch.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from importlib.resources import files
from typing import NotRequired, TypedDict

import pandas as pd

from rnnbench._analysis.statistics import gap_solved
from rnnbench._config import Option, Options
from rnnbench._errors import UserError
from rnnbench._study import StudyFolder

NOT_TRIED = "not tried"
LEARNED = 0.95
"""The smallest median accuracy at the trained gap with which a failure at another gap counts."""


class Number(TypedDict):
    """An entry of ``[[published]]``; the head of the file explains its fields."""

    cell: str
    source: str
    says: str
    deviation: str
    protocol: dict[str, Option | Options]
    eval_gap: NotRequired[int]
    loss_below: NotRequired[float]
    solved_within: NotRequired[int]
    unsolved: NotRequired[bool]
    at_least: NotRequired[float]
    at_most: NotRequired[float]


def reproductions(runs: pd.DataFrame, extrapolation: pd.DataFrame, logs: pd.DataFrame) -> pd.DataFrame:
    """Judge every published number by the tables of a study, which may be empty.

    Returns one row per number: ``cell, source, says, reproduces`` (yes, partly, no, not tried), ``found`` (the result of the runs
    as text), ``deviation, command``. Cells without a number on these tasks come last, with the reason as ``says``.
    """
    data = tomllib.loads(files("rnnbench._analysis").joinpath("reproductions.toml").read_text(encoding="utf-8"))
    rows = []
    for number in data["published"]:
        reproduces, found = judge(number, apply_loss_rule(number, matching_runs(number, runs), logs), extrapolation)
        row = {"cell": number["cell"], "source": number["source"], "says": number["says"], "reproduces": reproduces}
        rows.append(row | {"found": found, "deviation": number["deviation"], "command": command(number, data["recipe"])})
    empty = dict.fromkeys(("source", "found", "deviation", "command"), "")
    rows += [empty | {"cell": cell["cell"], "says": cell["why"], "reproduces": NOT_TRIED} for cell in data["none"]]
    return pd.DataFrame(rows, columns=["cell", "source", "says", "reproduces", "found", "deviation", "command"])


def matching_runs(number: Number, runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs of a number's cell that agree with its protocol in every field that it sets."""
    if runs.empty:
        return runs
    keep = (runs["cell"] == number["cell"]) & (runs["train_gaps"] == "")
    for name, expected in number["protocol"].items():
        if isinstance(expected, dict):
            keep &= runs[name].map(lambda given, expected=expected: expected.items() <= _options(given).items())
        else:
            keep &= runs[name] == expected
    found: pd.DataFrame = runs[keep]
    return found


def apply_loss_rule(number: Number, runs: pd.DataFrame, logs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs; if the number states a loss, they count as solved at their first evaluation below that loss."""
    if runs.empty or "loss_below" not in number:
        return runs
    below = logs[logs["eval_loss"] < number["loss_below"]].groupby("run_id")["step"].min()
    steps = runs["run_id"].map(below).astype(float)
    status = runs["status"].where(runs["status"] == "diverged", "unsolved").where(steps.isna(), "solved")
    return runs.assign(status=status, steps_to_solve=steps)


def judge(number: Number, runs: pd.DataFrame, extrapolation: pd.DataFrame) -> tuple[str, str]:
    """Return the judgement of a number by its runs, and their result as text.

    A number of steps is reproduced if at least 4 in 5 seeds solve the task within them, partly if any seed solves it. A failure is
    reproduced if no seed solves the task and none diverges, partly if fewer than 4 in 5 solve it. An accuracy is reproduced if the
    median run is within the bound, partly if any run is. A low accuracy at another gap is not tried where the runs did not learn
    the gap that they were trained at.
    """
    if "eval_gap" in number and "at_least" not in number and len(runs) and (trained := runs["accuracy"].median()) < LEARNED:
        return (
            NOT_TRIED,
            f"median accuracy {trained:.3f} of {len(runs)} at the trained gap: not learned, so another gap shows nothing",
        )
    if "eval_gap" in number:
        if len(runs) and len(extrapolation):
            runs = extrapolation[extrapolation["run_id"].isin(runs["run_id"]) & (extrapolation["eval_gap"] == number["eval_gap"])]
        else:
            runs = extrapolation.iloc[:0]
    if runs.empty:
        return NOT_TRIED, ""
    n, solved = len(runs), int((runs["status"] == "solved").sum())
    if "solved_within" in number:
        steps = runs.loc[runs["status"] == "solved", "steps_to_solve"]
        within = int((steps <= number["solved_within"]).sum())
        cost = f", median {steps.median():,.0f} steps" if solved else ""
        return _word(gap_solved(within, n), solved > 0), f"{solved} of {n} solved{cost}"
    if "unsolved" in number:
        diverged = int((runs["status"] == "diverged").sum())
        found = f"{solved} of {n} solved" + (f", {diverged} diverged" if diverged else "")
        return _word(solved + diverged == 0, not gap_solved(solved, n)), found
    at_least, at_most = number.get("at_least", 0.0), number.get("at_most", 1.0)
    good, median = runs["accuracy"].between(at_least, at_most), runs["accuracy"].median()
    return _word(at_least <= median <= at_most, bool(good.any())), f"median accuracy {median:.3f} of {n}"


def command(number: Number, recipe: str) -> str:
    """Return the shell command that makes the runs of a number with the defaults of a recipe, with five seeds."""
    words = ["--cell", number["cell"], "--recipe", recipe]
    for name, value in number["protocol"].items():
        flag = f"--{name.replace('_', '-')}"
        pairs = [f"{key}={given}" for key, given in value.items()] if isinstance(value, dict) else [str(value)]
        words += [word for pair in pairs for word in (flag, pair)]
    if "eval_gap" in number:
        return f"for seed in 0 1 2 3 4; do rnnbench run {' '.join(words)} --seed $seed --eval-gaps {number['eval_gap']}; done"
    return f"rnnbench sweep {' '.join(words)} --seed 0,1,2,3,4"


def _word(yes: bool, partly: bool) -> str:
    return "yes" if yes else "partly" if partly else "no"


def _options(given: object) -> dict[object, object]:
    value = json.loads(given) if isinstance(given, str) else given
    return dict(value) if isinstance(value, Mapping) else {}


def study_reproductions(study: StudyFolder | None, task: str | None, cell: str | None) -> pd.DataFrame:
    """Return the :func:`reproductions` of a study, or of no runs; raises UserError if ``task`` and ``cell`` select no number."""
    runs = others = logs = pd.DataFrame()
    if study:
        runs, logs = study.runs(), study.logs()
        others = study.extrapolation() if study.extrapolations.rows() else others
    table = reproductions(runs, others, logs)
    if task:
        table = table[table["command"].str.contains(f"--task {task.lower()}", regex=False)]
    if cell:
        table = table[table["cell"].str.contains(cell.lower(), regex=False)]
    if table.empty:
        selection = f"task {task or 'any'!r} and cell {cell or 'any'!r}"
        raise UserError(f"no number of {selection} has a protocol to rerun: leave out a filter")
    return table
