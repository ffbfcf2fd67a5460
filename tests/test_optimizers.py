"""The optimisers against loops written out with torch.optim: momentum, weight decay, warm-up."""

import math

import pytest
import torch
from torch import nn

from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._training.optimizers import learning_rate
from rnnbench._training.trainer import Trainer

STEPS = 12
SMALL = {"task": "beijing", "cell": "gru", "gap": 3, "hidden_size": 8, "batch_size": 4, "max_steps": STEPS, "lr": 0.01}


def resolved(**changes: object) -> Resolved:
    return resolve(RunRequest.model_validate(SMALL | changes))


def assert_trained_alike(trainer: Trainer, oracle: Trainer, optimizer: torch.optim.Optimizer, rates: list[list[float]]) -> None:
    """Compare training steps with a loop over ``optimizer``, which trains the oracle's network at ``rates`` per step and group."""
    for k, step_rates in enumerate(rates):
        trainer.train_step()
        batch = oracle.training_batch()
        loss = oracle.task.loss(oracle.model(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(oracle.model.parameters(), oracle.run.clip_norm)
        for group, rate in zip(optimizer.param_groups, step_rates, strict=True):
            group["lr"] = rate
        optimizer.step()
        for found, expected in zip(trainer.model.parameters(), oracle.model.parameters(), strict=True):
            torch.testing.assert_close(found, expected, msg=lambda text, k=k: f"step {k}: {text}")


@pytest.mark.parametrize(
    ("changes", "optimizer", "arguments"),
    [
        ({"weight_decay": 0.5}, torch.optim.AdamW, {"betas": (0.9, 0.99), "weight_decay": 0.5}),
        ({"optimizer": "rmsprop", "weight_decay": 0.5}, torch.optim.RMSprop, {"alpha": 0.9, "weight_decay": 0.5}),
        ({"optimizer": "sgd", "weight_decay": 0.5}, torch.optim.SGD, {"weight_decay": 0.5}),
        ({"optimizer": "sgd", "momentum": 0.9}, torch.optim.SGD, {"momentum": 0.9}),
        ({"optimizer": "sgd", "momentum": 0.9, "nesterov": True}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_an_optimiser_trains_as_that_of_torch(changes: dict, optimizer: type, arguments: dict) -> None:
    run = resolved(**changes)
    oracle = Trainer(run)
    made = optimizer(oracle.model.parameters(), lr=0.01, **arguments)
    assert_trained_alike(Trainer(run), oracle, made, [[0.01 * (1 - k / STEPS)] for k in range(STEPS)])


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_rate_rises_over_the_warm_up_and_then_follows_its_schedule(schedule: str) -> None:
    run = resolved(warmup=4, schedule=schedule).run
    after = {
        "constant": [0.01] * 8,
        "linear": [0.01 * (1 - k / 8) for k in range(8)],
        "cosine": [0.005 * (1 + math.cos(math.pi * k / 8)) for k in range(8)],
    }
    expected = [0.0025, 0.005, 0.0075, 0.01, *after[schedule]]
    assert [learning_rate(run, step) for step in range(STEPS)] == pytest.approx(expected)


def test_a_warm_up_trains_at_its_rates() -> None:
    run = resolved(warmup=4, optimizer="sgd")
    oracle = Trainer(run)
    made = torch.optim.SGD(oracle.model.parameters(), lr=0.01)
    rates = [0.0025, 0.005, 0.0075, 0.01, *(0.01 * (1 - k / 8) for k in range(8))]
    assert_trained_alike(Trainer(run), oracle, made, [[rate] for rate in rates])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"momentum": 0.9}, "momentum only applies to optimizer sgd, not to adam"),
        ({"momentum": 0.9, "optimizer": "rmsprop"}, "momentum only applies to optimizer sgd, not to rmsprop"),
        ({"nesterov": True, "optimizer": "sgd"}, "nesterov only applies with momentum"),
        ({"warmup": STEPS}, "warmup 12 must be below max_steps 12"),
    ],
)
def test_a_setting_without_a_use_is_an_error(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolved(**changes)
