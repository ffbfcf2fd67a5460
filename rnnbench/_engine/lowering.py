"""Torch functions expressed in the operators of :mod:`rnnbench._engine.graph`.

``COMPOSED`` works block by block on nodes. ``WHOLE`` needs whole symbols: sums and norms over the units, and torch's cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, reduce
from typing import Any

import torch

from rnnbench._engine.graph import COMPARISONS, Node, comparison, select
from rnnbench._engine.refusal import refuse
from rnnbench._engine.symbolic import Column, Symbol, Tracer

COMPARED = (*COMPARISONS, "and", "or")
ALIASES = {
    "subtract": "sub", "multiply": "mul", "truediv": "div", "divide": "div", "true_divide": "div", "negative": "neg",
    "absolute": "abs", "maximum": "max", "minimum": "min", "clip": "clamp", "mm": "matmul", "concat": "cat",
    "concatenate": "cat", "log_sigmoid": "logsigmoid", "logical_and": "and", "logical_or": "or", "bitwise_and": "and",
    "bitwise_or": "or", "greater": "gt", "less": "lt", "logical_xor": "xor", "bitwise_xor": "xor", "rand": "and",
    "ror": "or", "rxor": "xor", "logical_not": "invert", "bitwise_not": "invert", "greater_equal": "ge", "less_equal": "le",
    "not_equal": "ne",
}  # fmt: skip


def _power(a: Node, exponent: Node) -> Node:
    match a.number, exponent.number:
        case None, 0.5:
            return a.graph.apply("sqrt", a)
        case None, float(n) if n.is_integer() and 1 <= abs(n) <= 8:
            product = reduce(Node.__mul__, [a] * int(abs(n)))
            return product if n > 0 else a.graph.apply("div", 1, product)
        case float(base), None if base > 0:
            return a.graph.apply("exp", exponent * math.log(base))
    return refuse("pow with this exponent is not compiled: whole numbers up to 8 and .5 are")


def _clamp_node(a: Node, low: Node | None = None, high: Node | None = None, **names: Node | None) -> Node:
    """Clamp with slope 1 at the bounds themselves and 0 at NaN, as in torch."""
    low, high = names.get("min", low), names.get("max", high)
    y, within = a.graph.apply("detach", a), []
    if low is not None:
        y = select(comparison("lt", y, low), low, y)
        within.append(comparison("ge", a, low))
    if high is not None:
        y = select(comparison("gt", y, high), high, y)
        within.append(comparison("le", a, high))
    return select(reduce(partial(a.graph.apply, "and"), within), a, y)


def _hardtanh(a: Node, min_val: float = -1.0, max_val: float = 1.0) -> Node:
    """Clamp with slope 0 at the bounds themselves, as in torch."""
    number = a.graph.number
    return select(comparison("ge", a, max_val), number(max_val), select(comparison("le", a, min_val), number(min_val), a))


def _gelu(a: Node, approximate: str = "none") -> Node:
    if approximate != "tanh":
        refuse("gelu is compiled only with approximate='tanh'")
    inside = (a + a * a * a * 0.044715) * (2 * math.sqrt(2 / math.pi))
    return a * a.graph.apply("sigmoid", inside)  # (1 + tanh(y)) / 2 = sigmoid(2y), whose slope vanishes at both ends in float32


def _mish(a: Node) -> Node:
    """Return a tanh(softplus(a)); beyond 20, where the slope of float32's tanh is 1e-7 and not 0, a itself."""
    beyond = comparison("gt", a, 20)
    low = select(beyond, 0, a)
    return select(beyond, a, low * a.graph.apply("tanh", a.graph.apply("softplus", low)))


def _softplus(a: Node, beta: float = 1.0, threshold: float = 20.0) -> Node:
    scaled = a.graph.apply("mul", a, beta)
    return select(comparison("gt", scaled, threshold), a, a.graph.apply("softplus", scaled) * (1 / beta))


def _elu(a: Node, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Node:
    """Take exp of negative numbers only: an infinite slope times 0 would be NaN."""
    below = comparison("le", a, 0)
    low = select(below, a, 0)
    return select(below, (a.graph.apply("exp", low * input_scale) - 1) * (alpha * scale), a * scale)


# functions whose numeric arguments stay Python numbers
SETTINGS = ("softplus", "elu", "celu", "leaky_relu", "addcmul", "addcdiv", "hardtanh", "gelu")
LOGICAL = ("and", "or", "xor", "invert")  # functions of truth values, in which any number but 0 is true
TRUTHS = ("where", "masked_fill", *LOGICAL)  # functions that take the result of a comparison
COMPOSED: dict[str, Callable[..., Node]] = {
    "add": lambda a, b, alpha=1: a.graph.apply("add", a, b * alpha),
    "sub": lambda a, b, alpha=1: a.graph.apply("sub", a, b * alpha),
    "rsub": lambda a, b: b - a,
    "pow": _power,
    "square": lambda a: a * a,
    "reciprocal": lambda a: a.graph.apply("div", 1, a),
    "rsqrt": lambda a: a.graph.apply("div", 1, a.graph.apply("sqrt", a)),
    "clamp": _clamp_node,
    "clamp_min": lambda a, low: _clamp_node(a, low),
    "clamp_max": lambda a, high: _clamp_node(a, None, high),
    "hardtanh": _hardtanh,
    "relu6": lambda a: _hardtanh(a, 0.0, 6.0),
    "softsign": lambda a: a.graph.apply("div", a, a.graph.apply("abs", a) + 1),
    "gelu": _gelu,
    "mish": _mish,
    "softplus": _softplus,
    "logsigmoid": lambda a: -a.graph.apply("softplus", -a),
    "silu": lambda a: a * a.graph.apply("sigmoid", a),
    "elu": _elu,
    "celu": lambda a, alpha=1.0: _elu(a, alpha, 1.0, 1 / alpha),
    "selu": lambda a: _elu(a, 1.6732632423543772, 1.0507009873554805),
    "leaky_relu": lambda a, negative_slope=0.01: select(comparison("gt", a, 0), a, a * negative_slope),
    "sign": lambda a: select(comparison("gt", a, 0), a.graph.number(1), select(comparison("lt", a, 0), a.graph.number(-1), 0)),
    "lerp": lambda a, b, weight: a + weight * (b - a),
    "addcmul": lambda a, b, c, value=1: a + b * c * value,
    "addcdiv": lambda a, b, c, value=1: a + b / c * value,
    "masked_fill": lambda a, mask, value: select(mask, value, a),
    "invert": lambda a: comparison("eq", a, 0),
    "xor": lambda a, b: comparison("ne", a, b),
}


def total(trace: Tracer, x: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    """Return the sum over the units, one column."""
    if dim not in (1, -1, (1,), (-1,), [1], [-1]) or not keepdim:
        refuse("a sum or a mean is compiled only over the units, with dim=1 and keepdim=True")
    if any(isinstance(piece, Column) for piece in x.pieces):
        refuse("a sum of sums over the units is not compiled")
    blocks = trace.blocks(x, x.shape[1] // trace.H)
    return Symbol(trace, [Column(trace.graph.apply("total", reduce(Node.__add__, blocks)))])


def mean(trace: Tracer, x: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    return total(trace, x, dim, keepdim) / x.shape[1]


def scaled_by_rms(trace: Tracer, x: Any, shape: Any, eps: float) -> Any:
    """Return x divided by its root mean square over the units."""
    if tuple(shape) != (x.shape[1],):
        refuse("a norm over anything but the units is not compiled")
    return x / (mean(trace, x * x, 1, True) + eps).sqrt()


def layer_norm(trace: Tracer, x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    y = scaled_by_rms(trace, x - mean(trace, x, 1, True), shape, eps)
    if weight is not None:
        y = y * weight
    return y + bias if bias is not None else y


def rms_norm(trace: Tracer, x: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    y = scaled_by_rms(trace, x, shape, torch.finfo(trace.dtype).eps if eps is None else eps)
    return y * weight if weight is not None else y


def linear_sum(trace: Tracer, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    return trace.pointwise("add", (trace.linear(x, w_ih, b_ih), trace.linear(h, w_hh, b_hh)), {})


def lstm_cell(trace: Tracer, x: Any, state: Any, *weights: Any) -> Any:
    h, c = state
    i, f, g, o = linear_sum(trace, x, h, *weights).chunk(4, 1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_cell(trace: Tracer, x: Any, h: Any, w_ih: Any, w_hh: Any, b_ih: Any = None, b_hh: Any = None) -> Any:
    """Compute torch's GRU: its reset gate multiplies after the matrix product."""
    r, z, n = trace.linear(x, w_ih, b_ih).chunk(3, 1)
    r_h, z_h, n_h = trace.linear(h, w_hh, b_hh).chunk(3, 1)
    n = (n + (r + r_h).sigmoid() * n_h).tanh()
    return n + (z + z_h).sigmoid() * (h - n)


WHOLE: dict[str, Callable[..., Any]] = {
    "sum": total, "mean": mean, "layer_norm": layer_norm, "rms_norm": rms_norm,
    "rnn_tanh_cell": lambda *given: linear_sum(*given).tanh(), "rnn_relu_cell": lambda *given: linear_sum(*given).relu(),
    "lstm_cell": lstm_cell, "gru_cell": gru_cell,
}  # fmt: skip
