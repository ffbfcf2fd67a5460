"""``rnnbench status``: where a study stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rnnbench._cli import app
from rnnbench._cli.terminal.flags import SweepFile, sweep_values, with_flags
from rnnbench._config import SweepRequest
from rnnbench._errors import UserError


@app.command(epilog="Example: rnnbench status results/mine")
@with_flags(SweepRequest)
def status(
    study: Annotated[Path, typer.Argument(help="Study folder, as given to sweep --out.")] = Path("results"),
    file: SweepFile = None,
    **flags: object,
) -> None:
    """Say which runs of a study are done, running, interrupted, failed (and why) or still to do.

    The runs are those of the sweep file or flags given here, else those of the study's last sweep; of a search for the span those
    that it has asked for so far.
    """
    from collections import Counter

    from rnnbench._study import Study
    from rnnbench._sweep.launch import requested_runs
    from rnnbench._sweep.status import RunStates, run_states
    from rnnbench._sweep.sweep_file import load_sweep, read_sweep

    home, values, stored = Study.open(study), sweep_values(flags), study / "sweep.json"
    asked = read_sweep(file, values) if file or values else load_sweep(stored) if stored.exists() else None
    broken: dict[str, str] = {}
    try:
        runs = requested_runs(home, asked, broken) if asked else None
    except UserError as error:
        if file or values:
            raise
        runs, asked, broken = None, None, {"the last sweep": str(error)}  # of a class that Python handed in, or a file that is gone
    found = run_states(home, runs)
    if asked is None and found == RunStates() and not (study / "logs").exists():
        raise UserError(f"no study in {study}: make one with `rnnbench run --out {study}`")
    kinds = Counter(found.done.values())
    how = f" ({', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))})" if kinds else ""
    typer.echo(f"done         {len(found.done)}{how}")
    typer.echo(f"running      {len(found.running)}")
    typer.echo(f"interrupted  {len(found.interrupted)}")
    typer.echo(f"failed       {len(found.failed)}")
    for run_id, row in found.failed.items():
        typer.echo(f"  {run_id}: {row.reason} ({row.last_tried})")
    for spec, reason in broken.items():
        typer.echo(f"left out     {spec}: {reason}")
    unknown = "unknown" if broken else "unknown: no sweep was recorded here"
    typer.echo(f"to do        {len(found.to_do) if asked else unknown}")
