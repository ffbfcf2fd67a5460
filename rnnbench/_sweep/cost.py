"""How long a sweep will take: from finished runs of the study where there are some, else from a few training steps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from rnnbench._config import Run, RunFields
from rnnbench._study import Study

ALIKE = (
    *("task", "cell", "gap", "hidden_size", "batch_size", "max_steps", "layers", "block", "option", "cell_option"),
    *(name for name in Run.SPEED if name != "engine"),
)
"""Runs that agree in these, and in the engine that ran, take about the same time per step."""

MEASURE = 0.3  # seconds of training steps timed for each kind of run


@dataclass(frozen=True)
class Cost:
    """Seconds of one worker, and what the estimate rests on."""

    seconds: float
    from_runs: int  # runs estimated from finished runs alike, with the steps those needed
    from_steps: int  # runs estimated from timed training steps, with their whole budget: an upper bound


def estimate(runs: Sequence[Run], study: Study) -> Cost:
    """Time of all ``runs`` done one after the other; raises UserError for a run that this machine cannot do."""
    finished: dict[tuple[str, ...], list[float]] = {}
    for record in study.records():
        finished.setdefault((*_kind(record), record.engine), []).append(record.wall_s)
    timed: dict[tuple[str, ...], float] = {}
    seconds, from_runs = 0.0, 0
    for run in runs:
        kind = (*_kind(run), run.engine)
        engines = ("fast", "torch") if run.engine == "auto" else (run.engine,)
        known = next((times for engine in engines if (times := finished.get((*kind[:-1], engine)))), None)
        if known:
            from_runs += 1
            seconds += mean(known)
            continue
        if kind not in timed:
            timed[kind] = _budget_seconds(run)
        seconds += timed[kind]
    return Cost(seconds, from_runs, len(runs) - from_runs)


def _kind(run: RunFields) -> tuple[str, ...]:
    values = (getattr(run, name) for name in ALIKE)
    return tuple(str(sorted(value.items()) if isinstance(value, dict) else value) for value in values)


def _budget_seconds(run: Run) -> float:
    """Time a few steps and a part of an evaluation, and reckon up to the whole budget."""
    import torch

    from rnnbench._spec.resolve import rebuild
    from rnnbench._training.evaluate import EVAL_CHUNK
    from rnnbench._training.trainer import Trainer

    trainer = Trainer(rebuild(run))
    trainer.train_step()  # the first one warms up
    started, steps = time.perf_counter(), 0
    while steps < 1 or time.perf_counter() - started < MEASURE:
        trainer.train_step()
        steps += 1
    step = (time.perf_counter() - started) / steps
    started = time.perf_counter()
    with torch.no_grad():
        trainer.model(trainer.sample(EVAL_CHUNK, trainer.eval_stream))
    evaluation = (time.perf_counter() - started) * run.eval_sequences / EVAL_CHUNK
    return run.max_steps * step + -(-run.max_steps // run.eval_every) * evaluation
