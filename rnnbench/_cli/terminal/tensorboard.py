"""Logs for TensorBoard, beside the study's own: scalars only, in ``tensorboard/<run_id>``."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator

from rnnbench._config import Run
from rnnbench._errors import UserError
from rnnbench._study import Row, Study

SHOWN = ("accuracy", "chance_accuracy", "skill", "train_loss", "eval_loss", "grad_norm")
"""Columns of a log that are drawn."""


@contextlib.contextmanager
def board(study: Study, run: Run) -> Iterator[Callable[[Row], None]]:
    """Takes rows as they come; raises UserError if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise UserError("--tensorboard needs the extra: pip install 'rnnbench[tensorboard]'") from error
    start = max((row.step for row in study.log(run.run_id)), default=0)
    with SummaryWriter(str(study.folder / "tensorboard" / run.run_id), purge_step=start + 1) as writer:

        def log(row: Row) -> None:
            for name in SHOWN:
                value = getattr(row, name)
                if math.isfinite(value):
                    writer.add_scalar(name, value, row.step)

        yield log
