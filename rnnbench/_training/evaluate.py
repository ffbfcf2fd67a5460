"""The accuracy and the loss of a network on fresh sequences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Generator

from rnnbench._training.model import Model
from rnnbench.task import Batch, Task

EVAL_CHUNK = 128  # sequences evaluated at once: wide enough for the matrix product, small enough for the cache


class Measurement(NamedTuple):
    """The result of an evaluation.

    Attributes:
        accuracy: share of the scored answers that are right.
        loss: mean loss per scored answer.
        answers: number of scored answers.
    """

    accuracy: float
    loss: float
    answers: int


@torch.no_grad()
def evaluate(model: Model, task: Task, gap: int, sequences: int, generator: Generator) -> Measurement:
    """Measure a network on fresh sequences, in evaluation mode; its mode is restored."""
    device, training = model.readout.weight.device, model.training
    right, loss_sum, answers = 0, 0.0, 0
    model.eval()
    try:
        for drawn in held_out(task, gap, sequences, generator):
            batch = drawn if device.type == "cpu" else drawn.to(device)
            outputs = model(batch)  # (N, output_size)
            right += int(task.correct(outputs, batch).sum())
            loss_sum += float(task.loss(outputs, batch)) * len(outputs)
            answers += len(outputs)
    finally:
        model.train(training)
    return Measurement(right / answers, loss_sum / answers, answers)


def held_out(task: Task, gap: int, sequences: int, generator: Generator) -> Iterator[Batch]:
    """Yield fresh held-out sequences in batches; those of a data set come from one draw, which can use all equally often."""
    pool = task.draw(gap, sequences, generator, "eval") if task._takes_split else None
    for start in range(0, sequences, EVAL_CHUNK):
        stop = min(start + EVAL_CHUNK, sequences)
        yield task.draw(gap, stop - start, generator) if pool is None else pool.part(torch.arange(start, stop))
