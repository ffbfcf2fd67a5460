"""Length extrapolation: how a trained network fares at gaps it was not trained at. One set of weights serves every length."""

from __future__ import annotations

from typing import Any

from rnnbench import catalog
from rnnbench.config import RunConfig
from rnnbench.errors import UserError
from rnnbench.insight.networks import trained
from rnnbench.model import stream
from rnnbench.records import SCHEMA, Study
from rnnbench.train import Trainer


def check_gaps(config: RunConfig, gaps: list[int]) -> None:
    """Raise UserError if the task of a config cannot pose its question at one of the gaps."""
    task = catalog.make_task(config.task, config.option)
    for gap in gaps:
        try:
            task.check_gap(gap)
        except ValueError as error:
            raise UserError(f"--eval-gaps: {error}") from error


def measure_at(study: Study, config: RunConfig, gap: int) -> dict[str, Any]:
    """Measure a finished run at another gap, on held-out sequences of its own stream, and record it.

    Args:
        study: has the run's row and final weights, and takes the measurement.
        config: the run, resolved.
        gap: time steps.

    Returns:
        The row of ``extrapolation.csv``.

    Raises:
        UserError: the study has no weights of the run, or a sequence does not fit into memory.
    """
    run = study.finished(config.run_id)
    assert run is not None
    weights = trained(config, study).state_dict()
    trainer = Trainer(config.model_copy(update={"gap": gap}))
    trainer.model.load_state_dict(weights)
    trainer.eval_stream = stream(config.seed, "extrapolate")
    accuracy, loss = trainer.measure()
    row = {
        "schema": SCHEMA,
        "run_id": config.run_id,
        "task": run["task"],
        "cell": run["cell"],
        "init": run["init"],
        "gap": config.gap,
        "seed": config.seed,
        "status": run["status"],
        "eval_gap": gap,
        "accuracy": accuracy,
        "eval_loss": loss,
        "answers": config.eval_sequences * trainer.task.scored_answers(gap),
        "chance_accuracy": trainer.chance.accuracy,
    }
    study.record_extrapolation(row)
    return row
