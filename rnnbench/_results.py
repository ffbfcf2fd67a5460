"""The result of a run and the study of a sweep, with their views for a notebook."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from rnnbench._config import Run
from rnnbench._spec.resolve import Resolved
from rnnbench._study import RunRecord, StudyFolder
from rnnbench._study.record import frame
from rnnbench._study.schema import Failure, Row

if TYPE_CHECKING:
    import pandas as pd

    from rnnbench._training.model import Model


class Study(StudyFolder):
    """A folder of runs, which :func:`rnnbench.run` and :func:`rnnbench.sweep` fill. ``Study("results")`` opens one.

    ``runs()``, ``logs()`` and ``extrapolation()`` are its tables as DataFrames; the columns are those of the CSV files.

    Example:
        >>> import rnnbench
        >>> small = {"task": "beijing", "gap": 5, "hidden_size": 8, "max_steps": 10, "eval_every": 10}
        >>> study = rnnbench.sweep(cell=["rnn", "gru"], progress=False, **small)
        >>> sorted(study.runs()["cell"]), len(study.logs()), len(study.summary())
        (['gru', 'rnn'], 2, 2)
    """

    def failed(self) -> pd.DataFrame:
        """Return the failed runs, one row each, with the reason; ``sweep(retry_failed=True)`` repeats them."""
        return frame(self.failed_runs(), Failure)

    def summary(self) -> pd.DataFrame:
        """Return one row per curve and gap: how many seeds solved it, medians and intervals."""
        from rnnbench._analysis.axes import with_declared_axes
        from rnnbench._analysis.summary import summarise

        return summarise(with_declared_axes(self.runs()))

    def spans(self) -> pd.DataFrame:
        """Return one row per curve: memory score, half-gap, span and costs, the best score first."""
        from rnnbench._analysis.axes import with_declared_axes
        from rnnbench._analysis.summary import spans

        return spans(with_declared_axes(self.runs()))

    def table(self) -> pd.DataFrame:
        """Return the summary as readable texts, as ``rnnbench table`` prints it."""
        from rnnbench._analysis.axes import with_declared_axes
        from rnnbench._analysis.summary import summarise
        from rnnbench._analysis.tables import readable
        from rnnbench._sweep.recipes import tuning_text

        runs = with_declared_axes(self.runs())
        summary = summarise(runs)
        return readable(summary.assign(tuning=tuning_text(summary, runs, [self.folder])))

    def _repr_html_(self) -> str:
        if not self.records():
            return f"<p>study <code>{escape(str(self.folder))}</code>: no finished runs{self._failed_text()}</p>"
        from rnnbench._analysis.summary import chance_notes

        count = f"{len(self.records())} finished runs{self._failed_text()}"
        notes = "".join(f"<p>{escape(note)}</p>" for note in chance_notes(self.summary()))
        return f"<p>study <code>{escape(str(self.folder))}</code>: {count}</p>{self.table().to_html(index=False)}{notes}"

    def __repr__(self) -> str:
        return f"<Study {self.folder}: {len(self.records())} finished runs{self._failed_text()}>"

    def _failed_text(self) -> str:
        return f", {failed} failed" if (failed := len(self.failed_runs())) else ""


class Result:
    """One finished or interrupted run.

    Attributes:
        run: the run, every default filled in.
        record: its row of ``runs.csv``; None if it was interrupted.
        study: the study of the run.

    Example:
        >>> import rnnbench
        >>> result = rnnbench.run(cell="gru", task="beijing", gap=5, hidden_size=8, max_steps=20, eval_every=10, progress=False)
        >>> result.log["step"].tolist(), result.chance, result.model.cell.hidden_size
        ([10, 20], 0.5, 8)
    """

    def __init__(self, resolved: Resolved, study: StudyFolder) -> None:
        run = resolved.run
        self.study = study
        self.record: RunRecord | None = study.finished(run.run_id)
        # the engine, device and threads that made it, which may differ from those of this call
        self.run = run.model_copy(update={name: getattr(self.record, name) for name in Run.SPEED}) if self.record else run
        self._resolved = resolved._replace(run=self.run)

    @property
    def rows(self) -> list[Row]:
        """Its evaluations."""
        return self.study.log(self.run.run_id)

    @property
    def log(self) -> pd.DataFrame:
        """Its evaluations, one row each; columns as in the log's CSV."""
        return frame(self.rows, Row)

    @property
    def status(self) -> str:
        """solved, unsolved, diverged, gave-up or interrupted."""
        return self.record.status if self.record else "interrupted"

    @property
    def accuracy(self) -> float:
        """Share of right answers at the last evaluation; NaN before the first."""
        measured = [row.accuracy for row in self.rows if row.status != "interrupted"]
        return measured[-1] if measured else float("nan")

    @property
    def chance(self) -> float:
        """Accuracy of the best memoryless predictor."""
        return self._resolved.task.chance(self.run.gap).accuracy

    @property
    def model(self) -> Model:
        """The trained network; raises UserError for an interrupted run, which has no weights."""
        from rnnbench.insight._load import load_trained

        return load_trained(self._resolved, self.study)

    @property
    def step(self) -> int:
        """Optimiser steps taken."""
        return self.rows[-1].step if self.rows else 0

    def __repr__(self) -> str:
        summary = f"{self.status} after {self.step:,} steps, accuracy {self.accuracy:.3f}, chance {self.chance:.3f}"
        return f"<Result {self.run.run_id}: {summary}>"

    def _repr_html_(self) -> str:
        run, rows = self.run, [row for row in self.rows if row.status != "interrupted"]
        title = escape(f"{run.cell} ({run.init}), {run.hidden_size} units, on {run.task} at gap {run.gap:,}, seed {run.seed}")
        summary = f"{self.status} after {self.step:,} of at most {run.max_steps:,} steps"
        measured = f"accuracy {100 * self.accuracy:.1f} %, chance {100 * self.chance:.1f} %" if rows else "not measured yet"
        about = f"<b>{title}</b><br>{escape(self._resolved.rate_text)}<br>{summary}: {measured}"
        return f"<p>{about}</p>{_curve(rows, run.max_steps, self.chance)}"


def _curve(rows: list[Row], steps: int, chance: float) -> str:
    """Draw the accuracy over the budget as SVG, with chance as a dashed line."""
    points = " ".join(f"{300 * row.step / steps:.1f},{61 - 60 * row.accuracy:.1f}" for row in rows)
    level = f"{61 - 60 * chance:.1f}"
    return (
        '<svg width="302" height="62" role="img" aria-label="accuracy against training steps">'
        '<rect x="0.5" y="0.5" width="301" height="61" fill="none" stroke="#bbb"/>'
        f'<line x1="0" x2="300" y1="{level}" y2="{level}" stroke="#888" stroke-dasharray="4 3"/>'
        f'<polyline points="{points}" fill="none" stroke="#0072B2" stroke-width="2"/></svg>'
    )
