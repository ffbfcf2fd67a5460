"""Estimated time of a sweep, from finished runs of the study, or from a few training steps where there are none."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from rnnbench._config import Run, RunFields
from rnnbench._study import StudyFolder

TIMING_FIELDS = (
    *("task", "cell", "gap", "hidden_size", "train_gaps", "batch_size", "max_steps", "layers", "block", "option", "cell_option"),
    *("recurrent_clip", "truncate"),  # with which cuDNN cannot run
    *(name for name in Run.SPEED if name != "engine"),
)
"""Runs that agree in these fields and in their engine take the same time per step."""

TIMING_S = 0.3
"""Seconds of training steps that are timed for each set of equal :data:`TIMING_FIELDS`."""


@dataclass(frozen=True)
class Cost:
    """Estimated time of some runs."""

    seconds: float  # of a single worker
    from_runs: int  # runs estimated from finished runs with equal TIMING_FIELDS
    # Runs estimated from timed steps. The whole budget is assumed, so the estimate is an upper bound.
    from_steps: int


def estimate(runs: Sequence[Run], study: StudyFolder) -> Cost:
    """Return the time of all runs, one after the other; raise UserError if this machine cannot train one of them."""
    finished: dict[tuple[str, ...], list[float]] = {}
    for record in study.records():
        finished.setdefault((*_timing_key(record), record.engine), []).append(record.wall_s)
    timed: dict[tuple[str, ...], float] = {}
    seconds, from_runs = 0.0, 0
    for run in runs:
        key = (*_timing_key(run), run.engine)
        engines = ("fast", "cudnn", "torch") if run.engine == "auto" else (run.engine,)
        known = next((times for engine in engines if (times := finished.get((*key[:-1], engine)))), None)
        if known:
            from_runs += 1
            seconds += mean(known)
            continue
        if key not in timed:
            timed[key] = _budget_seconds(run)
        seconds += timed[key]
    return Cost(seconds, from_runs, len(runs) - from_runs)


def _timing_key(run: RunFields) -> tuple[str, ...]:
    values = (getattr(run, name) for name in TIMING_FIELDS)
    return tuple(str(sorted(value.items()) if isinstance(value, dict) else value) for value in values)


def _budget_seconds(run: Run) -> float:
    """Return the time of a run's whole budget, extrapolated from a few steps and a part of an evaluation."""
    import torch

    from rnnbench._spec.resolve import rebuild
    from rnnbench._training.evaluate import EVAL_CHUNK
    from rnnbench._training.process_state import training_settings
    from rnnbench._training.trainer import Trainer

    trainer = Trainer(rebuild(run))
    with training_settings(run.threads, trainer.noise, run.device):
        trainer.train_step()  # warm-up
        started, steps = time.perf_counter(), 0
        while steps < 1 or time.perf_counter() - started < TIMING_S:
            trainer.train_step()
            steps += 1
        step = (time.perf_counter() - started) / steps
        started = time.perf_counter()
        with torch.no_grad():
            trainer.model(trainer.sample(EVAL_CHUNK, trainer.eval_stream))
        evaluation = (time.perf_counter() - started) * run.eval_sequences / EVAL_CHUNK
    return run.max_steps * step + -(-run.max_steps // run.eval_every) * evaluation
