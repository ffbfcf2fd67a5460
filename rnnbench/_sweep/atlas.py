"""The protocol atlas-2: its sweep, a quick part of it, and the runs of its baselines. All three are files of the package."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from rnnbench._config import SweepRequest
from rnnbench._study import StudyFolder
from rnnbench._sweep.recipes import TABLE
from rnnbench._sweep.sweep_file import read_sweep

PROTOCOL = "atlas-2"
PROTOCOLS = Path(__file__).parent / "protocols"


def atlas_request(cells: Sequence[str], study: StudyFolder, quick: bool) -> SweepRequest:
    """Return the protocol's sweep of some cells, tuned first on the protocol's pilot runs; the table of rates is in the study."""
    own: dict[str, object] = {
        "cell": list(cells),
        "tuned": str(study.folder / TABLE),
        "tune": str(PROTOCOLS / f"{PROTOCOL}-tuning.toml"),
    }
    return read_sweep(PROTOCOLS / f"{PROTOCOL}.toml", own | (quick_part() if quick else {}))


def quick_part() -> dict[str, list[object]]:
    """Return the tasks, gaps and seeds that ``--quick`` runs, by field."""
    return tomllib.loads((PROTOCOLS / f"{PROTOCOL}-quick.toml").read_text(encoding="utf-8"))


def with_baselines(own: pd.DataFrame) -> pd.DataFrame:
    """Return finished runs with those of the baselines at the same tasks, gaps and seeds, and a column ``own``."""
    frame = baseline_runs()
    if len(frame):
        grid = ["task", "gap", "option", "seed"]
        frame = frame.merge(own[grid].drop_duplicates(), on=grid)
        frame = frame[~frame["run_id"].isin(own["run_id"])]
    return pd.concat([frame.assign(own=False), own.assign(own=True)], ignore_index=True)


def baseline_runs() -> pd.DataFrame:
    """Return the baselines' runs, with the columns of ``runs.csv``."""
    file = PROTOCOLS / f"{PROTOCOL}.csv.gz"
    return pd.read_csv(file, dtype={"task_source": str, "cell_source": str}, low_memory=False) if file.exists() else pd.DataFrame()
