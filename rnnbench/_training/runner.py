"""A run in a study folder: it resumes from its checkpoint, and records every row and the final weights."""

from __future__ import annotations

from collections.abc import Generator

from rnnbench._errors import UserError
from rnnbench._spec.resolve import Resolved
from rnnbench._study import Redo, Row, RunRecord, StudyFolder, Table
from rnnbench._study.atomic import load_tensors, save_tensors, unreadable
from rnnbench._study.schema import this_machine
from rnnbench._training.model import check_device, check_memory
from rnnbench._training.trainer import Trainer
from rnnbench.testing._preflight import preflight


class Runner:
    """A run that is trained and recorded in a study. With ``force`` a finished run is replaced once the new result is complete.

    Raises UserError if the run does not fit this machine, or a plug-in breaks its contract, unless it was ``checked`` already.
    """

    def __init__(self, resolved: Resolved, study: StudyFolder, force: bool = False, checked: bool = False) -> None:
        check_device(resolved.run.device)
        check_memory(resolved)  # the checks include one at the length of the training
        self.findings = [] if checked else preflight(resolved)
        for finding in self.findings:
            if finding.severity == "broken":
                raise UserError(finding.message)
        self.trainer = Trainer(resolved)
        if not study.folder.is_dir():  # only now: a run that is refused leaves no folder
            StudyFolder.create(study.folder)
        self.run = resolved.run
        self.study = study
        self.force = force

    def rows(self) -> Generator[Row]:
        """Record and yield the rows of :meth:`Trainer.rows`; none if the run is finished.

        After :meth:`stop`, the last row has the status ``interrupted`` and the checkpoint is that of the last step. A caller that
        closes the generator after a row leaves the checkpoint of that row. Raises BusyError if another process runs it, UserError
        if its checkpoint is damaged, and StorageError if the disk is full; recorded rows stay.
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
            rows = log.rows()  # those after the checkpoint, and of interruptions, are repeated
            kept = [row for row in rows if row.step <= trainer.step and row.status != "interrupted"]
            if len(kept) < len(rows):
                log.write(kept)
            for row in trainer.rows():
                log.add(row)
                if trainer.status == "running":
                    save_tensors(home.checkpoint_file, trainer.state())
                else:
                    save_tensors(home.weights_file, trainer.model.state_dict())
                    outcome = trainer.outcome(row).model_dump() | {"engine": trainer.model.engine}  # the engine that ran it
                    home.finish(RunRecord.of(self.run, **outcome, **this_machine()))
                yield row

    def stop(self) -> None:
        """Stop the run after its current step; safe to call from a signal handler."""
        self.trainer.stopping = True


class _Home:
    """The files of a run that has no result yet."""

    def __init__(self, study: StudyFolder, run_id: str) -> None:
        self.study = study
        self.log_file = study.log_file(run_id)
        self.checkpoint_file = study.checkpoint_file(run_id)
        self.weights_file = study.weights_file(run_id)

    def finish(self, record: RunRecord) -> None:
        self.study.record(record)
        self.checkpoint_file.unlink(missing_ok=True)
