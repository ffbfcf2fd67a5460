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
    if answers.dim() == 2:
        return _linear_accuracy_of_vectors(task, features, batch)
    targets = answers.unsqueeze(1) if answers.is_floating_point() else torch.nn.functional.one_hot(answers, task.output_size)
    half = len(answers) // 2
    x, y = features[:half].double(), targets[:half].double()
    ridge = 1e-3 * half * torch.eye(features.shape[1], dtype=torch.float64)
    outputs = (features.double() @ torch.linalg.solve(x.T @ x + ridge, x.T @ y)).float()  # (n, output_size)
    accuracy = float(task.correct(outputs, batch)[half:].double().mean())
    return accuracy, 4 * math.sqrt(max(accuracy * (1 - accuracy), 1e-4) / (len(answers) - half))


def _linear_accuracy_of_vectors(task: Task, features: Tensor, batch: Batch) -> tuple[float, float]:
    """Return what :func:`linear_accuracy` returns, from the linear rule with the lowest loss."""
    first = torch.arange(len(features)) < len(features) // 2
    learn, test = parts(batch, first)
    accuracy = task.accuracy(features[~first] @ lowest_loss(task, features[first], learn), test)
    return accuracy, 4 * math.sqrt(max(accuracy * (1 - accuracy), 1e-4) / int((~first).sum()))


def lowest_loss(task: Task, features: Tensor, batch: Batch) -> Tensor:
    """Return the weights (F, output_size) of the linear rule from features (N, F) with the lowest loss, and small weights."""
    weights = torch.zeros(features.shape[1], task.output_size, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=60, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = task.loss(features @ weights, batch) + 1e-4 * weights.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return loss

    with torch.enable_grad():
        optimizer.step(closure)  # type: ignore[no-untyped-call]
    return weights.detach()


def parts(batch: Batch, first: Tensor) -> tuple[Batch, Batch]:
    """Split a batch into two by answers: those where ``first`` (N,) is true, and the others."""
    positions = batch.scored.nonzero()
    found = []
    for part in (first, ~first):
        found.append(batch._replace(scored=torch.zeros_like(batch.scored)))
        found[-1].scored[tuple(positions[part].T)] = True
    return found[0], found[1]


def mean_is_optimal(task: Task, batch: Batch) -> bool:
    """Return True if the mean target (for classes, its logarithm) has the lowest loss, as for cross entropy and squared error."""
    if type(task).loss is Task.loss:
        return True
    outputs = torch.randn(len(batch.answers), task.output_size, generator=Generator().manual_seed(0))
    return (
        batch.answers.is_floating_point()
        and outputs.numel() == batch.answers.numel()
        and torch.allclose(task.loss(outputs, batch), torch.nn.functional.mse_loss(outputs.view_as(batch.answers), batch.answers))
    )


def memoryless_baseline(task: Task, batch: Batch) -> tuple[Chance, float]:
    """Fit a table from current input to answer on half of the answers; return its scores on the rest, and sigma of its accuracy."""
    answers, keys = batch.answers, input_keys(batch)  # (N,), (N,)
    learn = torch.arange(len(answers)) % 2 == 0
    halves = parts(batch, learn)
    known, given, count = keys[learn], answers[learn].double(), int(keys.max()) + 1
    seen = torch.bincount(known, minlength=count)  # (keys)
    if answers.dim() == 2:
        table = lowest_loss(task, torch.nn.functional.one_hot(known, count).float(), halves[0])  # (keys, output_size)
        most_accurate = _most_accurate(task, [table, *_frequent(answers[learn], task.output_size, count)], known, halves[0])
    elif answers.is_floating_point():
        sums = torch.zeros(count, dtype=torch.float64).index_add_(0, known, given)
        table = torch.where(seen > 0, sums / seen.clamp(min=1), given.mean())[:, None]  # (keys, 1), lowest squared error
        quantiles = given.quantile(torch.linspace(0.02, 0.98, 49).double())
        candidates = [table, *(torch.full_like(table, float(value)) for value in quantiles)]
        most_accurate = _most_accurate(task, candidates, known, halves[0])
    else:
        table = torch.full((count, task.output_size), 1e-2, dtype=torch.float64)
        table.index_put_((known, answers[learn]), torch.ones((), dtype=torch.float64), accumulate=True)
        table = most_accurate = (table / table.sum(dim=1, keepdim=True)).log()  # (keys, classes)
    test = keys[~learn]
    accuracy = task.accuracy(most_accurate[test].float(), halves[1])
    sigma = math.sqrt(max(accuracy * (1 - accuracy), 1e-4) / len(test))
    return Chance(accuracy, float(task.loss(table[test].float(), halves[1]))), sigma


def _most_accurate(task: Task, candidates: list[Tensor], known: Tensor, batch: Batch) -> Tensor:
    """Return for each key the row of the table (keys, output_size), among several, that is right most often."""
    count = len(candidates[0])
    correct_counts = torch.stack(  # (candidates, keys)
        [torch.bincount(known[task.correct(table[known].float(), batch)], minlength=count) for table in candidates]
    )
    return torch.stack(candidates)[correct_counts.argmax(dim=0), torch.arange(count)]


def _frequent(vectors: Tensor, output_size: int, count: int) -> list[Tensor]:
    """Return tables (count, output_size) that hold one frequent answer each; none if answers and outputs differ in size."""
    if vectors.shape[1] != output_size:
        return []
    distinct, counts = torch.unique(vectors.float(), dim=0, return_counts=True)
    return [vector.expand(count, -1) for vector in distinct[counts.topk(min(len(distinct), 20)).indices]]


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
