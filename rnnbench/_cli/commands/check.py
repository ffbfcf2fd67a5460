"""``rnnbench check``: hold cells and tasks to their contract."""

from __future__ import annotations

from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import Width, complete_both, parse_options
from rnnbench._errors import PluginError


@app.command(epilog="Example: rnnbench check ./leaky.py lstm")
def check(
    names: Annotated[
        list[str],
        typer.Argument(metavar="FILE_OR_NAME...", help="Files or names of cells and tasks.", autocompletion=complete_both),
    ],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "--cell-option", metavar="K=V", help="Option of what is checked, cell or task, as key=value."),
    ] = None,
    hidden_size: Width = 16,
) -> None:
    """Check that a cell or a task keeps its contract: one line per finding, with what would be right. Exit code 3 if one does not.

    Not found by these checks: a cell that simply stores the first inputs, which is causal; one that computes something else than it
    says; a task whose answer nothing in the sequence decides, or whose last inputs give it away by a rule that neither a linear
    predictor nor random features find. They see one width, short sequences, the CPU and one random start.
    """
    from rnnbench._cli.terminal.formatting import say
    from rnnbench._plugins import registry
    from rnnbench.testing import ContractFinding, cell_findings, task_findings

    options, failed = parse_options(option), False
    for name in names:
        try:
            if registry.registry_of(name) is registry.CELLS:
                findings = cell_findings(name, options, hidden_size=hidden_size)
            else:
                findings = task_findings(name, options)
        except PluginError as error:  # it cannot even be loaded
            findings = [ContractFinding("broken", "file", str(error))]
        bad = [finding for finding in findings if finding.fails]
        for finding in bad:
            say(f"{name}: {finding.message}")
        notes = [finding.message for finding in findings if not finding.fails]
        if not bad:
            say(f"{name}: " + "; ".join(["keeps its contract", *notes]))
        failed = failed or bool(bad)
    say("not checked: what a cell stores, and whether a task can be answered: rnnbench check --help", err=True)
    if failed:
        raise typer.Exit(3)
