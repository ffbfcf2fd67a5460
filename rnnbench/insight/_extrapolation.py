"""Length extrapolation: the accuracy of a trained network at gaps other than its training gap."""

from __future__ import annotations

from rnnbench._spec.resolve import Resolved
from rnnbench._study import Extrapolation, StudyFolder
from rnnbench._training.evaluate import evaluate
from rnnbench._training.model import check_device, check_memory, stream
from rnnbench._training.process_state import training_settings
from rnnbench.insight._load import load_trained
from rnnbench.insight._progress import Counting


def measure_eval_gaps(
    study: StudyFolder, resolved: Resolved, gaps: list[int], again: bool = False, progress: Counting = iter
) -> list[Extrapolation]:
    """Measure a finished run at other gaps, in ascending order; skip gaps measured before unless ``again`` is set."""
    run_id = resolved.run.run_id
    known = {} if again else {row.eval_gap: row for row in study.extrapolations.rows() if row.run_id == run_id}
    requested = sorted(set(gaps))
    for gap in progress([gap for gap in requested if gap not in known]):
        known[gap] = measure_at_gap(study, resolved, gap)
    return [known[gap] for gap in requested]


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
