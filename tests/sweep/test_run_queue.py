"""Tests of the queue of a sweep, of run states, and of the estimated time."""

from pathlib import Path

import pytest

from rnnbench._config import SweepRequest
from rnnbench._spec.resolve import rebuild
from rnnbench._study import StudyFolder
from rnnbench._sweep import run_queue as run_queue_module
from rnnbench._sweep.cost import estimate
from rnnbench._sweep.grid import grid
from rnnbench._sweep.run_queue import Failed, Finished, HeldElsewhere, RunQueue, Tick
from rnnbench._sweep.status import run_states
from rnnbench._training.runner import Runner

SMALL = {"hidden_size": 4, "batch_size": 4, "max_steps": 2, "engine": "torch"}
RUNS = grid(SweepRequest.model_validate({"cell": "memoryless", "task": "beijing", "gap": [1, 2, 3]} | SMALL))


@pytest.fixture
def study(tmp_path: Path) -> StudyFolder:
    return StudyFolder.create(tmp_path / "study")


def test_done_runs_are_skipped_and_failed_ones_until_they_are_retried(study: StudyFolder) -> None:
    list(Runner(rebuild(RUNS[0]), study).rows())
    RunQueue(study, RUNS[1:2]).fail(RUNS[1], "no reason", -9)
    run_queue = RunQueue(study, RUNS)
    assert (run_queue.total, run_queue.done, run_queue.failed_before) == (3, 1, 1)
    assert run_queue.next() == RUNS[2]
    assert run_queue.next() is None
    assert run_queue.total == 3
    again = RunQueue(study, RUNS, retry_failed=True)
    assert again.next() == RUNS[1]
    list(Runner(rebuild(RUNS[1]), study).rows())
    assert isinstance(again.finished(RUNS[1]), Finished)
    assert study.failures.rows() == []


def test_a_run_that_another_sweep_finished_is_not_repeated(study: StudyFolder) -> None:
    run_queue = RunQueue(study, RUNS[:2])
    list(Runner(rebuild(RUNS[0]), study).rows())
    assert run_queue.next() == RUNS[1]
    assert run_queue.done == 1


def test_the_work_per_finished_run_does_not_grow_with_the_queue(study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [RUNS[0].model_copy(update={"seed": seed}) for seed in range(200)]
    run_queue = RunQueue(study, many)
    reads = []
    monkeypatch.setattr(study, "finished", lambda run_id: reads.append(run_id))
    run = run_queue.next()
    assert run is not None
    run_queue.fail(run, "no reason", None)
    assert reads == [run.run_id]
    assert run_queue.pending_cost == 199 * 2 * 11
    run_queue.postpone(run_queue.next() or run)
    run_queue.requeue(run_queue.next() or run)
    assert run_queue.pending_cost == 199 * 2 * 11


def test_a_kill_between_a_runs_row_and_its_checkpoints_end_leaves_nothing(study: StudyFolder) -> None:
    list(Runner(rebuild(RUNS[0]), study).rows())
    with study.claim(RUNS[0].run_id):
        for config in RUNS[:2]:
            study.checkpoint_file(config.run_id).write_bytes(b"left")
        study.tidy()
        assert study.checkpoint_file(RUNS[0].run_id).exists()
    study.tidy()
    assert not study.checkpoint_file(RUNS[0].run_id).exists()
    assert study.checkpoint_file(RUNS[1].run_id).exists()


def test_what_a_run_calls_for_is_done_too_unless_it_is_known(study: StudyFolder) -> None:
    list(Runner(rebuild(RUNS[1]), study).rows())
    calls = {RUNS[0].run_id: [RUNS[1]], RUNS[1].run_id: [RUNS[2]], RUNS[2].run_id: []}
    run_queue = RunQueue(study, RUNS[:1], lambda config, solved: calls[config.run_id])
    config = run_queue.next()
    assert config == RUNS[0]
    assert isinstance(run_queue.fail(config, "why not", 1), Failed)
    assert run_queue.next() == RUNS[2]
    assert [row.reason for row in study.failures.rows()] == ["why not"]


def test_a_run_that_another_process_holds_is_retried_then_left_to_it(study: StudyFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    run_queue, now = RunQueue(study, RUNS[:1]), [100.0]
    monkeypatch.setattr(run_queue_module.time, "monotonic", lambda: now[0])
    assert isinstance(run_queue.postpone(run_queue.next() or RUNS[0]), Tick)
    assert run_queue.next() is None
    assert not run_queue.empty
    now[0] += 1
    assert run_queue.next() == RUNS[0]
    now[0] += 10
    assert isinstance(run_queue.postpone(RUNS[0]), HeldElsewhere)
    assert run_queue.empty
    assert run_queue.held_elsewhere == 1


def test_every_run_is_in_one_state(study: StudyFolder) -> None:
    list(Runner(rebuild(RUNS[0]), study).rows())
    RunQueue(study, RUNS[1:2]).fail(RUNS[1], "no reason", None)
    halfway = Runner(rebuild(RUNS[2]), study)
    halfway.stop()
    list(halfway.rows())
    found = run_states(study, [run.run_id for run in RUNS])
    assert (list(found.done), list(found.failed), found.interrupted) == ([RUNS[0].run_id], [RUNS[1].run_id], [RUNS[2].run_id])
    assert run_states(study, None) == found
    with study.claim(RUNS[2].run_id):
        assert run_states(study, [run.run_id for run in RUNS]).running == [RUNS[2].run_id]


def test_the_cost_comes_from_finished_runs_else_from_timed_steps(study: StudyFolder) -> None:
    guess = estimate(RUNS, study)
    assert (guess.from_runs, guess.from_steps) == (0, 3)
    assert guess.seconds > 0
    list(Runner(rebuild(RUNS[0]), study).rows())
    row = study.finished(RUNS[0].run_id)
    assert row is not None
    known = estimate(RUNS[:1], study)
    assert (known.from_runs, known.from_steps, known.seconds) == (1, 0, row.wall_s)
