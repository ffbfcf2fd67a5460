"""Tests of ``--give-up``, which stops a run that was never above chance."""

from rnnbench._config import RunRequest
from rnnbench._spec.resolve import resolve
from rnnbench._training.trainer import Trainer

SMALL = {"hidden_size": 8, "batch_size": 8, "eval_every": 10, "max_steps": 100, "engine": "torch"}
REQUEST = RunRequest(task="beijing", cell="memoryless", gap=5, give_up=25, **SMALL)
CONFIG = resolve(REQUEST)


def test_a_run_never_above_chance_is_given_up_at_the_next_evaluation() -> None:
    rows = list(Trainer(CONFIG).rows())
    assert [row.status for row in rows] == ["running", "running", "gave-up"]
    assert rows[-1].step == 30


def test_a_run_once_above_chance_is_not_given_up() -> None:
    rows = list(Trainer(resolve(REQUEST.model_copy(update={"cell": "rnn", "lr": 0.03}))).rows())
    assert max(row.accuracy for row in rows if row.step <= 30) > 0.6
    assert rows[-1].status in ("solved", "unsolved")


def test_a_checkpoint_keeps_that_a_run_was_above_chance() -> None:
    first = Trainer(CONFIG)
    first.was_above_chance = True
    again = Trainer(CONFIG)
    again.load_state(first.state())
    assert again.was_above_chance


def test_without_the_rule_nothing_is_given_up() -> None:
    rows = list(Trainer(resolve(REQUEST.model_copy(update={"give_up": None}))).rows())
    assert rows[-1].status == "unsolved"
    assert rows[-1].step == 100
