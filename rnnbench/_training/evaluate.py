"""The accuracy and the loss of a network on fresh sequences."""

from __future__ import annotations

import torch
from torch import Generator

from rnnbench._training.model import Model
from rnnbench.task import Task

EVAL_CHUNK = 128  # sequences evaluated at once: wide enough for the matrix product, small enough for the cache


@torch.no_grad()
def evaluate(model: Model, task: Task, gap: int, sequences: int, generator: Generator) -> tuple[float, float]:
    """Return the accuracy and the mean loss of a network on fresh sequences, in evaluation mode; its mode is restored."""
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
    return right / answers, loss_sum / answers
