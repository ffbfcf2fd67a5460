"""Test of the estimated time of a sweep, with a clock that only training steps and evaluations advance."""

import time

import pytest
import torch

from rnnbench._config import RunRequest
from rnnbench._spec.resolve import resolve
from rnnbench._study import StudyFolder
from rnnbench._sweep.cost import TIMING_S, estimate
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
