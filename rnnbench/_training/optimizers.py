"""The optimisers and the learning rate over the budget."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from rnnbench._config import Run
from rnnbench._errors import UserError


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


def make_optimizer(run: Run, parameters: Iterable[tuple[str, nn.Parameter]]) -> torch.optim.Optimizer:
    """Build Adam (Kingma & Ba 2015), RMSprop (decay 0.9, as in Arjovsky et al. 2016) or SGD, with momentum if the run has it.

    The weight decay of Adam is decoupled (AdamW, Loshchilov & Hutter 2019); that of the others is added to the gradient. It applies
    to every parameter, those of the readout included, that is not marked otherwise: see :func:`parameter_groups`.

    Adam's second beta is 0.999 by default. Without a limit on dL/dh (``recurrent_clip``) 0.99 is safer: a longer memory of
    gradients outlasts the plateau at the start of training, and the first exploding gradient after it is divided by nearly zero.
    """
    groups, lr = parameter_groups(run, parameters), run.lr
    if run.optimizer == "adam":
        adam = torch.optim.AdamW if any(group["weight_decay"] for group in groups) else torch.optim.Adam
        fused = not any(parameter.is_complex() for group in groups for parameter in group["params"])  # torch fuses no complex ones
        return adam(groups, lr=lr, betas=(0.9, run.beta2), fused=fused)
    if run.optimizer == "rmsprop":
        return torch.optim.RMSprop(groups, lr=lr, alpha=0.9)
    return torch.optim.SGD(groups, lr=lr, momentum=run.momentum, nesterov=run.nesterov)


def parameter_groups(run: Run, parameters: Iterable[tuple[str, nn.Parameter]]) -> list[dict[str, Any]]:
    """Return the parameters of named parameters in groups of one peak rate and one weight decay, as torch.optim takes them.

    A parameter may be marked with its own values, as in the code of S4 and Mamba: ``parameter._optim = {"lr": 0.001,
    "weight_decay": 0.0}``, with one or both of them, and ``parameter._no_weight_decay = True``. The others have those of the run.

    Raises:
        UserError: a mark is not valid.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in parameters:
        marks = optimizer_marks(name, parameter)
        key = (marks.get("lr", run.lr), marks.get("weight_decay", run.weight_decay))
        groups.setdefault(key, []).append(parameter)
    return [{"params": members, "lr": lr, "weight_decay": decay} for (lr, decay), members in groups.items()]


def optimizer_marks(name: str, parameter: nn.Parameter) -> dict[str, float]:
    """Return the rate and the weight decay that a parameter is marked with; raise UserError for a mark that is not valid."""
    marks = getattr(parameter, "_optim", None) or {}
    if not isinstance(marks, dict) or not {"lr", "weight_decay"}.issuperset(marks):
        raise UserError(f"{name}._optim is {marks!r}: use a dict with lr, weight_decay or both")
    for key, value in marks.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise UserError(f"{name}._optim sets {key} to {value!r}: use a number of at least 0")
    no_decay = {"weight_decay": 0.0} if getattr(parameter, "_no_weight_decay", False) else {}
    return marks | no_decay
