"""Estimated time of a sweep, from finished runs of the study, or from a few training steps where there are none."""

from __future__ import annotations

import time
from bisect import bisect
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from rnnbench._config import Run, RunFields
from rnnbench._study import StudyFolder
from rnnbench._sweep.run_queue import cost_units

TIMING_FIELDS = (
    *("task", "cell", "gap", "hidden_size", "train_gaps", "batch_size", "max_steps", "layers", "block", "option", "cell_option"),
    *("recurrent_clip", "truncate"),  # with which cuDNN cannot run
    *(name for name in Run.SPEED if name != "engine"),
)
"""Runs that agree in these fields and in their engine take the same time per step."""

TIMING_S = 0.3
"""Seconds of training steps that are timed for each set of equal :data:`TIMING_FIELDS`."""


TIMING_LIMIT_S = 20.0
"""Seconds after which no further set is timed: the others take the time per step and length of the nearest timed one."""


@dataclass(frozen=True)
class Cost:
    """Estimated time of some runs."""

    seconds: float  # of a single worker
    from_runs: int  # runs estimated from finished runs with equal TIMING_FIELDS
    # Runs estimated from timed steps. The whole budget is assumed, so the estimate is an upper bound.
    from_steps: int
    from_nearest: int = 0  # of these, the runs whose own steps were not timed


def estimate(runs: Sequence[Run], study: StudyFolder) -> Cost:
    """Return the time of all runs, one after the other; raise UserError if this machine cannot train one of those timed."""
    finished: dict[tuple[str, ...], list[float]] = {}
    for record in study.records():
        finished.setdefault((*_timing_key(record), record.engine), []).append(record.wall_s)
    seconds, from_runs = 0.0, 0
    alike: dict[tuple[str, ...], list[Run]] = {}
    for run in runs:
        key = (*_timing_key(run), run.engine)
        engines = ("scan", "fast", "cudnn", "torch") if run.engine == "auto" else (run.engine,)
        known = next((times for engine in engines if (times := finished.get((*key[:-1], engine)))), None)
        if known:
            from_runs += 1
            seconds += mean(known)
        else:
            alike.setdefault(key, []).append(run)
    sets = sorted(alike.values(), key=lambda same: (same[0].cell, same[0].task, same[0].hidden_size, same[0].gap))
    rates = _seconds_per_unit([same[0] for same in sets])
    timed = sorted(rates)
    for k, same in enumerate(sets):
        after = bisect(timed, k)
        nearest = min(timed[max(0, after - 1) : after + 1], key=lambda one: abs(one - k))
        seconds += len(same) * cost_units(same[0]) * rates[nearest]
    from_nearest = sum(len(same) for k, same in enumerate(sets) if k not in rates)
    return Cost(seconds, from_runs, len(runs) - from_runs, from_nearest)


def _seconds_per_unit(runs: Sequence[Run]) -> dict[int, float]:
    """Return the seconds per unit of cost of runs, by position; of as many as the limit allows, spread over all."""
    rates: dict[int, float] = {}
    started, stride = time.perf_counter(), len(runs)
    while stride:
        for k in range(0, len(runs), stride):
            if rates and time.perf_counter() - started > TIMING_LIMIT_S:
                return rates
            if k not in rates:
                rates[k] = _budget_seconds(runs[k]) / cost_units(runs[k])
        stride //= 2
    return rates


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
