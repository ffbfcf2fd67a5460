"""Length extrapolation: the accuracy of a trained network at gaps other than its training gap."""

from __future__ import annotations

import pandas as pd

from rnnbench._config import as_list
from rnnbench._errors import UserError
from rnnbench._spec.arguments import checked
from rnnbench._spec.request import CellLike, TaskLike
from rnnbench._spec.resolve import Resolved
from rnnbench._study import Extrapolation, StudyFolder
from rnnbench._study.record import frame
from rnnbench._training.evaluate import evaluate
from rnnbench._training.model import check_device, check_memory, stream
from rnnbench._training.process_state import training_settings
from rnnbench.insight._arguments import Counting, Gaps, OneRun, StudyLike
from rnnbench.insight._load import finished_runs, load_trained
from rnnbench.testing._preflight import preflight


@checked
def measure_extrapolation(
    run: OneRun,
    *,
    gap: Gaps,
    study: StudyLike = "results",
    cell: CellLike | None = None,
    task: TaskLike | None = None,
    progress: Counting = iter,
) -> pd.DataFrame:
    """Measure the accuracy of a finished run at other gaps, as ``rnnbench run --eval-gaps`` does, and record it in its study.

    Args:
        run: a result, or the run_id of a run of ``study`` or its beginning.
        gap: gaps in time steps.
        study: the study that contains the run named in ``run``.
        cell, task: the file, ``package.module:Class`` or class of the run's cell and task, if they are plug-ins.
        progress: progress bar, such as ``tqdm.tqdm``.

    Returns:
        One row per gap, in ascending order, as :func:`rnnbench.load_extrapolation` returns them, for
        :func:`rnnbench.plots.plot_extrapolation`.

    Raises:
        UserError: the run does not exist, or its task does not support a gap.

    Example:
        >>> import rnnbench
        >>> result = rnnbench.run(cell="gru", task="beijing", gap=5, hidden_size=8, max_steps=10, progress=False)
        >>> measure_extrapolation(result, gap=[3, 20])["eval_gap"].tolist()
        [3, 20]
    """
    ((resolved, home),) = finished_runs(run, study, cell, task)
    for one in as_list(gap):
        try:
            resolved.task.check_gap(one)
        except ValueError as error:
            raise UserError(str(error)) from error
    return frame(measure_eval_gaps(home, resolved, as_list(gap), progress=progress), Extrapolation)


def measure_eval_gaps(
    study: StudyFolder, resolved: Resolved, gaps: list[int], again: bool = False, progress: Counting = iter
) -> list[Extrapolation]:
    """Measure a finished run at other gaps, in ascending order; skip gaps measured before unless ``again`` is set."""
    run_id = resolved.run.run_id
    known = {} if again else {row.eval_gap: row for row in study.extrapolations.rows() if row.run_id == run_id}
    requested = sorted(set(gaps))
    check_eval_gaps(resolved, [gap for gap in requested if gap not in known])
    for gap in progress([gap for gap in requested if gap not in known]):
        known[gap] = measure_at_gap(study, resolved, gap)
    return [known[gap] for gap in requested]


def check_eval_gaps(resolved: Resolved, gaps: list[int]) -> None:
    """Raise UserError if the cell is a plug-in that breaks its contract at the length of one of the gaps."""
    for finding in preflight(resolved, gaps) if gaps else ():
        if finding.severity == "broken":
            raise UserError(finding.message)


def measure_at_gap(study: StudyFolder, resolved: Resolved, gap: int) -> Extrapolation:
    """Measure a finished run at another gap, on held-out sequences of a separate stream, and record it in the study.

    Raises:
        UserError: the study has no weights of the run, or a sequence does not fit into memory.
    """
    run, task = resolved.run, resolved.task
    record = study.finished(run.run_id)
    assert record is not None
    check_memory(resolved._replace(run=run.model_copy(update={"gap": gap})))
    model = load_trained(resolved, study).to(check_device(run.device))
    noise, sequences = stream(run.seed, "noise").get_state(), stream(run.seed, "extrapolate")
    with training_settings(run.threads, noise, run.device):
        measured = evaluate(model, task, gap, run.eval_sequences, sequences)
    row = Extrapolation.of(
        run,
        status=record.status,
        eval_gap=gap,
        accuracy=measured.accuracy,
        eval_loss=measured.loss,
        answers=measured.answers,
        chance_accuracy=task.chance(gap).accuracy,
    )
    study.record(row)
    return row
