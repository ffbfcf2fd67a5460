"""Test of the estimated time of a sweep, with a clock that only training steps and evaluations advance."""

import time

import pytest
import torch

from rnnbench._config import Run, RunRequest
from rnnbench._spec.resolve import resolve
from rnnbench._study import StudyFolder
from rnnbench._sweep import cost
from rnnbench._sweep.cost import TIMING_LIMIT_S, TIMING_S, estimate
from rnnbench._sweep.run_queue import cost_units
from rnnbench._training import trainer


def test_the_estimate_counts_training_steps_and_evaluations(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, threads = [0.0], []

    class Timed:
        eval_stream = torch.Generator()
        noise = torch.Generator().get_state()

        def __init__(self, run: object) -> None: ...

        def train_step(self) -> None:
            threads.append(torch.get_num_threads())
            clock[0] += TIMING_S

        def sample(self, batch_size: int, generator: torch.Generator) -> int:
            return batch_size

        def model(self, sequences: int) -> None:
            clock[0] += 0.25 * sequences

    monkeypatch.setattr(trainer, "Trainer", Timed)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    run = resolve(RunRequest(task="beijing", cell="rnn", gap=2, max_steps=250, eval_every=100, eval_sequences=1024, threads=3)).run
    seconds = estimate([run], StudyFolder(tmp_path)).seconds
    assert seconds == pytest.approx(250 * TIMING_S + 3 * 0.25 * 1024)  # the last evaluation comes at the end of the budget
    assert set(threads) == {3}, "the threads of the runs, not those of this process"


def test_few_sets_of_a_large_sweep_are_timed(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A set takes 1 s for each of 20,000 runs; without a limit the estimate would take as long as 2,000 timings."""
    clock, gaps = [0.0], []

    def budget_seconds(run: Run) -> float:
        clock[0] += 1.0
        gaps.append(run.gap)
        return float(cost_units(run))

    monkeypatch.setattr(cost, "_budget_seconds", budget_seconds)
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    one = resolve(RunRequest(task="beijing", cell="rnn", gap=2, max_steps=250)).run
    runs = [one.model_copy(update={"gap": gap, "seed": seed}) for gap in range(1, 2001) for seed in range(10)]
    guess = estimate(runs, StudyFolder(tmp_path))
    assert len(gaps) == len(set(gaps)) == TIMING_LIMIT_S + 1
    assert (min(gaps), max(gaps) > 1500) == (1, True), "the timed sets are spread over all gaps"
    assert guess.seconds == pytest.approx(sum(map(cost_units, runs)))
    assert (guess.from_runs, guess.from_steps, guess.from_nearest) == (0, 20_000, 20_000 - 10 * len(gaps))
