"""Logs for TensorBoard in ``tensorboard/<run_id>`` of a study."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

from rnnbench._config import Run
from rnnbench._errors import UserError
from rnnbench._study import Row, StudyFolder

LOGGED = ("accuracy", "chance_accuracy", "skill", "train_loss", "eval_loss", "grad_norm")
"""Columns of a study's log that are written."""


@contextlib.contextmanager
def tensorboard_writer(study: StudyFolder, run: Run) -> Iterator[Callable[[Row], None]]:
    """Open the log of a run and yield a function that writes a row; raise UserError if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError("--tensorboard needs the extra: pip install 'rnnbench[tensorboard]'") from error
    start = max((row.step for row in study.log(run.run_id)), default=0)
    with SummaryWriter(str(study.folder / "tensorboard" / run.run_id), purge_step=start + 1) as writer:

        def log(row: Row) -> None:
            for name in LOGGED:
                value = getattr(row, name)
                if math.isfinite(value):
                    writer.add_scalar(name, value, row.step)

        yield log
