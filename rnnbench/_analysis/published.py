"""Published numbers from ``published_results.csv``, and the runs of the same task, cell and gap.

A row is verified if its number was read in the paper's text or table, a figure, a log or the code. Loss over chance makes
different losses comparable: 1 is the best network without memory, 0 is perfect. Never imports torch.
"""

from __future__ import annotations

import math
from importlib.resources import files
from io import StringIO

import pandas as pd

from rnnbench._analysis.summary import best_runs
from rnnbench._errors import UserError

MSE = ("test MSE", "min test MSE", "final test MSE", "MSE")
"""Metrics of adding that are a mean squared error; always predicting 1 has an error of 1/6."""
ALL_STEPS = ("CE all steps", "train CE (mean last 50)", "train CE (mean 50)")
"""Metrics of copy that are cross entropies over all T + 20 steps; a network without memory has 10 ln 8 / (T + 20)."""
OVER_CHANCE = "test CE/baseline"

REACHED = {"iter to MSE<.083": 0.083, "iter to MSE<.0167": 0.0167, "step of drop to ~0": 0.02, "MSE": 0.02}
"""Metrics of adding that state when a mean squared error was reached, and that error: the loss was at most this."""
SOLVED_ERROR = 0.04**2
"""The mean squared error below which Hochreiter & Schmidhuber's rule, an error of at most 0.04, counts a sequence as right."""
ABOUT_ZERO = 0.01
"""A loss over chance of "~0" in a figure: read as at most this."""

CELLS = {
    **dict.fromkeys(("RNN", "tanh RNN", "tanh-type RNN glorot", "tanh RNN mu0=0", "tanh RNN NAG .995"), "rnn"),
    **dict.fromkeys(("LSTM", "LSTM b_f=1", "LSTM std", "LSTM chrono", "LSTM chrono 3T/2", "LSTM glorot"), "lstm"),
    **{"GRU": "gru", "IRNN": "irnn", "LEM": "lem", "coRNN": "cornn", "IndRNN 2-layer": "indrnn", "expRNN": "exprnn"},
    **{"expRNN/dtriv": "exprnn", "Mamba": "mamba", "Mamba S6": "mamba"},
    **dict.fromkeys(("minGRU 3 layers", "minGRU 1/2 layers"), "mingru"),
    **dict.fromkeys(("minLSTM 3 layers", "minLSTM 1/2 layers"), "minlstm"),
    "MHA-RoPE": "transformer",
}
"""The names of cells in papers, and here; papers seldom state the variant of the GRU."""
PANELS = {"adding": "adding", "adding +-1 ends": "adding", "copy": "copy", "copy S=10 K=8": "copy"}
"""The tasks of papers that are drawn, and the panel of each; the inputs of ``adding +-1 ends`` lie in [-1, 1]."""
AUTHORS = {
    **{"Bai2018": "Bai et al. 2018", "HS1997": "Hochreiter & Schmidhuber 1997", "Tallec2018": "Tallec & Ollivier 2018"},
    **{"chronoRNN-repro": "rerun of Tallec & Ollivier 2018", "Hyland-rerun-of-uRNN": "Hyland's rerun of Arjovsky et al. 2016"},
    **{"Kerg2019-nnRNN": "Kerg et al. 2019", "batzner-IndRNN-repo": "Batzner's rerun of Li et al. 2018"},
    **{"Rusch2022-LEM": "Rusch et al. 2022", "Sutskever2013": "Sutskever et al. 2013"},
}
"""Papers by author and year, for the legend; other papers keep their key."""


def published() -> pd.DataFrame:
    """Return every published number: the columns of the file, and ``verified`` (bool).

    ``our_task`` and ``our_cell`` are empty where rnnbench has no such task or cell; ``our_gap`` is missing where the protocol
    differs, and ``over_chance`` (:func:`over_chance`) where the metric is not a loss. For the figure: ``authors``, ``panel`` and
    ``panel_gap`` (also of similar protocols), ``drawn`` (loss over chance) and ``at_most`` (True: the paper reports when this loss
    was reached, or that it was).
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
    rows["authors"] = rows["paper"].map(AUTHORS).fillna(rows["paper"])
    rows["panel"] = rows["task"].map(PANELS).fillna("")
    rows["panel_gap"] = [our_gap(panel, T) for panel, T in zip(rows["panel"], rows["gap_or_T"], strict=True)]
    rows["panel_gap"] = rows["panel_gap"].astype("Int64")
    bounds = [reached_over_chance(*texts) for texts in zip(rows["panel"], rows["metric"], rows["value"], strict=True)]
    rows["at_most"] = rows["over_chance"].isna() & pd.Series(bounds).notna()
    rows["drawn"] = rows["over_chance"].fillna(pd.Series(bounds))
    return rows


def our_gap(task: str, T: str) -> int | None:
    """Return the gap of a published T: the blanks of copy, half the length of adding; None if T is not one number."""
    if not (task and T.isdigit()):
        return None
    return int(T) // 2 if task == "adding" else int(T)


def over_chance(task: str, T: str, metric: str, value: str) -> float:
    """Return a published loss divided by that of the best network without memory; NaN for other metrics and for texts."""
    _, _, final = metric.partition(" (final ")
    metric, value = ("MSE", final.removesuffix(")")) if final else (metric, value)
    try:
        loss = float(value)
    except ValueError:
        return math.nan
    if task == "adding" and metric in MSE:
        return loss * 6
    if task == "copy" and metric in ALL_STEPS and T.isdigit():
        return loss * (int(T) + 20) / (10 * math.log(8))
    return loss if task == "copy" and metric == OVER_CHANCE else math.nan


def reached_over_chance(task: str, metric: str, value: str) -> float:
    """Return the loss over chance that a published run reached at some time, or that it stayed at; NaN if it is not stated.

    >>> round(reached_over_chance("adding", "iter to MSE<.0167", "6400"), 2)
    0.1
    """
    if task == "adding" and metric.startswith("wrong of 2560"):
        return SOLVED_ERROR * 6
    if "not solved" in value or "= memoryless" in value or "at memoryless" in value:
        return 1.0
    if task == "adding" and metric in REACHED:
        return REACHED[metric] * 6
    return ABOUT_ZERO if task == "copy" and value == "~0" else math.nan


def matching_results(rows: pd.DataFrame, runs: pd.DataFrame | None) -> pd.DataFrame:
    """Return the runs with the task, cell and gap of a published number, one row per curve and gap at the best recipe.

    Its columns: ``task, cell, label, lr, gap``, ``seeds, solved`` (counts), ``over_chance, low, high`` (median and range of loss
    over chance), ``step, sequences, wall_s`` (medians of the cost). On copy, ``over_chance`` is the loss on the recalled symbols
    over ln 8. If the network is right about the blanks it equals the published ratio, otherwise it is a lower bound.
    """
    found = []
    published_places = {(row["our_task"], row["our_cell"], row["our_gap"]) for row in rows.to_dict("records")}
    columns = ["task", "cell", "label", "lr", "gap"]
    for key, group in best_runs(runs).groupby(columns) if runs is not None and len(runs) else ():
        task, cell, _, _, gap = key
        if (task, cell, gap) in published_places:
            ratio = group["eval_loss"] / group["chance_loss"]
            found.append(
                dict(zip(columns, key, strict=True))
                | {"seeds": len(group), "solved": int((group["status"] == "solved").sum())}
                | {"over_chance": ratio.median(), "low": ratio.min(), "high": ratio.max()}
                | {name: group[name].median() for name in ("step", "sequences", "wall_s")}
            )
    names = [*columns, "seeds", "solved", "over_chance", "low", "high", "step", "sequences", "wall_s"]
    return pd.DataFrame(found, columns=names)


def select_published(task: str | None, cell: str | None, unverified: bool) -> pd.DataFrame:
    """Return the rows whose task begins with ``task`` and whose cell contains ``cell``; raises UserError if there are none."""
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
    """Return the verified rows that report a loss, or when one was reached, on a task of these runs."""
    rows = published()
    return rows[rows["verified"] & rows["drawn"].notna() & rows["panel_gap"].notna() & rows["panel"].isin(runs["task"])]


def merge_results(rows: pd.DataFrame, ours: pd.DataFrame) -> pd.DataFrame:
    """Return published rows joined with the results of the same task, cell and gap, in columns that begin with ``our_``."""
    renamed = ours.rename(columns={name: f"our_{name}" for name in ours.columns})
    kept = rows.drop(columns="verified")
    return kept.merge(renamed.astype({"our_gap": "Int64"}), on=["our_task", "our_cell", "our_gap"], how="left")
