"""``rnnbench check``: the checks of cells and tasks."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._config import Options
from rnnbench._errors import LoadError, PluginError, UserError

if TYPE_CHECKING:
    from rnnbench.testing import ContractFinding

FilesArgument = Annotated[
    list[str],
    typer.Argument(
        metavar="FILE_OR_NAME", help="Files or names of cells and tasks.", autocompletion=flags.complete("cell", "task")
    ),
]
OptionFlag = Annotated[
    list[str] | None, typer.Option("--option", "--cell-option", metavar="K=V", help="Option of the cell or task, as key=value.")
]


@app.command(epilog="Example: rnnbench check ./leaky.py lstm")
def check(names: FilesArgument, option: OptionFlag = None, hidden_size: flags.WidthFlag = 16) -> None:
    """Check that cells and tasks keep their contract.

    Prints one line per finding, with the fix. The exit code is 3 if a contract is broken, and 2 if a file cannot be loaded; the
    others are checked all the same.

    The checks use one width, sequences of at most 64 steps, the CPU and one seed. They do not find: a cell that stores the first
    inputs; a cell that does not compute what its description says; a task that cannot be solved from its inputs; a task whose last
    inputs reveal the answer by a rule that neither a linear predictor nor random features can learn.
    """
    from rnnbench._cli.terminal.formatting import print_wrapped
    from rnnbench._plugins import registry

    options, failed, unloaded = flags.parse_options(option), False, list[str]()
    for name in names:  # a name that does not exist is refused before the first check
        with contextlib.suppress(PluginError):
            registry.registry_of(name)
    for name in names:
        try:
            findings = _findings(name, options, hidden_size)
        except LoadError as error:
            unloaded.append(str(error))
            continue
        errors = [finding.message for finding in findings if finding.fails]
        notes = [finding.message for finding in findings if not finding.fails]
        for message in errors:
            print_wrapped(f"{name}: {message}")
        if not errors:
            print_wrapped(f"{name}: " + "; ".join(["keeps its contract", *notes]))
        elif notes:
            print_wrapped(f"{name}: note: " + "; ".join(notes))
        failed = failed or bool(errors)
    if len(unloaded) < len(names):
        print_wrapped("not checked: what a cell stores, and whether a task can be answered: rnnbench check --help", err=True)
    if unloaded:
        raise UserError("; ".join(unloaded))
    if failed:
        raise typer.Exit(3)


def _findings(name: str, options: Options, hidden_size: int) -> list[ContractFinding]:
    from rnnbench._plugins import registry
    from rnnbench.testing import ContractFinding, cell_findings, task_findings

    try:
        if registry.registry_of(name) is registry.CELLS:
            return cell_findings(name, options, hidden_size=hidden_size)
        return task_findings(name, options)
    except LoadError:
        raise
    except PluginError as error:  # of its class
        return [ContractFinding("broken", "file", str(error))]
