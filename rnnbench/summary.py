"""A study in numbers: what its seeds say together, curve by curve. DataFrame in, DataFrame out; never imports torch."""

from __future__ import annotations

import pandas as pd

from rnnbench.stats import bootstrap_mean, span, wilson_interval

CURVE = ["task", "cell", "init"]
"""What a curve stands for; see :func:`name_variants` for what else may be in ``init``."""

VARIANTS = ("hidden_size", "batch_size", "optimizer", "horizon", "clip_norm", "max_steps", "option", "cell_option")
"""Fields that change what is measured; where runs of one gap differ in them they are curves of their own."""

RATE_RULE = "best of the learning-rate grid by median over the shown seeds"


def name_variants(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs, with every variant that tells some of them apart written into ``init``: ``uniform, hidden_size 512``."""
    named = runs.copy()
    for field in VARIANTS:
        if runs.groupby(["task", "cell", "init", "gap"], dropna=False)[field].nunique().gt(1).any():
            named["init"] = named["init"] + ", " + field + " " + runs[field].astype(str)
    return named


def rates(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a curve, gap and learning rate.

    Columns: task, cell, init, gap, lr, seeds, solved, solved_low, solved_high (Wilson, 95 %), accuracy (median over seeds),
    mean_accuracy with mean_low and mean_high (bootstrap over seeds, 95 %; a run that diverged counts as 0), chance_accuracy,
    steps_to_solve (median over the seeds that solved it; NaN if none), best (whether this is the rate shown).
    """
    rows = []
    for key, group in runs.groupby([*CURVE, "gap", "lr"]):
        solved = int((group["status"] == "solved").sum())
        low, high = wilson_interval(solved, len(group))
        every = group["accuracy"].fillna(0.0).tolist()
        rows.append(
            dict(zip([*CURVE, "gap", "lr"], key, strict=True))
            | {"seeds": len(group), "solved": solved, "solved_low": low, "solved_high": high}
            | dict(zip(("mean_low", "mean_high"), bootstrap_mean(every), strict=True))
            | {"accuracy": group["accuracy"].median(), "mean_accuracy": sum(every) / len(every)}
            | {"chance_accuracy": group["chance_accuracy"].iloc[0]}
            | {"steps_to_solve": group["steps_to_solve"].median()}
        )
    table = pd.DataFrame(rows)
    order = table.fillna({"accuracy": -1.0, "steps_to_solve": float("inf")})
    order = order.sort_values(["accuracy", "solved", "steps_to_solve", "lr"], ascending=[False, False, True, True])
    table["best"] = False
    table.loc[order.groupby([*CURVE, "gap"], sort=False).head(1).index, "best"] = True
    return table


def mark_best(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs with their variants named, and ``best``: whether a run has the rate that is shown for its curve and gap."""
    named = name_variants(runs)
    return named.merge(rates(named)[[*CURVE, "gap", "lr", "best"]], on=[*CURVE, "gap", "lr"])


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """One row a curve and gap: :func:`rates` at the best rate, with ``rates`` = how many were tried, and the curve's ``span``.

    Args:
        runs: rows of :func:`rnnbench.records.load_runs`.

    Returns:
        Columns of :func:`rates` but ``best``, and: rates, span (time steps, missing where not even the smallest gap is solved),
        largest_gap (of the curve's grid: a span as large as this may be larger).
    """
    every = rates(name_variants(runs))
    counts = every.groupby([*CURVE, "gap"])["lr"].count().rename("rates").reset_index()
    table = every[every["best"]].drop(columns="best").merge(counts, on=[*CURVE, "gap"])
    spans = []
    for key, curve in table.groupby(CURVE):
        solved = {int(gap): (int(k), int(n)) for gap, k, n in zip(curve["gap"], curve["solved"], curve["seeds"], strict=True)}
        spans.append(dict(zip(CURVE, key, strict=True)) | {"span": span(solved), "largest_gap": max(solved)})
    found = pd.DataFrame(spans).astype({"span": "Int64", "largest_gap": "Int64"})
    return table.merge(found, on=CURVE).sort_values([*CURVE, "gap"], ignore_index=True)
