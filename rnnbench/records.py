"""The tables of a study as DataFrames."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.study import Study

if TYPE_CHECKING:
    import pandas as pd


def load_runs(folder: Path | str) -> pd.DataFrame:
    """The finished runs of a study, one row each, typed; raises UserError if there are none."""
    return Study.open(folder).runs()


def load_extrapolation(folder: Path | str) -> pd.DataFrame:
    """The measurements of finished runs at other gaps, one row each, typed; raises UserError if there are none."""
    return Study.open(folder).extrapolation()


def load_logs(folder: Path | str) -> pd.DataFrame:
    """The evaluations of every run of a study, finished or not; raises UserError if there are none."""
    return Study.open(folder).logs()
