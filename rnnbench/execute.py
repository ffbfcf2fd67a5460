"""One run inside a study: go on where it stopped, record every row, keep the final weights."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from rnnbench import catalog
from rnnbench.config import RunConfig
from rnnbench.errors import UserError
from rnnbench.model import parameter_count
from rnnbench.records import Row, Study, load_tensors, run_row, save_tensors
from rnnbench.testing import vet
from rnnbench.train import Trainer


class Execution:
    """A run that writes to a study.

    Args:
        config: the run; a partial config is resolved.
        study: the folder that takes its rows, checkpoint and weights.
        force: start anew, whatever the study already has of this run.

    Raises:
        UserError: the config does not fit, another process is at this run, or a plug-in breaks the contract of a cell or a task.

    Attributes:
        findings: what else the checks say of a plug-in.
    """

    def __init__(self, config: RunConfig, study: Study, force: bool = False) -> None:
        self.findings = vet(catalog.resolve(config))
        for finding in self.findings:
            if finding.kind == "broken":
                raise UserError(finding.message)
        self.trainer = Trainer(config)
        self.config = self.trainer.config
        self.study = study
        self.force = force

    def rows(self) -> Generator[Row]:
        """Rows as :meth:`Trainer.rows` yields them, each recorded before it is handed on.

        After :meth:`stop` the last row says ``interrupted`` and the checkpoint stands at the last whole step; whoever closes the
        generator after a row leaves the checkpoint at that row.
        """
        run_id, trainer, study = self.config.run_id, self.trainer, self.study
        with study.claim(run_id):
            if self.force:
                study.forget(run_id)
            checkpoint = study.checkpoint_file(run_id)
            if checkpoint.exists():
                trainer.load_state(load_tensors(checkpoint))
            study.rewind_log(run_id, trainer.step)
            for row in trainer.rows():
                study.record_row(row)
                if trainer.status == "running":
                    save_tensors(checkpoint, trainer.state())
                else:
                    save_tensors(study.weights_file(run_id), trainer.model.state_dict())
                    study.record_run(run_row(self.config, self.outcome(row)))
                    checkpoint.unlink(missing_ok=True)
                yield row

    def stop(self) -> None:
        """Ask the run to stop after the step it is at; safe to call from a signal handler."""
        self.trainer.stopping = True

    def outcome(self, row: Row) -> dict[str, Any]:
        """The outcome columns of ``runs.csv`` after the last row."""
        trainer, config = self.trainer, self.config
        return {
            "status": row.status,
            "steps_to_solve": trainer.steps_to_solve if row.status == "solved" else None,
            "step": row.step,
            "sequences": row.sequences,
            "train_loss": row.train_loss,
            "eval_loss": row.eval_loss,
            "accuracy": row.accuracy,
            "answers": config.eval_sequences * trainer.task.scored_answers(config.gap),
            "chance_accuracy": trainer.chance.accuracy,
            "chance_loss": trainer.chance.loss,
            "skill": row.skill,
            "grad_norm": row.grad_norm,
            "parameters": parameter_count(trainer.model),
            "wall_s": row.wall_s,
        }
