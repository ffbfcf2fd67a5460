"""Length extrapolation: the accuracy of a trained network at gaps other than its training gap."""

from __future__ import annotations

from rnnbench._config import Run
from rnnbench._errors import UserError
from rnnbench._spec.resolve import task_of
from rnnbench._study import Extrapolation, Study
from rnnbench._training.model import stream
from rnnbench._training.process_state import session
from rnnbench._training.trainer import Trainer
from rnnbench.insight._load import load_trained
from rnnbench.insight._progress import Counting


def check_eval_gaps(run: Run, gaps: list[int]) -> None:
    """Raise UserError if a run's task does not support one of the gaps."""
    task = task_of(run)
    for gap in gaps:
        try:
            task.check_gap(gap)
        except ValueError as error:
            raise UserError(f"--eval-gaps: {error}") from error


def measure_eval_gaps(
    study: Study, run: Run, gaps: list[int], again: bool = False, progress: Counting = iter
) -> list[Extrapolation]:
    """Measure a finished run at other gaps, in ascending order; skip gaps measured before unless ``again`` is set."""
    known = {} if again else {row.eval_gap: row for row in study.extrapolations.rows() if row.run_id == run.run_id}
    wanted = sorted(set(gaps))
    for gap in progress([gap for gap in wanted if gap not in known]):
        known[gap] = measure_at_gap(study, run, gap)
    return [known[gap] for gap in wanted]


def measure_at_gap(study: Study, run: Run, gap: int) -> Extrapolation:
    """Measure a finished run at another gap, on held-out sequences of a separate stream, and record it.

    Args:
        study: the study with the run's row and final weights; the measurement is added to it.
        run: the run.
        gap: time steps.

    Returns:
        The row of ``extrapolation.csv``.

    Raises:
        UserError: the study has no weights of the run, or a sequence does not fit into memory.
    """
    record = study.finished(run.run_id)
    assert record is not None
    weights = load_trained(run, study).state_dict()
    trainer = Trainer(run.model_copy(update={"gap": gap}))
    trainer.model.load_state_dict(weights)
    trainer.eval_stream = stream(run.seed, "extrapolate")
    with session(run.threads, trainer.noise):
        accuracy, loss = trainer.measure()
    row = Extrapolation.of(
        run,
        status=record.status,
        eval_gap=gap,
        accuracy=accuracy,
        eval_loss=loss,
        answers=trainer.answers,
        chance_accuracy=trainer.chance.accuracy,
    )
    study.record_extrapolation(row)
    return row
