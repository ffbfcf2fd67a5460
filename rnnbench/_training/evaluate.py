"""The accuracy and the loss of a network on fresh sequences."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Generator

from rnnbench._training.model import Model
from rnnbench.task import Task

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
    right, loss_sum, answers, left = 0, 0.0, 0, sequences
    model.eval()
    try:
        while left:
            batch = task.sample(gap, min(EVAL_CHUNK, left), generator)
            batch = batch if device.type == "cpu" else batch.to(device)
            outputs = model(batch)  # (N, output_size)
            right += int(task.correct(outputs, batch).sum())
            loss_sum += float(task.loss(outputs, batch)) * len(outputs)
            answers += len(outputs)
            left -= batch.inputs.shape[1]
    finally:
        model.train(training)
    return Measurement(right / answers, loss_sum / answers, answers)
