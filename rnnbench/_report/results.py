"""The results at the top of the page: who fails where, the overview, and a table by gap for every task."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from rnnbench._analysis.scores import format_half_gap, format_score
from rnnbench._analysis.statistics import gap_solved
from rnnbench._analysis.summary import FrameRow, format_span, gap_or_length, skill, spans
from rnnbench.plots._panels import axis_name
from rnnbench.plots._spans import rank_overview

MOST_NAMED = 6
"""The most curves that the sentence about failures names in full."""


class Failure(NamedTuple):
    """The smallest gap or length at which a curve fails on a task: fewer than 4 in 5 of its seeds solve it.

    Attributes:
        task: the task.
        row: the row of the summary there.
        onwards: True if the curve also fails at every larger one tried, and there is one.
        later: the number of larger ones at which it fails.
    """

    task: str
    row: FrameRow
    onwards: bool
    later: int

    @property
    def text(self) -> str:
        """The task, the gap and the seeds: ``copy from gap 50 (0 of 5)``, ``copy at gap 10 (3 of 5) and 1 larger gap``."""
        axis = self.row.get("axis", "gap")
        where = f"{'from' if self.onwards else 'at'} {axis}"
        more = f" and {self.later} larger {axis}{'s' * (self.later > 1)}" if self.later and not self.onwards else ""
        return f"{self.task} {where} {self.row['gap']:,} ({self.row['solved']} of {self.row['seeds']}){more}"


def first_failures(table: pd.DataFrame) -> dict[str, list[Failure]]:
    """Return the failures of every curve of a summary by its label, the smallest gap first; empty for a curve without any."""
    found: dict[str, list[Failure]] = {str(label): [] for label in table["label"].unique()}
    for (task, label), curve in table.sort_values("gap").groupby(["task", "label"]):
        rows = curve.to_dict("records")
        failed = [not gap_solved(row["solved"], row["seeds"]) for row in rows]
        if any(failed):
            first, later = failed.index(True), sum(failed) - 1
            found[str(label)].append(Failure(str(task), rows[first], later > 0 and all(failed[first:]), later))
    return {label: sorted(failures, key=lambda one: (one.row["gap"], one.task)) for label, failures in found.items()}


def failure_sentence(table: pd.DataFrame) -> str:
    """Return one sentence that names the curves that fail, with tasks, gaps and seeds; or that no curve fails.

    Of more than :data:`MOST_NAMED` curves it names the three that fail on most tasks and first, each with its smallest gap.
    """
    failures = first_failures(table)
    failing = sorted((label for label in failures if failures[label]), key=lambda label: _order(failures[label]))
    through = [label for label in failures if not failures[label]]
    budgets = sorted({int(steps) for steps in table["max_steps"]})
    budget = " to ".join(f"{steps:,}" for steps in dict.fromkeys((budgets[0], budgets[-1])))
    start = f"Within {budget} training steps"
    if not failing:
        return f"{start}, {_all_solved(through, gap_or_length(table))}."
    if len(failing) <= MOST_NAMED:
        parts = [f"{label} fails on {join_words([one.text for one in failures[label]])}" for label in failing]
    else:
        counts = table.groupby("label")["task"].nunique()
        worst = failing[: MOST_NAMED // 2]
        parts = [f"{one} fails on {len(failures[one])} of {counts[one]} tasks, first on {failures[one][0].text}" for one in worst]
        parts.append(f"{len(failing) - len(worst)} other curves fail on at least one task")
    if through:
        parts.append(_all_solved(through, gap_or_length(table)))
    return f"{start}, {'; '.join(parts)}."


def _all_solved(labels: list[str], axis: str) -> str:
    names = join_words(labels) if len(labels) <= MOST_NAMED else f"{len(labels)} curves"
    return f"{names} {'solves' if len(labels) == 1 else 'solve'} every {axis} tried"


def _order(failures: list[Failure]) -> tuple[float, ...]:
    """Return the sort key of a curve: the most failures first, then the smallest gaps."""
    return (-len(failures), *(one.row["gap"] for one in failures))


def join_words(words: list[str]) -> str:
    """Return words as a list: ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


class Entry(NamedTuple):
    """An entry of a shaded table: a text, a smaller text below it, and a share from 0 to 1 for the shade; empty without runs."""

    text: str = ""
    small: str = ""
    shade: float = 0.0


class ShadedTable(NamedTuple):
    """A table with a row per curve."""

    columns: list[str]
    rows: list[tuple[str, list[Entry]]]


def overview_table(runs: pd.DataFrame) -> tuple[str, ShadedTable]:
    """Return a heading and a table of every curve on every task, best first, shaded as ``plots.plot_overview``.

    The table has memory scores, with half-gaps and spans in small print; or spans, if a curve has no score.
    """
    table, names, tasks, scored = rank_overview(spans(runs))
    entries = {(row["row"], row["task"]): _overview_entry(row, scored) for row in table.to_dict("records")}
    shaded = ShadedTable(tasks, [(name, [entries.get((name, task), Entry()) for task in tasks]) for name in names])
    return "Memory score" if scored else "Span", shaded


def _overview_entry(row: FrameRow, scored: bool) -> Entry:
    span, score = format_span(row), format_score(row)
    if scored:
        small = f"half-{row.get('axis', 'gap')} {format_half_gap(row)}, span {span}".replace("above", ">").replace("below", "<")
        return Entry(score, small, float(row["reached"]))
    return Entry(span, "" if pd.isna(row["memory_score"]) else f"score {score}", float(row["reached"]))


def gap_tables(table: pd.DataFrame) -> Iterator[tuple[str, str, ShadedTable]]:
    """Yield each task of a summary, what it varies, and its table.

    The table has a column per gap or length, with the seeds that solved it and the median accuracy.
    """
    for task, rows in table.groupby("task"):
        gaps = sorted(int(gap) for gap in rows["gap"].unique())
        shown = []
        for label, curve in rows.groupby("label"):
            entries = {int(row["gap"]): _gap_entry(row) for row in curve.to_dict("records")}
            shown.append((str(label), [entries.get(gap, Entry()) for gap in gaps]))
        yield str(task), axis_name(rows), ShadedTable([f"{gap:,}" for gap in gaps], shown)


def _gap_entry(row: FrameRow) -> Entry:
    shade = skill(row["accuracy"], row["chance_accuracy"])
    return Entry(f"{row['solved']}/{row['seeds']}", f"{100 * row['accuracy']:.1f} %", shade)
