"""Cells computed by their equivalents in ``torch.nn``: on CUDA one call of cuDNN per direction, instead of a Python loop."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Generator, Tensor
from torch.nn.utils import parametrize

from rnnbench._cell import Cell
from rnnbench._errors import one_line

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "LSTM": torch.lstm, "GRU": torch.gru, "RNN_TANH": torch.rnn_tanh, "RNN_RELU": torch.rnn_relu,
}  # fmt: skip
"""The functions that the modules of ``torch.nn`` call, by the ``mode`` of the module."""


def states(cell: Cell, inputs: Tensor, first: int = 0) -> Tensor:
    """Return the outputs (T - first, B, H) of a cell, computed by its equivalent from the cell's own parameters."""
    x, start = cell.vectors(inputs), [part.unsqueeze(0).contiguous() for part in cell.start(inputs.shape[1])]  # (1, B, H) each
    with warnings.catch_warnings(), parametrize.cached():
        warnings.filterwarnings("ignore", message="RNN module weights are not part of single contiguous chunk")  # a small copy
        weights = _weights(cell)
        outputs: Tensor = FUNCTIONS[str(cell.torch_nn)](
            x, start if len(start) > 1 else start[0], weights, len(weights) > 2, 1, 0.0,
            torch.is_grad_enabled(),  # cuDNN's backward pass needs what is kept in training, also in evaluation mode
            False, False,
        )[0]  # fmt: skip
    return outputs[first:]


def _weights(cell: Cell) -> list[Tensor]:
    """Return weight_ih, weight_hh and the two biases of torch; a cell with one bias leaves the second zero."""
    bias_ih, bias_hh = (getattr(cell, name, None) for name in ("bias_ih", "bias_hh"))
    bias_ih = getattr(cell, "bias", None) if bias_ih is None else bias_ih
    if bias_ih is None:
        return [cell.weight_ih, cell.weight_hh]
    return [cell.weight_ih, cell.weight_hh, bias_ih, torch.zeros_like(bias_ih) if bias_hh is None else bias_hh]


def disagreement(cell: Cell) -> str | None:
    """Return why a cell cannot be computed by ``torch.nn``; None if values and gradients equal those of ``step``.

    Both are compared in float64 over a few steps, from random parameters and a random initial state.
    """
    if cell.torch_nn is None:
        return f"{cell.name} has no equivalent in torch.nn"
    if cell.torch_nn not in FUNCTIONS:
        return f"torch_nn of {cell.name} is {cell.torch_nn!r}: name one of {', '.join(FUNCTIONS)}"
    generator = Generator().manual_seed(0)
    twin, inputs = copy.deepcopy(cell).double(), torch.randn(4, 2, cell.input_size, generator=generator, dtype=torch.float64)
    parts = [part for part in twin.initial_state if part.is_floating_point()]
    leaves = [inputs.requires_grad_(), *(part.requires_grad_() for part in (*twin.parameters(), *parts))]
    with torch.no_grad():
        for leaf in leaves:
            leaf.copy_(torch.randn(leaf.shape, generator=generator) / 2)
    found = []
    for compute in (Cell.states, states):
        with torch.random.fork_rng(devices=[]):
            try:
                outputs = compute(twin, inputs)
                grads = torch.autograd.grad(outputs.square().sum(), leaves, allow_unused=True)
            except Exception as error:  # shapes that torch.nn does not accept
                return f"torch.nn cannot run {cell.name}: {one_line(error)}"
        found.append(
            [outputs, *(torch.zeros_like(leaf) if grad is None else grad for leaf, grad in zip(leaves, grads, strict=True))]
        )
    if not all(torch.allclose(step, other, rtol=1e-9, atol=1e-9) for step, other in zip(*found, strict=True)):
        return f"{cell.name} names {cell.torch_nn} of torch.nn, which does not compute the same as step"
    return None
