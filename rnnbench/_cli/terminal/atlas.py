"""The ranking of ``rnnbench atlas`` in the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rnnbench._analysis import summary, tables
from rnnbench._analysis.axes import with_declared_axes
from rnnbench._cli.terminal.flags import Format
from rnnbench._cli.terminal.formatting import print_wrapped
from rnnbench._cli.terminal.study_tables import print_table
from rnnbench._config import Run
from rnnbench._study import StudyFolder
from rnnbench._sweep.atlas import PROTOCOL, baseline_runs, quick_part, with_baselines

OWN = "> "
"""The mark of a row of the study, among those of the baselines."""


def print_ranking(study: StudyFolder, runs: Sequence[Run], quick: bool, format: Format) -> None:
    """Print the memory scores of a study's runs and of the baselines, one table per task, with what is missing."""
    own = study.runs()
    own = own[own["run_id"].isin({run.run_id for run in runs})]
    if own.empty:
        return
    frame = with_declared_axes(with_baselines(own))
    rows = summary.spans(frame)
    ours = set(summary.label_curves(frame)[lambda labelled: labelled["own"]]["label"])
    rows["label"] = [OWN * (label in ours) + label for label in rows["label"]]
    notes = [f"protocol {PROTOCOL}; {OWN.strip()} marks the cells of this study", *tables.span_notes(rows)]
    if quick:
        part = "; ".join(f"{name} {', '.join(map(str, values))}" for name, values in quick_part().items())
        notes.insert(1, f"quick: only {part}. The scores are not those of the whole protocol")
    if len(own) < len(runs):
        notes.insert(
            1, f"{len(runs) - len(own)} of {len(runs)} runs are missing: rerun the command, with --retry-failed if they failed"
        )
    print_table(rows, tables.readable_spans(rows), ["task"], notes, format)
    if not len(baseline_runs()):
        print_wrapped(f"this version has no baselines of protocol {PROTOCOL} yet")
