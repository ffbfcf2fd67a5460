"""Summaries as text, for a terminal, a notebook, Markdown or LaTeX. DataFrames of numbers in, DataFrames of texts out."""

from __future__ import annotations

import re

import pandas as pd

from rnnbench._analysis.comparison import compare, uncompared_gaps
from rnnbench._analysis.scores import LOWER_BOUND, SCORE_RULE, format_grids, format_half_gap, format_score
from rnnbench._analysis.statistics import FEWEST_VALUES, SPAN_RULE, fisher_test
from rnnbench._analysis.summary import ACCURACY_RULE, BEST_RULE, FrameRow, chance_notes, format_span, gap_or_length, mark_best
from rnnbench._errors import UserError


def compare_named(runs: pd.DataFrame, names: str) -> pd.DataFrame:
    """Return the comparison of two curves, ``lstm,gru``; raises UserError unless they have a task and gap in common."""
    first, second = _pair(names)
    rows = compare(runs, first, second)
    if rows.empty:
        if missing := uncompared_gaps(runs, first, second):
            raise UserError(f"--compare {names}: no gap has runs of both; with `rnnbench sweep`, run {' or '.join(missing)}")
        labels = ", ".join(sorted(set(mark_best(runs)["label"])))
        raise UserError(f"--compare {names}: no task and gap has runs of both; there are {labels}")
    return rows


def uncompared_notes(runs: pd.DataFrame, names: str) -> list[str]:
    """Return a note that names the gaps at which only one of two curves has runs; no note without any."""
    missing = uncompared_gaps(runs, *_pair(names))
    return [f"not compared, because runs are missing: {'; '.join(missing)}"] if missing else []


def _pair(names: str) -> tuple[str, str]:
    """Return the two cells or labels of ``lstm,gru``; raise UserError for any other number."""
    pair = [name.strip() for name in re.split(r",(?![^(]*\))", names)]  # not at a comma inside a label's brackets
    if len(pair) != 2:
        raise UserError(f"--compare takes two cells with a comma between, as in --compare lstm,gru, not {names!r}")
    return pair[0], pair[1]


def summary_notes(rows: pd.DataFrame) -> list[str]:
    """Return the notes below a summary."""
    notes = [f"lr*: {BEST_RULE}"] if rows["rates"].gt(1).any() else []
    return [
        *notes,
        "tuning: how the recipe was chosen, on pilot seeds or on those shown; compare unequally tuned curves with care",
        "solved: seeds, and the 95 % interval of their share in %",
        f"acc.: {ACCURACY_RULE}: median over seeds in %, and its 95 % interval, -: fewer than {FEWEST_VALUES} seeds",
        "steps: median of the seeds that solved it",
        SPAN_RULE,
        INFORMED_NOTE,
        *(["^: --give-up stopped some of the unsolved seeds; they may have solved it later"] if rows["gave_up"].any() else []),
        *baseline_notes(rows),
        *chance_notes(rows),
    ]


def by_gap(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a summary as texts with a row per task and curve and a column per gap: ``4/5 99.3``, or empty without runs.

    An entry has the seeds that solved the gap, and the median accuracy in %. The column ``task`` has the chance level too.
    """
    each = rows.assign(place=[_place(row) for row in rows.to_dict("records")])
    places = each.sort_values("gap")["place"].unique()
    found = []
    for (task, label), curve in each.groupby(["task", "label"], sort=False):
        entries = {
            row["place"]: f"{row['solved']}/{row['seeds']} {_accuracy_text(row['accuracy'])}" for row in curve.to_dict("records")
        }
        levels = [_accuracy_text(level) for level in rows.loc[rows["task"] == task, "chance_accuracy"].agg(["min", "max"])]
        heading = f"{task} (chance {' to '.join(dict.fromkeys(levels))} %)"
        found.append({"task": heading, "curve": label} | {place: entries.get(place, "") for place in places})
    return pd.DataFrame(found)


def _place(row: FrameRow) -> str:
    """Return the heading of a row's column: its gap; with its name where the table has tasks on another axis."""
    return f"{row['gap']:,}" if row.get("axis", "gap") == "gap" else f"{row['axis']} {row['gap']:,}"


def _accuracy_text(accuracy: float) -> str:
    """Return a share in %, one decimal; 100 only for exactly 100."""
    return "100" if accuracy == 1 else f"{min(99.9, 100 * accuracy):.1f}"


def by_gap_notes(rows: pd.DataFrame) -> list[str]:
    """Return the notes below :func:`by_gap`."""
    return [
        f"by {gap_or_length(rows)}: seeds that solved it, and the median accuracy over seeds in %",
        *([f"rates: {BEST_RULE}"] if rows["rates"].gt(1).any() else []),
        *chance_notes(rows),
    ]


def tuning_notes(rows: pd.DataFrame) -> list[str]:
    """Return a note per way of tuning in the ``tuning`` of a summary, with its tasks, or with each task's curves."""
    notes = []
    for tuning, same in rows.groupby("tuning", sort=False):
        if len(same) == rows["task"].isin(same["task"]).sum():
            of = ", ".join(map(str, same["task"].unique()))
        else:
            of = _curves_of_tasks(same, rows["task"].nunique())
        notes += [f"tuning of {of}: {tuning!s}"] if tuning else []
    return notes


def _curves_of_tasks(rows: pd.DataFrame, tasks: int) -> str:
    """Return the curves of rows with the tasks of each, ``lstm, gru on copy; rnn on adding, copy``; no task if all have all."""
    by_tasks: dict[str, list[str]] = {}
    for label, same in rows.groupby("label", sort=False):
        by_tasks.setdefault(", ".join(map(str, same["task"].unique())), []).append(str(label))
    if len(by_tasks) == 1 and rows["task"].nunique() == tasks:
        return ", ".join(*by_tasks.values())
    return "; ".join(f"{', '.join(labels)} on {on}" for on, labels in by_tasks.items())


def readable(rows: pd.DataFrame) -> pd.DataFrame:
    """Return a summary with its ``tuning`` (:func:`rnnbench._sweep.recipes.tuning_text`) as texts."""
    return pd.DataFrame(
        {
            "task": row["task"],
            "curve": f"{row['label']}, gap-{'informed' if row['informed'] == 'yes' else 'blind'}, span {format_span(row)}",
            "tuning": row["tuning"],
            "gap": place_text(row),
            "lr": f"{row['lr']:g}" + ("*" if row["rates"] > 1 else ""),
            "solved": f"{row['solved']} of {row['seeds']}" + ("^" if row["gave_up"] else ""),
            "95 %": f"{100 * row['solved_low']:.0f}-{100 * row['solved_high']:.0f}",
            "acc.": _accuracy_text(row["accuracy"]),
            "95 % ": _interval_text(100 * row["accuracy_low"], 100 * row["accuracy_high"], ".1f"),
            "chance": _accuracy_text(row["chance_accuracy"]),
            "steps": _count_text(row["steps_to_solve"]),
        }
        for row in rows.to_dict("records")
    )


def readable_spans(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of :func:`rnnbench._analysis.summary.spans` as texts."""
    return pd.DataFrame(
        {
            "task": row["task"],
            "curve": row["label"],
            "score": format_score(row),
            "95 %": _interval_text(row["score_low"], row["score_high"], ".2f"),
            "half-gap": format_half_gap(row),
            "inf.": row["informed"],
            "span": format_span(row),
            "n": str(row["seeds"]),
            "param.": _count_text(row["parameters"]),
            "state": format_state_size(row["state_size"]),
        }
        for row in rows.to_dict("records")
    )


INFORMED_NOTE = "gap-informed: the initialisation is given the gap; gap-blind: it is the same at all gaps"


def place_text(row: FrameRow) -> str:
    """Return the gap of a row; with its name where the table has tasks on another axis."""
    return str(row["gap"]) if row.get("axis", "gap") == "gap" else f"{row['axis']} {row['gap']}"


def baseline_notes(rows: pd.DataFrame) -> list[str]:
    """Return a note with the baselines of the tasks of a summary other than chance; none without any."""
    found = dict.fromkeys(f"{row['baselines']} on {row['task']}" for row in rows.to_dict("records") if row["baselines"])
    return [f"baselines other than chance: {'; '.join(found)}"] if found else []


def _interval_text(low: float, high: float, spec: str, between: str = "-") -> str:
    return "-" if pd.isna(low) else f"{low:{spec}}{between}{high:{spec}}"


def _count_text(value: float | None) -> str:
    return "-" if pd.isna(value) else f"{value:,.0f}"


def format_state_size(size: float | None) -> str:
    """Return a ``state_size`` as text: ``grows`` for -1, ``-`` where it is missing."""
    return "grows" if size is not None and size < 0 else _count_text(size)


def span_notes(rows: pd.DataFrame) -> list[str]:
    """Return the notes below a table of spans."""
    return [
        f"{SCORE_RULE}. Skill: from {ACCURACY_RULE}. Grid: {format_grids(rows)}",
        "score -: a gap of the grid was not run; at ceiling: no room above; 95 %: over seeds, from 3 seeds on",
        *([LOWER_BOUND] if rows["stopped"].any() else []),
        INFORMED_NOTE.replace("gap-informed", "inf. yes").replace("gap-blind", "no"),
        "half-gap: where the median skill falls below 1/2, between two gaps in log gap; -: a baseline of the task lies there",
        SPAN_RULE + "; ≥: no larger gap was tried; n: seeds at that gap",
        "param.: numbers trained; state: numbers carried from step to step",
        *([f"rates: {BEST_RULE}"] if rows["rates"].gt(1).any() else []),
    ]


def readable_difference(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of :func:`rnnbench._analysis.comparison.compare` as texts."""
    return pd.DataFrame(
        {
            "task": row["task"],
            "first": row["first"],
            "second": row["second"],
            "gap": str(row["gap"]),
            "solved": f"{row['solved_first']}/{row['seeds_first']}, {row['solved_second']}/{row['seeds_second']}",
            "diff.": f"{100 * row['difference']:+.0f} %",
            "95 %": f"{100 * row['low']:+.0f} to {100 * row['high']:+.0f}",
            "p": f"{row['p']:.2g}",
            "steps": "-" if pd.isna(row["steps"]) else f"{row['steps']:+,.0f}",
            "95 % ": _interval_text(row["steps_low"], row["steps_high"], "+,.0f", " to "),
            "p ": "-" if pd.isna(row["steps"]) else f"{row['steps_p']:.2g}",
        }
        for row in rows.to_dict("records")
    )


def difference_notes(rows: pd.DataFrame) -> list[str]:
    """Return the notes below a comparison."""
    notes = [
        f"each curve at the {BEST_RULE}",
        "solved: seeds of the first, of the second",
        "diff.: of the shares of seeds that solved it, with its 95 % interval and Fisher's exact p",
        "steps: difference of the median steps of the seeds that solved it, its p from ranks, unsolved seeds slowest",
        f"-: no seed of one curve solved it; interval of the steps: from {FEWEST_VALUES} such seeds of both on",
        f"both p are corrected for {len(rows)} comparisons (Holm); the intervals are not",
    ]
    seeds = rows[["seeds_first", "seeds_second"]].max()
    n, m = int(seeds.iloc[0]), int(seeds.iloc[1])
    if len(rows) * fisher_test(n, n, 0, m) > 0.05:
        notes.append(f"with {n} and {m} seeds not even all against none gives p < 0.05 here: more seeds, or fewer rows (--only)")
    return notes


def csv_text(rows: pd.DataFrame) -> str:
    """Return a DataFrame as CSV. A text that a spreadsheet would run as a formula gets an apostrophe in front."""
    text: str = rows.map(_no_formula).to_csv(index=False, lineterminator="\n")
    return text


def _no_formula(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


def markdown(texts: pd.DataFrame) -> str:
    """Return a DataFrame of texts as a Markdown table."""
    lines = [list(texts.columns), ["---"] * len(texts.columns), *texts.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(markdown_escaped(str(word)) for word in line)} |" for line in lines)


def markdown_escaped(text: str) -> str:
    """Return text in which Markdown finds no HTML, link, code or end of a table cell."""
    return re.sub(r"[\\|`\[]", r"\\\g<0>", text.replace("<", "&lt;").replace("\n", " "))


def latex(texts: pd.DataFrame, columns: str) -> str:
    """Return a DataFrame of texts as a LaTeX tabular; ``columns`` is its column alignment, such as ``llr``."""
    lines = [list(texts.columns), *texts.itertuples(index=False)]
    body = [" & ".join(escaped(word) for word in line) + r" \\" for line in lines]
    return "\n".join([rf"\begin{{tabular}}{{{columns}}}", body[0], r"\hline", *body[1:], r"\end{tabular}"])


def escaped(text: str) -> str:
    """Return text with the special characters of LaTeX escaped."""
    special = {character: "\\" + character for character in "&%$#_{}"} | {"\\": r"\textbackslash{}", "≥": r"$\geq$"}
    special |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(character, character) for character in text)
