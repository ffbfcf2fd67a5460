"""``rnnbench table``: a study in numbers, to read or to paste."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench.cli import app

if TYPE_CHECKING:
    import pandas as pd


class Format(StrEnum):
    """Who will read the table."""

    rich = "rich"
    markdown = "markdown"
    csv = "csv"
    latex = "latex"


@app.command(epilog="Example: rnnbench table results --format markdown")
def table(
    study: Annotated[Path, typer.Argument(help="Study folder, as given to run --out.")] = Path("results"),
    format: Annotated[Format, typer.Option(help="rich for the screen, or markdown, csv, latex.")] = Format.rich,
) -> None:
    """Tabulate a study: per task, cell, initialisation and gap how many seeds solved it, median accuracy, steps and span."""
    from rnnbench.records import load_runs
    from rnnbench.stats import SPAN_RULE
    from rnnbench.summary import RATE_RULE, summarise

    rows = summarise(load_runs(study))
    if format is Format.csv:
        typer.echo(rows.to_csv(index=False), nl=False)
        return
    texts = readable(rows)
    notes = [
        f"lr*: {RATE_RULE}",
        "solved: seeds, with the 95 % Wilson interval of their share in %",
        "acc.: median accuracy over seeds, and chance, in %; steps: median of the seeds that solved it",
        SPAN_RULE,
    ]
    if format is Format.rich:
        from rich.box import SIMPLE_HEAD
        from rich.console import Console
        from rich.table import Table

        console = Console()
        for task, part in texts.groupby("task", sort=False):
            shown = Table(box=SIMPLE_HEAD, show_edge=False, padding=(0, 1, 0, 0), pad_edge=False)
            shown.title, shown.title_justify = str(task), "left"
            for heading in texts.columns[1:]:
                shown.add_column(heading, justify="left" if heading == "cell" else "right", no_wrap=True)
            for values in part.itertuples(index=False):
                shown.add_row(*values[1:])
            console.print(shown)
        for note in notes:
            console.print(note, highlight=False)
    elif format is Format.markdown:
        typer.echo(markdown(texts) + "\n\n" + "; ".join(notes) + ".")
    else:
        typer.echo(latex(texts, "l" * 2 + "r" * (len(texts.columns) - 2)) + "\n" + "\n".join(f"% {note}" for note in notes))


def readable(rows: pd.DataFrame) -> pd.DataFrame:
    """The summary as texts, in the columns that people read."""
    import pandas as pd

    from rnnbench.config import stem

    lines = []
    for row in rows.to_dict("records"):
        steps, reach = row["steps_to_solve"], row["span"]
        more = "≥ " if not pd.isna(reach) and reach == row["largest_gap"] else ""
        lines.append(
            {
                "task": stem(row["task"]),
                "cell": f"{stem(row['cell'])} ({row['init']})",
                "gap": str(row["gap"]),
                "lr": f"{row['lr']:g}" + ("*" if row["rates"] > 1 else ""),
                "solved": f"{row['solved']} of {row['seeds']}",
                "95 %": f"{100 * row['solved_low']:.0f}-{100 * row['solved_high']:.0f}",
                "acc.": f"{100 * row['accuracy']:.1f}",
                "chance": f"{100 * row['chance_accuracy']:.1f}",
                "steps": "-" if pd.isna(steps) else f"{steps:,.0f}",
                "span": "none" if pd.isna(reach) else f"{more}{reach}",
            }
        )
    return pd.DataFrame(lines)


def markdown(texts: pd.DataFrame) -> str:
    """A frame of texts as a Markdown table."""
    lines = [list(texts.columns), ["---"] * len(texts.columns), *texts.itertuples(index=False)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


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
