"""Predictors that see a part of a sequence: what they reach says what that part gives away."""

from __future__ import annotations

import math

import torch
from torch import Generator, Tensor

from rnnbench.task import Batch, Chance, Task

FEATURES = 200
"""Random functions of the inputs that a linear rule is given besides the inputs themselves."""


def features(task: Task, inputs: Tensor) -> Tensor:
    """(n, F) what a predictor sees of (steps, n) tokens or (steps, n, D) values: numbers, and random functions of them."""
    if not inputs.is_floating_point():
        inputs = torch.nn.functional.one_hot(inputs, task.input_size)
    linear = inputs.float().transpose(0, 1).flatten(1)  # (n, steps * D)
    draw = torch.randn(linear.shape[1], FEATURES, generator=Generator().manual_seed(2))
    hidden = torch.relu((linear - linear.mean(dim=0)) @ draw)  # (n, FEATURES)
    return torch.cat((linear, hidden / hidden.std().clamp(min=1e-6), torch.ones(len(linear), 1)), dim=1)


def predicted(task: Task, seen: Tensor, batch: Batch) -> tuple[float, float]:
    """Accuracy of the best linear rule from ``seen`` (n, F) to the n answers, on their second half, and 4 sigma of it."""
    answers = batch.answers
    wanted = answers.unsqueeze(1) if answers.is_floating_point() else torch.nn.functional.one_hot(answers, task.output_size)
    half = len(answers) // 2
    known, wanted = seen[:half].double(), wanted[:half].double()
    ridge = 1e-3 * half * torch.eye(seen.shape[1], dtype=torch.float64)
    outputs = (seen.double() @ torch.linalg.solve(known.T @ known + ridge, known.T @ wanted)).float()  # (n, output_size)
    accuracy = float(task.correct(outputs, batch)[half:].double().mean())
    return accuracy, 4 * math.sqrt(max(accuracy * (1 - accuracy), 1e-4) / (len(answers) - half))


def mean_is_best(task: Task, batch: Batch) -> bool:
    """Whether no answer has a lower loss than the mean of what is due, or its logarithm: true of the two usual losses."""
    if type(task).loss is Task.loss:
        return True
    outputs = torch.randn(len(batch.answers), task.output_size, generator=Generator().manual_seed(0))
    return batch.answers.is_floating_point() and torch.allclose(
        task.loss(outputs, batch), torch.nn.functional.mse_loss(outputs.squeeze(1), batch.answers)
    )


def memoryless(task: Task, batch: Batch) -> tuple[Chance, float]:
    """What a table by the current input, filled by half of the answers, reaches on the other half; and sigma of its accuracy."""
    answers, keys = batch.answers, current(batch)  # (N,), (N,)
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
        table = torch.where(seen > 0, sums / seen.clamp(min=1), given.mean())[:, None]  # (keys, 1), of the lowest squared error
        hits = [table, *(torch.full_like(table, float(value)) for value in given.quantile(torch.linspace(0.02, 0.98, 49).double()))]
        counts = torch.stack(  # (candidates, keys): how often each is right
            [torch.bincount(known[task.correct(hit[known].float(), halves[0])], minlength=count) for hit in hits]
        )
        surest = torch.stack(hits)[counts.argmax(dim=0), torch.arange(count)]  # (keys, 1), the most often right
    else:
        table = torch.full((count, task.output_size), 1e-2, dtype=torch.float64)
        table.index_put_((known, answers[learn]), torch.ones((), dtype=torch.float64), accumulate=True)
        table = surest = (table / table.sum(dim=1, keepdim=True)).log()  # (keys, classes)
    test = keys[~learn]
    accuracy = task.accuracy(surest[test].float(), halves[1])
    sigma = math.sqrt(max(accuracy * (1 - accuracy), 1e-4) / len(test))
    return Chance(accuracy, float(task.loss(table[test].float(), halves[1]))), sigma


def current(batch: Batch) -> Tensor:
    """(N,) a number for what is seen at each scored position: the token, or the cell of a grid that the values lie in."""
    inputs = batch.inputs[batch.scored]  # (N) or (N, D)
    if not inputs.is_floating_point():
        return inputs
    kinds = [channel.unique() for channel in inputs.T]
    several = sum(len(kind) > 10 for kind in kinds)
    bins = max(2, int(100 ** (1 / max(1, several))))
    keys = torch.zeros(len(inputs), dtype=torch.int64)
    for channel, kind in zip(inputs.T, kinds, strict=True):
        edges = kind[1:] if len(kind) <= 10 else torch.quantile(channel[:100_000], torch.linspace(0, 1, bins + 1)[1:-1])
        keys = keys * (len(edges) + 1) + torch.bucketize(channel.contiguous(), edges, right=True)
    ranked: Tensor = torch.unique(keys, return_inverse=True)[1]
    return ranked
