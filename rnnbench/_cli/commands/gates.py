"""``rnnbench gates``: the gates of a trained network, step by step."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import print_lines
from rnnbench._config import MOST_SEQUENCES


@app.command(epilog="Example: rnnbench gates recall-lstm --study results")
def gates(
    run: Annotated[str, typer.Argument(metavar="RUN", help="run_id of a finished run, or its first characters.")],
    study: flags.StudyFlag = Path("results"),
    cell: flags.RunCellFlag = None,
    task: flags.RunTaskFlag = None,
    example: Annotated[
        int, typer.Option(callback=flags.within(0, MOST_SEQUENCES), metavar="NUMBER", help="Number of the sequence to show.")
    ] = 0,
    out: flags.FolderFlag = Path("results/gates"),
) -> None:
    """Show the gates and state of a trained network along one sequence, and the half-lives of its units."""
    from rnnbench._cli.terminal.analysis_text import gate_lines
    from rnnbench._cli.terminal.output import check_writable, save
    from rnnbench._study import StudyFolder
    from rnnbench._study.insight_tables import GateRow, HalfLifeRow
    from rnnbench.insight import measure_gates
    from rnnbench.insight._load import find_run
    from rnnbench.plots import plot_gates

    name = find_run(StudyFolder.open(study), run).run_id
    check_writable(out)
    result = measure_gates(name, study=study, cell=cell, task=task, example=example)
    print_lines(gate_lines(result))
    save(out, f"gates_{name}", result.means, GateRow, plot_gates(*result))
    if len(result.half_lives):
        save(out, f"half_lives_{name}", result.half_lives, HalfLifeRow)
