"""Functions of torch that take whole stand-ins apart: sums and norms over the units, and torch's own cells."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

import torch

from rnnbench._engine.graph import Node
from rnnbench._engine.refusal import refuse
from rnnbench._engine.symbolic import Column, Symbol

if TYPE_CHECKING:
    from rnnbench._engine.trace import Trace


def total(trace: Trace, x: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    """Over the units: one column."""
    if dim not in (1, -1, (1,), (-1,), [1], [-1]) or not keepdim:
        refuse("a sum or a mean is compiled over the units alone, with dim=1 and keepdim=True")
    if any(isinstance(piece, Column) for piece in x.pieces):
        refuse("a sum of sums over the units is not compiled")
    blocks = trace.blocks(x, x.shape[1] // trace.H)
    return Symbol(trace, [Column(trace.graph.apply("total", reduce(Node.__add__, blocks)))])


def mean(trace: Trace, x: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    return total(trace, x, dim, keepdim) / x.shape[1]


def normed(trace: Trace, x: Any, shape: Any, eps: float) -> Any:
    """Divided by the root of the mean square."""
    if tuple(shape) != (x.shape[1],):
        refuse("a norm over anything but the units is not compiled")
    return x / (mean(trace, x * x, 1, True) + eps).sqrt()


def layer_norm(trace: Trace, x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    y = normed(trace, x - mean(trace, x, 1, True), shape, eps)
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def rms_norm(trace: Trace, x: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    y = normed(trace, x, shape, torch.finfo(trace.dtype).eps if eps is None else eps)
    return y if weight is None else y * weight


def products(trace: Trace, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    return trace.pointwise("add", (trace.linear(x, w_ih, b_ih), trace.linear(h, w_hh, b_hh)), {})


def rnn_tanh_cell(trace: Trace, x: Any, h: Any, *weights: Any) -> Any:
    return products(trace, x, h, *weights).tanh()


def rnn_relu_cell(trace: Trace, x: Any, h: Any, *weights: Any) -> Any:
    return products(trace, x, h, *weights).relu()


def lstm_cell(trace: Trace, x: Any, state: Any, *weights: Any) -> Any:
    h, c = state
    i, f, g, o = products(trace, x, h, *weights).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_cell(trace: Trace, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """The reset gate multiplies after the product."""
    r, z, n = trace.linear(x, w_ih, b_ih).chunk(3, 1)
    r_h, z_h, n_h = trace.linear(h, w_hh, b_hh).chunk(3, 1)
    n = (n + (r + r_h).sigmoid() * n_h).tanh()
    return n + (z + z_h).sigmoid() * (h - n)


WHOLE: dict[str, Callable[..., Any]] = {
    "sum": total, "mean": mean, "layer_norm": layer_norm, "rms_norm": rms_norm,
    "rnn_tanh_cell": rnn_tanh_cell, "rnn_relu_cell": rnn_relu_cell, "lstm_cell": lstm_cell, "gru_cell": gru_cell,
}  # fmt: skip
