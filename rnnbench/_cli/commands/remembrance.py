"""``rnnbench remembrance``: what trained networks remember of their inputs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import print_lines
from rnnbench._config import file_word


@app.command(epilog="Example: rnnbench remembrance copy-lstm --study results --gap 50,100,200")
def remembrance(
    runs: Annotated[str, typer.Argument(metavar="RUN_IDS", help="run_ids of finished runs, or their first characters.")],
    study: flags.StudyFlag = Path("results"),
    cell: flags.RunCellFlag = None,
    task: flags.RunTaskFlag = None,
    gap: Annotated[
        str | None, typer.Option("--gap", metavar="50,100,200", help="Gaps of the map of positions. Default: that of each run.")
    ] = None,
    out: flags.FolderFlag = Path("results/remembrance"),
    quiet: flags.QuietFlag = False,
) -> None:
    """Show what trained networks remember: of their first inputs, and at each answer of a sequence.

    Measures the share of answers that change when the first inputs are replaced by those of another sequence, and the accuracy by
    position of the answer: which of ten symbols is lost. Both apply to every cell, whole-sequence models included.
    """
    from rnnbench._cli.terminal.analysis_text import position_lines, remembrance_lines
    from rnnbench._cli.terminal.output import check_writable, save
    from rnnbench._cli.terminal.progress_bar import counting
    from rnnbench._study.insight_tables import PositionRow, RemembranceRow
    from rnnbench.insight import measure_positions, measure_remembrance
    from rnnbench.plots import plot_positions, plot_remembrance

    check_writable(out)
    names, progress = flags.name_list("RUN_IDS", runs), counting("measuring", quiet)
    gaps = None if gap is None else flags.comma_list("--gap", gap, flags.steps, "10,100")
    replaced = measure_remembrance(names, study=study, cell=cell, task=task, progress=progress)
    positions = measure_positions(names, gap=gaps, study=study, cell=cell, task=task, progress=progress)
    print_lines("\n".join([*remembrance_lines(replaced), *position_lines(positions)]))
    suffix = replaced["run_id"].iloc[0] if replaced["run_id"].nunique() == 1 else file_word(replaced["task"].iloc[0])
    save(out, f"remembrance_{suffix}", replaced, RemembranceRow, plot_remembrance(replaced))
    save(out, f"positions_{suffix}", positions, PositionRow, plot_positions(positions))
