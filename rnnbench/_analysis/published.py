"""What others reported: the published numbers in ``published_results.csv``, and which of them measure what rnnbench measures.

A row counts as verified if its confidence says so: the number was read in the paper's text or table, a figure, a log or the code.
Loss over chance makes different losses comparable: 1 is the best network without memory, 0 is perfect. Never imports torch.
"""

from __future__ import annotations

import math
from importlib.resources import files
from io import StringIO

import pandas as pd

from rnnbench._analysis.summary import best_runs
from rnnbench._errors import UserError

MSE = ("test MSE", "min test MSE", "final test MSE", "MSE")
"""Metrics of adding that are a mean squared error; predicting 1 always gets 1/6."""
ALL_STEPS = ("CE all steps", "train CE (mean last 50)", "train CE (mean 50)")
"""Metrics of copy that are cross entropies over all T + 20 steps; a network without memory gets 10 ln 8 / (T + 20)."""
OVER_CHANCE = "test CE/baseline"

CELLS = {
    **dict.fromkeys(("RNN", "tanh RNN", "tanh-type RNN glorot"), "rnn"),
    **dict.fromkeys(("LSTM", "LSTM b_f=1", "LSTM std", "LSTM chrono", "LSTM glorot"), "lstm"),
    "GRU": "gru",
}
"""Their names and ours; the papers seldom say which variant of the GRU they mean."""


def published() -> pd.DataFrame:
    """Every row of the record.

    Returns:
        The columns of the file, and: ``verified`` (bool); ``our_task`` and ``our_cell``, empty where rnnbench has no such one;
        ``our_gap`` (missing where the protocol is another one); ``over_chance``, the loss over that of a network without memory
        (missing where the metric says nothing of it).
    """
    text = files("rnnbench._analysis").joinpath("published_results.csv").read_text(encoding="utf-8")
    rows = pd.read_csv(StringIO(text), dtype=str, keep_default_na=False)
    rows["verified"] = rows["confidence"].str.startswith("verified")
    rows["our_task"] = rows["task"].map({"adding": "adding", "copy": "copy", "copy S=10 K=8": "copy"}).fillna("")
    rows["our_cell"] = rows["cell"].map(CELLS).fillna("")
    rows["our_gap"] = [our_gap(task, T) for task, T in zip(rows["our_task"], rows["gap_or_T"], strict=True)]
    rows["our_gap"] = rows["our_gap"].astype("Int64")
    rows["over_chance"] = [
        over_chance(task, T, metric, value)
        for task, T, metric, value in zip(rows["our_task"], rows["gap_or_T"], rows["metric"], rows["value"], strict=True)
    ]
    return rows


def our_gap(task: str, T: str) -> int | None:
    """The gap that a published T stands for: the blanks of copy, half the length of adding; None if it is not one number."""
    if not (task and T.isdigit()):
        return None
    return int(T) // 2 if task == "adding" else int(T)


def over_chance(task: str, T: str, metric: str, value: str) -> float:
    """A published loss divided by that of the best network without memory; NaN for other metrics and for values in words."""
    try:
        loss = float(value)
    except ValueError:
        return math.nan
    if task == "adding" and metric in MSE:
        return loss * 6
    if task == "copy" and metric in ALL_STEPS and T.isdigit():
        return loss * (int(T) + 20) / (10 * math.log(8))
    return loss if task == "copy" and metric == OVER_CHANCE else math.nan


def beside(rows: pd.DataFrame, runs: pd.DataFrame | None) -> pd.DataFrame:
    """Our runs of the task, cell and gap of published rows.

    Args:
        rows: of :func:`published`.
        runs: of :meth:`rnnbench.Study.runs`, if there are any.

    Returns:
        One row per curve and gap that some published row shares, at the best recipe (:data:`rnnbench._analysis.summary.BEST_RULE`):
        ``task, cell, label, lr, gap``, ``seeds, solved`` (counts), ``over_chance, low, high`` (median and range of loss over
        chance), ``steps, sequences, wall_s`` (medians of what it cost). On copy ours is the loss on the recalled symbols over ln 8:
        with silent blanks that is the published ratio, else a bound from below.
    """
    found = []
    wanted = {(row["our_task"], row["our_cell"], row["our_gap"]) for row in rows.to_dict("records")}
    columns = ["task", "cell", "label", "lr", "gap"]
    for key, group in best_runs(runs).groupby(columns) if runs is not None and len(runs) else ():
        task, cell, _, _, gap = key
        if (task, cell, gap) in wanted:
            ratio = group["eval_loss"] / group["chance_loss"]
            found.append(
                dict(zip(columns, key, strict=True))
                | {"seeds": len(group), "solved": int((group["status"] == "solved").sum())}
                | {"over_chance": ratio.median(), "low": ratio.min(), "high": ratio.max()}
                | {name: group[name].median() for name in ("step", "sequences", "wall_s")}
            )
    names = [*columns, "seeds", "solved", "over_chance", "low", "high", "step", "sequences", "wall_s"]
    return pd.DataFrame(found, columns=names)


def chosen(task: str | None, cell: str | None, unverified: bool) -> pd.DataFrame:
    """The rows of papers' tasks that begin with ``task`` and cells that have ``cell`` in them; raises UserError if none has."""
    rows = published()
    rows = rows[rows["verified"] | unverified]
    if task:
        rows = rows[rows["task"].str.lower().str.startswith(task.lower())]
    if cell:
        rows = rows[rows["cell"].str.lower().str.contains(cell.lower(), regex=False)]
    if rows.empty:
        raise UserError(f"no published row of task {task or 'any'!r} and cell {cell or 'any'!r}: leave out a filter, or add --all")
    return rows


def comparable(runs: pd.DataFrame) -> pd.DataFrame:
    """The verified rows that report a loss on a task of these runs."""
    rows = published()
    return rows[rows["verified"] & rows["over_chance"].notna() & rows["our_gap"].notna() & rows["our_task"].isin(runs["task"])]


def merged(rows: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Published rows, and to the right our runs of the same task, cell and gap, under names that begin with ``our_``."""
    renamed = ours.rename(columns={name: f"our_{name}" for name in ours.columns})
    kept = rows.drop(columns="verified")
    return kept.merge(renamed.astype({"our_gap": "Int64"}), on=["our_task", "our_cell", "our_gap"], how="left")
