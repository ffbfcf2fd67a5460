"""One run inside a study: resume where it stopped, record every row, keep the final weights."""

from __future__ import annotations

from collections.abc import Generator

from rnnbench._errors import UserError
from rnnbench._spec.resolve import Resolved
from rnnbench._study import Redo, Row, RunRecord, Study, Table
from rnnbench._study.atomic import load_tensors, save_tensors, unreadable
from rnnbench._study.schema import this_machine
from rnnbench._training.trainer import Trainer
from rnnbench.testing._preflight import preflight


class Runner:
    """A run that writes to a study.

    Args:
        resolved: the run.
        study: the folder that takes its rows, checkpoint and weights.
        force: run it again if it is finished; the old result stays until the new one takes its place.
        checked: whether the checks of a plug-in have been made already.

    Raises:
        UserError: the run does not fit this machine, or a plug-in breaks the contract of a cell or a task.

    Attributes:
        findings: what else the checks say of a plug-in.
    """

    def __init__(self, resolved: Resolved, study: Study, force: bool = False, checked: bool = False) -> None:
        self.findings = [] if checked else preflight(resolved)
        for finding in self.findings:
            if finding.severity == "broken":
                raise UserError(finding.message)
        self.trainer = Trainer(resolved)
        self.run = resolved.run
        self.study = study
        self.force = force

    def rows(self) -> Generator[Row]:
        """Rows as :meth:`Trainer.rows` yields them, each recorded before it is handed on; none if the run is finished.

        After :meth:`stop` the last row says ``interrupted`` and the checkpoint stands at the last whole step; whoever closes the
        generator after a row leaves the checkpoint at that row.

        Raises:
            BusyError: another process has the run.
            UserError: its checkpoint is damaged.
            StorageError: the disk is full; what was recorded stays.
        """
        study, run_id, trainer = self.study, self.run.run_id, self.trainer
        with study.claim(run_id):
            finished = study.finished(run_id) is not None
            if finished and not self.force:
                return
            home = Redo(study, run_id) if finished else _Home(study, run_id)
            if home.checkpoint_file.exists():
                try:
                    trainer.load_state(load_tensors(home.checkpoint_file))
                except ValueError as error:
                    raise unreadable(home.checkpoint_file) from error
            log = Table(home.log_file, Row)
            rewind(log, trainer.step)
            for row in trainer.rows():
                log.add(row)
                if trainer.status == "running":
                    save_tensors(home.checkpoint_file, trainer.state())
                else:
                    save_tensors(home.weights_file, trainer.model.state_dict())
                    home.finish(record(trainer, row))
                yield row

    def stop(self) -> None:
        """Ask the run to stop after its current step; safe to call from a signal handler."""
        self.trainer.stopping = True


class _Home:
    """The files of a run that is made for the first time."""

    def __init__(self, study: Study, run_id: str) -> None:
        self.study = study
        self.log_file = study.log_file(run_id)
        self.checkpoint_file = study.checkpoint_file(run_id)
        self.weights_file = study.weights_file(run_id)

    def finish(self, record: RunRecord) -> None:
        self.study.record(record)
        self.checkpoint_file.unlink(missing_ok=True)


def rewind(log: Table[Row], step: int) -> None:
    """Drop what a log says beyond ``step``, and notes of interruption: the run resumes from there."""
    rows = log.rows()
    kept = [row for row in rows if row.step <= step and row.status != "interrupted"]
    if len(kept) < len(rows):
        log.write(kept)


def record(trainer: Trainer, last: Row) -> RunRecord:
    """Return the row of a finished run: the run with the engine that ran it, its outcome and the machine."""
    outcome = trainer.outcome(last).model_dump() | {"engine": trainer.model.engine}
    return RunRecord.of(trainer.run, **outcome, **this_machine())
