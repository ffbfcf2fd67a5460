"""The CPU engine: whole sequences forward and back in compiled code, behind four plain functions.

Every function takes ``inputs`` (T, B) int64 tokens, read as one-hot vectors, or (T, B, D) values; weights of one dtype, float32 or
float64; ``initial`` (1, H) or, for the LSTM, (2, H) with rows h and c; and returns the hidden states of the steps from ``first``
on, (T - first, B, H). All of it is differentiable once. The equations stand in ``rnnbench/cells/``.

numba compiles the loops at their first use and caches them. Where it is missing, :func:`available` says so and the cells use torch.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

import torch
from torch import Tensor

from rnnbench.cell import Cell


@cache
def available() -> bool:
    """Whether the compiled path can be used here: numba is there and can be imported. Never raises."""
    try:
        import_module("rnnbench.engine.blas")
    except Exception:  # a broken or missing numba, in whatever way: torch does the work
        return False
    return True


def _keep(*tensors: Tensor | None) -> bool:
    """Whether a backward pass may follow, so that the gates must be kept."""
    return torch.is_grad_enabled() and any(tensor is not None and tensor.requires_grad for tensor in tensors)


def rnn(inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor | None, initial: Tensor, first: int = 0) -> Tensor:
    """Vanilla RNN: weight_ih (H, D), weight_hh (H, H), bias (H)."""
    from rnnbench.engine.sequence import RNNFunction

    states: Tensor = RNNFunction.apply(inputs, weight_ih, weight_hh, bias, initial, first)
    return states


def lstm(inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor | None, initial: Tensor, first: int = 0) -> Tensor:
    """LSTM: weight_ih (4H, D), weight_hh (4H, H), bias (4H), rows in the order i, f, g, o."""
    from rnnbench.engine.sequence import LSTMFunction

    keep = _keep(inputs, weight_ih, weight_hh, bias, initial)
    states: Tensor = LSTMFunction.apply(inputs, weight_ih, weight_hh, bias, initial, first, keep)
    return states


def gru(inputs: Tensor, weight_ih: Tensor, weight_hh: Tensor, bias: Tensor | None, initial: Tensor, first: int = 0) -> Tensor:
    """GRU, reset before the product: weight_ih (3H, D), weight_hh (3H, H), bias (3H), rows in the order r, z, n."""
    from rnnbench.engine.sequence import GRUFunction

    keep = _keep(inputs, weight_ih, weight_hh, bias, initial)
    states: Tensor = GRUFunction.apply(inputs, weight_ih, weight_hh, bias, initial, first, keep)
    return states


def gru_torch(
    inputs: Tensor,
    weight_ih: Tensor,
    weight_hh: Tensor,
    bias_ih: Tensor | None,
    bias_hh: Tensor | None,
    initial: Tensor,
    first: int = 0,
) -> Tensor:
    """torch.nn.GRU's variant, reset after the product: as :func:`gru`, with two biases (3H)."""
    from rnnbench.engine.sequence import GRUTorchFunction

    keep = _keep(inputs, weight_ih, weight_hh, bias_ih, bias_hh, initial)
    states: Tensor = GRUTorchFunction.apply(inputs, weight_ih, weight_hh, bias_ih, bias_hh, initial, first, keep)
    return states


def _hand_written(cell: Cell, inputs: Tensor, first: int) -> Tensor:
    initial = torch.stack(cell.initial_state)  # (1, H) or (2, H)
    weights = {name: getattr(cell, name, None) for name in ("weight_ih", "weight_hh", "bias", "bias_ih", "bias_hh")}
    W, U = weights["weight_ih"], weights["weight_hh"]
    assert W is not None
    assert U is not None
    if cell.name == "lstm":
        return lstm(inputs, W, U, weights["bias"], initial, first)
    if cell.name == "gru":
        return gru(inputs, W, U, weights["bias"], initial, first)
    if cell.name == "gru-torch":
        return gru_torch(inputs, W, U, weights["bias_ih"], weights["bias_hh"], initial, first)
    bias = None if weights["bias_ih"] is None or weights["bias_hh"] is None else weights["bias_ih"] + weights["bias_hh"]  # (H)
    return rnn(inputs, W, U, bias, initial, first)


def refusal(cell: Cell) -> str | None:
    """Why this cell is not compiled, in words; None if it is."""
    if type(cell).states is not Cell.states:
        return "it has a way of its own through a whole sequence"
    if type(cell).__module__ not in {f"rnnbench.cells.{name}" for name in ("rnn", "lstm", "gru", "gru_torch")}:
        return "only the built-in cells are compiled"
    return None


def states(cell: Cell, inputs: Tensor, first: int = 0) -> Tensor:
    """(T - first, B, H) outputs of a cell that is not refused; ``inputs`` as in :meth:`Cell.states`."""
    return _hand_written(cell, inputs, first)
