"""``rnnbench table``: studies in numbers, to read or to paste; and two cells compared."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import app
from rnnbench.cli.terminal.studies import Cell, Only, Studies, named, runs_of
from rnnbench.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


class Format(StrEnum):
    """Who will read the table."""

    rich = "rich"
    markdown = "markdown"
    csv = "csv"
    latex = "latex"


@app.command(epilog="Example: rnnbench table results --compare lstm,gru")
def table(
    study: Studies = None,
    only: Only = None,
    cell: Cell = None,
    compare: Annotated[
        str | None, typer.Option(metavar="A,B", help="Two cells, or labels of curves: their difference at every gap.")
    ] = None,
    format: Annotated[Format, typer.Option(help="rich for the screen, or markdown, csv, latex.")] = Format.rich,
) -> None:
    """Tabulate studies: per task, curve and gap how many seeds solved it, median accuracy, steps and span, with 95 % intervals.

    With --compare instead the difference of two cells, with its interval and a p-value corrected for the number of rows: choose
    tasks with --only before looking, and less is corrected for.
    """
    from rnnbench.summary import summarise

    runs = runs_of(named(study), only, cell)
    if compare is not None:
        rows = difference(runs, compare)
        texts, group, notes = readable_difference(rows), ["task", "first", "second"], difference_notes(rows)
    else:
        rows = summarise(runs)
        texts, group, notes = readable(rows), ["task", "curve"], summary_notes(rows)
    if format is Format.csv:
        typer.echo(rows.to_csv(index=False), nl=False)
    elif format is Format.rich:
        on_screen(texts, group, notes)
    elif format is Format.markdown:
        typer.echo(markdown(texts) + "\n\n" + "; ".join(notes) + ".")
    else:
        columns = "l" * len(group) + "r" * (len(texts.columns) - len(group))
        typer.echo(latex(texts, columns) + "\n" + "\n".join(f"% {note}" for note in notes))


def difference(runs: pd.DataFrame, names: str) -> pd.DataFrame:
    """The comparison asked for; raises UserError unless it names two curves that have a gap in common."""
    from rnnbench.summary import compare, mark_best

    known = mark_best(runs)
    pair = [name.strip() for name in re.split(r",(?![^(]*\))", names)]  # not at a comma inside a label's brackets
    if len(pair) != 2:
        raise UserError(f"--compare takes two cells with a comma between, as in --compare lstm,gru, not {names!r}")
    rows = compare(runs, *pair)
    if rows.empty:
        there = ", ".join(sorted(set(known["label"])))
        raise UserError(f"--compare {names}: no task and gap has runs of both; there are {there}")
    return rows


def summary_notes(rows: pd.DataFrame) -> list[str]:
    from rnnbench.stats import SPAN_RULE
    from rnnbench.summary import BEST_RULE

    notes = [f"lr*: {BEST_RULE}"] if rows["rates"].gt(1).any() else []
    return [
        *notes,
        "solved: seeds, and the 95 % Wilson interval of their share in %",
        "acc.: median accuracy over seeds in %, and its 95 % bootstrap interval; steps: median of the seeds that solved it",
        SPAN_RULE,
    ]


def readable(rows: pd.DataFrame) -> pd.DataFrame:
    """The summary as texts, in the columns that people read."""
    import pandas as pd

    from rnnbench.config import stem
    from rnnbench.summary import told_span

    lines = []
    for row in rows.to_dict("records"):
        steps = row["steps_to_solve"]
        lines.append(
            {
                "task": stem(row["task"]),
                "curve": f"{row['label']}, span {told_span(row)}",
                "gap": str(row["gap"]),
                "lr": f"{row['lr']:g}" + ("*" if row["rates"] > 1 else ""),
                "solved": f"{row['solved']} of {row['seeds']}",
                "95 %": f"{100 * row['solved_low']:.0f}-{100 * row['solved_high']:.0f}",
                "acc.": f"{100 * row['accuracy']:.1f}",
                "95 % ": f"{100 * row['accuracy_low']:.1f}-{100 * row['accuracy_high']:.1f}",
                "chance": f"{100 * row['chance_accuracy']:.1f}",
                "steps": "-" if pd.isna(steps) else f"{steps:,.0f}",
            }
        )
    return pd.DataFrame(lines)


def readable_difference(rows: pd.DataFrame) -> pd.DataFrame:
    """The comparison as texts."""
    import pandas as pd

    from rnnbench.config import stem

    lines = []
    for row in rows.to_dict("records"):
        lines.append(
            {
                "task": stem(row["task"]),
                "first": row["first"],
                "second": row["second"],
                "gap": str(row["gap"]),
                "solved": f"{row['solved_first']} of {row['seeds_first']}",
                "against": f"{row['solved_second']} of {row['seeds_second']}",
                "difference": f"{100 * row['difference']:+.0f} %",
                "95 %": f"{100 * row['low']:+.0f} to {100 * row['high']:+.0f}",
                "p": f"{row['p']:.2g}",
                "steps": "-" if pd.isna(row["steps"]) else f"{row['steps']:+,.0f}",
                "95 % ": "-" if pd.isna(row["steps"]) else f"{row['steps_low']:+,.0f} to {row['steps_high']:+,.0f}",
                "p ": "-" if pd.isna(row["steps"]) else f"{row['steps_p']:.2g}",
            }
        )
    return pd.DataFrame(lines)


def difference_notes(rows: pd.DataFrame) -> list[str]:
    from rnnbench.stats import fisher_test
    from rnnbench.summary import BEST_RULE

    notes = [
        f"each curve at the {BEST_RULE}",
        "difference: of the shares of seeds that solved it, with its 95 % interval (Newcombe) and Fisher's exact p",
        "steps: difference of the median steps of the seeds that solved it (bootstrap), its p from ranks, unsolved seeds slowest",
        f"both p are corrected for {len(rows)} comparisons (Holm); an interval is of its own row alone",
    ]
    seeds = rows[["seeds_first", "seeds_second"]].max()
    n, m = int(seeds.iloc[0]), int(seeds.iloc[1])
    if len(rows) * fisher_test(n, n, 0, m) > 0.05:
        notes.append(f"with {n} and {m} seeds not even all against none gives p < 0.05 here: more seeds, or fewer rows (--only)")
    return notes


def on_screen(texts: pd.DataFrame, group: list[str], notes: list[str]) -> None:
    """One narrow table per task and curve, its name above it on a line of its own, so that 80 columns are enough."""
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console()
    for names, part in texts.groupby(group, sort=False):
        console.print(Text(f"{names[0]}: {' against '.join(map(str, names[1:]))}", style="bold"), highlight=False)
        shown = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
        for heading in texts.columns[len(group) :]:
            shown.add_column(heading, justify="right", no_wrap=True)
        for values in part.itertuples(index=False):
            shown.add_row(*values[len(group) :])
        console.print(shown)
        console.print()
    for note in notes:
        console.print(note, highlight=False)


def markdown(texts: pd.DataFrame) -> str:
    """A frame of texts as a Markdown table."""
    lines = [list(texts.columns), ["---"] * len(texts.columns), *texts.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(str(word).replace('|', chr(92) + '|') for word in line)} |" for line in lines)


def latex(texts: pd.DataFrame, columns: str) -> str:
    """A frame of texts as a LaTeX tabular; ``columns`` aligns them, such as ``llr``."""
    lines = [list(texts.columns), *texts.itertuples(index=False)]
    body = [" & ".join(escaped(word) for word in line) + r" \\" for line in lines]
    return "\n".join([rf"\begin{{tabular}}{{{columns}}}", body[0], r"\hline", *body[1:], r"\end{tabular}"])


def escaped(text: str) -> str:
    """Text for LaTeX."""
    special = {character: "\\" + character for character in "&%$#_{}"} | {"\\": r"\textbackslash{}", "≥": r"$\geq$"}
    special |= {"~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(special.get(character, character) for character in text)
