"""The optimisers and the learning rate over the budget."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnnbench._config import Run


def learning_rate(run: Run, step: int) -> float:
    """Return the rate of the optimiser step after ``step`` steps: constant, or falling to 0 over the budget."""
    share = step / run.max_steps
    if run.schedule == "linear":
        return run.lr * (1 - share)
    if run.schedule == "cosine":
        return run.lr * (1 + math.cos(math.pi * share)) / 2
    return run.lr


def make_optimizer(run: Run, parameters: list[Tensor]) -> torch.optim.Optimizer:
    """Build Adam (Kingma & Ba 2015), RMSprop (decay 0.9, as in Arjovsky et al. 2016) or plain SGD.

    Adam's second beta is 0.99 by default, not the usual 0.999. A longer memory of gradients outlasts the plateau at the start of
    training, and the first exploding gradient after it is then divided by nearly zero.
    """
    if run.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=run.lr, betas=(0.9, run.beta2), fused=True)
    if run.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=run.lr, alpha=0.9)
    return torch.optim.SGD(parameters, lr=run.lr)
