"""A fixed training set: the same sequences over and over, never those of the evaluation, and resumed bit for bit."""

import pytest
import torch

from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._training.trainer import Trainer
from rnnbench.task import Batch

SMALL = {"task": "copy", "cell": "gru", "gap": 3, "hidden_size": 8, "batch_size": 4, "eval_every": 5, "max_steps": 15}


def resolved(**changes: object) -> Resolved:
    return resolve(RunRequest.model_validate(SMALL | {"engine": "torch"} | changes))


def texts(batch: Batch) -> list[tuple]:
    """Return the sequences as hashable values."""
    return [(*batch.inputs[:, b].tolist(), *batch.targets[:, b].tolist()) for b in range(batch.inputs.shape[1])]


def seen(trainer: Trainer, steps: int) -> list[tuple]:
    found = []
    for _ in range(steps):
        found += texts(trainer.training_batch())
        trainer.step += 1
    return found


def test_the_same_sequences_come_again_in_the_same_order() -> None:
    trainer = Trainer(resolved(train_sequences=10))
    sequences = seen(trainer, 10)  # 40, four times through; batches straddle the end
    assert len(set(sequences)) == 10
    assert sequences == sequences[:10] * 4


def test_without_a_fixed_set_every_sequence_is_fresh() -> None:
    assert len(set(seen(Trainer(resolved()), 10))) == 40


def test_a_set_smaller_than_a_batch_fills_it() -> None:
    sequences = seen(Trainer(resolved(train_sequences=3)), 1)
    assert sequences[3] == sequences[0]
    assert len(set(sequences)) == 3


def test_evaluation_is_on_fresh_sequences_and_the_same_as_without() -> None:
    fixed, fresh = Trainer(resolved(train_sequences=10)), Trainer(resolved())
    pool = set(texts(fixed.fixed_sequences))
    held_out = fixed.sample(50, fixed.eval_stream)
    assert not pool & set(texts(held_out))
    assert torch.equal(held_out.inputs, fresh.sample(50, fresh.eval_stream).inputs)


def test_the_network_learns_its_set_by_heart() -> None:
    run = resolved(train_sequences=8, batch_size=8, hidden_size=32, max_steps=200, eval_every=200, lr=0.02, clip_norm=1.0)
    (row,) = Trainer(run).rows()
    assert row.eval_loss > 1.5 * row.train_loss


def test_it_is_part_of_the_identity_and_none_at_all_is_as_before() -> None:
    assert "train_sequences" not in resolved().run.identity
    assert resolved(train_sequences=10).run.run_id != resolved(train_sequences=11).run.run_id != resolved().run.run_id


def test_a_set_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError, match="train_sequences"):
        Trainer(resolved(train_sequences=10_000_000, gap=1_000_000))
