"""Predictors that see only a part of a sequence; their accuracy measures how much that part gives away."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from rnnbench.task import Batch, Chance, Task

FEATURES = 200
"""Number of random functions of the inputs, in addition to the inputs themselves."""


def random_features(task: Task, inputs: Tensor) -> Tensor:
    """Return features (n, F) of (steps, n) tokens or (steps, n, D) values: the inputs, random functions of them, and a constant."""
    if not inputs.is_floating_point():
        inputs = torch.nn.functional.one_hot(inputs, task.input_size)
    linear = inputs.float().transpose(0, 1).flatten(1)  # (n, steps * D)
    draw = torch.randn(linear.shape[1], FEATURES, generator=Generator().manual_seed(2))
    hidden = torch.relu((linear - linear.mean(dim=0)) @ draw)  # (n, FEATURES)
    return torch.cat((linear, hidden / hidden.std().clamp(min=1e-6), torch.ones(len(linear), 1)), dim=1)


def linear_accuracy(task: Task, features: Tensor, batch: Batch) -> tuple[float, float]:
    """Fit a linear rule from features (n, F) to the first half of the n answers; return its accuracy on the rest, and 4 sigma."""
    answers = batch.answers
    targets = answers.unsqueeze(1) if answers.is_floating_point() else torch.nn.functional.one_hot(answers, task.output_size)
    half = len(answers) // 2
    x, y = features[:half].double(), targets[:half].double()
    ridge = 1e-3 * half * torch.eye(features.shape[1], dtype=torch.float64)
    outputs = (features.double() @ torch.linalg.solve(x.T @ x + ridge, x.T @ y)).float()  # (n, output_size)
    accuracy = float(task.correct(outputs, batch)[half:].double().mean())
    return accuracy, 4 * math.sqrt(max(accuracy * (1 - accuracy), 1e-4) / (len(answers) - half))


def mean_is_optimal(task: Task, batch: Batch) -> bool:
    """Return True if the mean target (for classes, its logarithm) has the lowest loss, as for cross entropy and squared error."""
    if type(task).loss is Task.loss:
        return True
    outputs = torch.randn(len(batch.answers), task.output_size, generator=Generator().manual_seed(0))
    return batch.answers.is_floating_point() and torch.allclose(
        task.loss(outputs, batch), torch.nn.functional.mse_loss(outputs.squeeze(1), batch.answers)
    )


def memoryless_baseline(task: Task, batch: Batch) -> tuple[Chance, float]:
    """Fit a table from current input to answer on half of the answers; return its scores on the rest, and sigma of its accuracy."""
    answers, keys = batch.answers, input_keys(batch)  # (N,), (N,)
    learn = torch.arange(len(answers)) % 2 == 0
    positions = batch.scored.nonzero()
    halves = []
    for half in (learn, ~learn):
        halves.append(batch._replace(scored=torch.zeros_like(batch.scored)))
        halves[-1].scored[tuple(positions[half].T)] = True
    known, given, count = keys[learn], answers[learn].double(), int(keys.max()) + 1
    seen = torch.bincount(known, minlength=count)  # (keys)
    if answers.is_floating_point():
        sums = torch.zeros(count, dtype=torch.float64).index_add_(0, known, given)
        table = torch.where(seen > 0, sums / seen.clamp(min=1), given.mean())[:, None]  # (keys, 1), lowest squared error
        quantiles = given.quantile(torch.linspace(0.02, 0.98, 49).double())
        candidates = [table, *(torch.full_like(table, float(value)) for value in quantiles)]
        correct_counts = torch.stack(  # (candidates, keys)
            [torch.bincount(known[task.correct(table_[known].float(), halves[0])], minlength=count) for table_ in candidates]
        )
        most_accurate = torch.stack(candidates)[correct_counts.argmax(dim=0), torch.arange(count)]  # (keys, 1)
    else:
        table = torch.full((count, task.output_size), 1e-2, dtype=torch.float64)
        table.index_put_((known, answers[learn]), torch.ones((), dtype=torch.float64), accumulate=True)
        table = most_accurate = (table / table.sum(dim=1, keepdim=True)).log()  # (keys, classes)
    test = keys[~learn]
    accuracy = task.accuracy(most_accurate[test].float(), halves[1])
    sigma = math.sqrt(max(accuracy * (1 - accuracy), 1e-4) / len(test))
    return Chance(accuracy, float(task.loss(table[test].float(), halves[1]))), sigma


def input_keys(batch: Batch) -> Tensor:
    """Return the input at each scored position as one integer (N,): the token, or the bin of a grid over the values."""
    inputs = batch.inputs[batch.scored]  # (N) or (N, D)
    if not inputs.is_floating_point():
        return inputs
    distinct = [channel.unique() for channel in inputs.T]
    continuous = sum(len(values) > 10 for values in distinct)
    bins = max(2, int(100 ** (1 / max(1, continuous))))
    keys = torch.zeros(len(inputs), dtype=torch.int64)
    for channel, values in zip(inputs.T, distinct, strict=True):
        edges = values[1:] if len(values) <= 10 else torch.quantile(channel[:100_000], torch.linspace(0, 1, bins + 1)[1:-1])
        keys = keys * (len(edges) + 1) + torch.bucketize(channel.contiguous(), edges, right=True)
    ranks: Tensor = torch.unique(keys, return_inverse=True)[1]
    return ranks
