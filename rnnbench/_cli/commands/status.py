"""``rnnbench status``: the state of a study's runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal import flags
from rnnbench._cli.terminal.formatting import echo
from rnnbench._config import SweepRequest
from rnnbench._errors import UserError


@app.command(epilog="Example: rnnbench status results/mine")
@flags.with_flags(SweepRequest)
def status(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="Study folder, as given to sweep --out.")] = Path("results"),
    file: flags.SweepFileArgument = None,
    **given: object,
) -> None:
    """List how many runs of a study are done, running, interrupted, failed or to do.

    Counts the runs of the given sweep file or flags, by default those of the study's last sweep. For a search for the span it
    counts the runs requested so far. Failed runs are listed with their reasons.
    """
    from collections import Counter

    from rnnbench._cli.terminal.studies import warn_of_disagreement
    from rnnbench._study import StudyFolder
    from rnnbench._sweep.launch import requested_runs
    from rnnbench._sweep.status import RunStates, ids_so_far, run_states
    from rnnbench._sweep.sweep_file import SWEEP_FILE, StoredRuns, load_runs, read_names

    home, values, file_of_study = StudyFolder.open(study), flags.sweep_values(given), study / SWEEP_FILE
    unknown, stored = "no sweep was recorded here", None
    if file or values:
        stored = requested_runs(read_names(file, values))
    elif file_of_study.exists():
        unknown, stored = f"an earlier version wrote {file_of_study}; give the sweep file or its flags", load_runs(file_of_study)
    states = run_states(home, None if stored is None else ids_so_far(home, stored))
    if stored is None and states == RunStates() and not (study / "logs").exists():
        raise UserError(f"no study in {study}: make one with `rnnbench run --out {study}`")
    if home.finished_table.replaced:
        warn_of_disagreement([home], home.runs())
    counts = ", ".join(f"{count} {status}" for status, count in sorted(Counter(states.done.values()).items()))
    echo(f"done         {len(states.done)}{f' ({counts})' if counts else ''}")
    echo(f"running      {len(states.running)}")
    echo(f"interrupted  {len(states.interrupted)}")
    echo(f"failed       {len(states.failed)}")
    for run_id, row in states.failed.items():
        echo(f"  {run_id}: {row.reason} ({row.last_tried})")
    for spec, reason in (stored or StoredRuns()).skipped.items():
        echo(f"skipped      {spec}: {reason}")
    echo(f"to do        {len(states.to_do) if stored else f'unknown: {unknown}'}")
