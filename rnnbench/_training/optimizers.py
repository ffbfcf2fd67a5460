"""The optimisers and the learning rate over the budget."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnnbench._config import Run


def learning_rate(run: Run, step: int, peak: float | None = None) -> float:
    """Return the rate of the optimiser step after ``step`` steps.

    The rate rises linearly to its peak in the warm-up: the n-th of its N steps has n/N of it. Then it is constant, or falls to 0
    over the rest of the budget.

    Args:
        run: the run.
        step: optimiser steps taken so far.
        peak: the rate at the start of the schedule; None: that of the run.
    """
    peak = run.lr if peak is None else peak
    if step < run.warmup:
        return peak * (step + 1) / run.warmup
    share = (step - run.warmup) / (run.max_steps - run.warmup)
    if run.schedule == "linear":
        return peak * (1 - share)
    if run.schedule == "cosine":
        return peak * (1 + math.cos(math.pi * share)) / 2
    return peak


def make_optimizer(run: Run, parameters: list[Tensor]) -> torch.optim.Optimizer:
    """Build Adam (Kingma & Ba 2015), RMSprop (decay 0.9, as in Arjovsky et al. 2016) or SGD, with momentum if the run has it.

    The weight decay of Adam is decoupled (AdamW, Loshchilov & Hutter 2019); that of the others is added to the gradient. It applies
    to every parameter, those of the readout included.

    Adam's second beta is 0.99 by default, not the usual 0.999. A longer memory of gradients outlasts the plateau at the start of
    training, and the first exploding gradient after it is then divided by nearly zero.
    """
    lr, decay = run.lr, run.weight_decay
    if run.optimizer == "adam":
        adam = torch.optim.AdamW if decay else torch.optim.Adam
        return adam(parameters, lr=lr, betas=(0.9, run.beta2), weight_decay=decay, fused=True)
    if run.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=lr, alpha=0.9, weight_decay=decay)
    return torch.optim.SGD(parameters, lr=lr, momentum=run.momentum, nesterov=run.nesterov, weight_decay=decay)
