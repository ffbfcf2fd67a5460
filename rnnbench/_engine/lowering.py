"""Torch functions expressed in the operators of :mod:`rnnbench._engine.graph`.

``COMPOSED`` works block by block on nodes. ``WHOLE`` needs whole symbols: reductions over units or heads, and torch's cells.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, reduce
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench._engine.graph import TRUTH, Columns, Node, comparison, route, select
from rnnbench._engine.refusal import refuse
from rnnbench._engine.symbolic import Symbol, Tracer

ALIASES = {
    "subtract": "sub", "multiply": "mul", "truediv": "div", "divide": "div", "true_divide": "div", "negative": "neg",
    "absolute": "abs", "maximum": "max", "minimum": "min", "clip": "clamp", "mm": "matmul", "concat": "cat",
    "concatenate": "cat", "log_sigmoid": "logsigmoid", "logical_and": "and", "logical_or": "or", "bitwise_and": "and",
    "bitwise_or": "or", "greater": "gt", "less": "lt", "logical_xor": "xor", "bitwise_xor": "xor", "rand": "and",
    "ror": "or", "rxor": "xor", "logical_not": "invert", "bitwise_not": "invert", "greater_equal": "ge", "less_equal": "le",
    "not_equal": "ne", "mod": "remainder", "special_erf": "erf", "special_expit": "sigmoid", "swish": "silu",
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
        return a * 0.5 * (a.graph.apply("erf", a * math.sqrt(0.5)) + 1)
    inside = (a + a * a * a * 0.044715) * (2 * math.sqrt(2 / math.pi))
    return a * a.graph.apply("sigmoid", inside)  # (1 + tanh(y)) / 2 = sigmoid(2y), whose slope vanishes at both ends in float32


def _mish(a: Node) -> Node:
    """Return a tanh(softplus(a)); beyond 20, where the slope of float32's tanh is 1e-7 and not 0, a itself."""
    beyond = comparison("gt", a, 20)
    low = select(beyond, 0, a)
    return select(beyond, a, low * a.graph.apply("tanh", a.graph.apply("softplus", low)))


SIXTH = 0.16666667163372039794921875
"""The slope of torch's hardsigmoid, in float64 too: 1/6 in float32."""


def _hardsigmoid(a: Node) -> Node:
    """Return (a + 3) / 6 between 0 and 1, with slope 0 at the bounds and at NaN, as in torch."""
    within = a.graph.apply("and", comparison("gt", a, -3), comparison("lt", a, 3))
    beyond = select(comparison("le", a, -3), 0, select(comparison("ge", a, 3), 1, a.graph.apply("detach", a)))
    sloped = a * SIXTH
    return select(within, sloped + a.graph.apply("detach", (a + 3) / 6 - sloped), beyond)


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
    "hardsigmoid": _hardsigmoid,
    "prelu": lambda a, weight: select(comparison("gt", a, 0), a, a * weight),
    "log1p": lambda a: a.graph.apply("log", a + 1),
    "exp2": lambda a: a.graph.apply("exp", a * math.log(2)),
    "tanhshrink": lambda a: a - a.graph.apply("tanh", a),
    "xor": lambda a, b: comparison("ne", a, b),
}


class Groups(NamedTuple):
    """The groups of columns that a reduction combines.

    Attributes:
        block: all columns of the reduced symbol.
        members: the columns of each group.
        spread: for each column, its group.
        like: a tensor of the result's shape.
        axis: the dimension of the batch in the result.
    """

    block: Node
    members: Columns
    spread: Columns
    like: Tensor
    axis: int


def groups(trace: Tracer, what: str, x: Symbol, dim: Any, keepdim: bool = False) -> Groups:
    """Return the groups of columns along one or several dimensions."""
    dims = sorted({d % x.ndim for d in ((dim,) if isinstance(dim, int) else range(x.ndim) if dim is None else dim)})
    if x.axis in dims:
        refuse(f"{what} over the sequences of the batch is not compiled: name the dimension of the units")
    kept = [d for d in range(x.ndim) if d not in dims]
    count = math.prod(x.dims[d] for d in dims)
    order = torch.arange(x.refs.numel()).view(x.dims).permute(*kept, *dims).reshape(-1, count)
    spread = [0] * x.refs.numel()
    for group, members in enumerate(order.tolist()):
        for column in members:
            spread[column] = group
    block = trace.table.full(trace.table.located(x.refs))
    shape = [1 if d in dims else size for d, size in enumerate(x.dims) if keepdim or d not in dims]
    axis = x.axis - (0 if keepdim else sum(d < x.axis for d in dims))
    members = tuple(tuple(row) for row in order.tolist())
    return Groups(
        select(block, 1, 0) if block.op in TRUTH else block, members, tuple((g,) for g in spread), torch.empty(shape), axis
    )


def total(trace: Tracer, x: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    """Return the sum over some dimensions, but for that of the batch."""
    by = groups(trace, "a sum or a mean", x, dim, keepdim)
    if len(by.members) > 1:
        return trace.symbol([route(by.block, by.members)], by.like, by.axis)
    refs, table = trace.table.located(x.refs), trace.table
    ends = table.pieces(refs)
    blocks: dict[int, list[Node]] = {}
    for start, stop in pairwise(ends):
        node = table.full(refs[start:stop])
        blocks.setdefault(node.width, []).append(select(node, 1, 0) if node.op in TRUTH else node)
    totals = [reduce(Node.__add__, same) for same in blocks.values()]
    totals = [route(block, (tuple(range(block.width)),)) for block in totals]
    return trace.symbol([reduce(Node.__add__, totals)], by.like, by.axis)


def mean(trace: Tracer, x: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    y = total(trace, x, dim, keepdim)
    return y / (x.refs.numel() // y.refs.numel())


class Extremum(NamedTuple):
    """The result of ``max`` over a dimension; its indices are not compiled."""

    values: Any
    indices: None = None


def _largest(by: Groups) -> Node:
    """Return the first largest column of every group, which gets the gradient, as in torch."""
    first = by.block.graph.make("first", by.block, key=by.members, width=by.block.width)
    return route(select(comparison("ne", first, 0), by.block, 0), by.members)


def largest(trace: Tracer, x: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    if not isinstance(dim, int):
        return trace.pointwise("max", (x, dim), {}) if dim is not None else refuse("max of the whole batch is not compiled")
    by = groups(trace, "max", x, dim, keepdim)
    return Extremum(trace.symbol([_largest(by)], by.like, by.axis))


def smallest(trace: Tracer, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    if not isinstance(dim, int):
        return trace.pointwise("min", (x, dim), {}) if dim is not None else refuse("min of the whole batch is not compiled")
    return Extremum(-largest(trace, -x, dim, keepdim).values)


def amax(trace: Tracer, x: Symbol, dim: Any = (), keepdim: bool = False) -> Any:
    """Return the maximum, whose gradient is divided among equal columns, as in torch."""
    by = groups(trace, "amax", x, dim or None, keepdim)
    is_largest = comparison("eq", by.block, _spread(by.block.graph.apply("detach", _largest(by)), by))
    count = route(select(is_largest, 1, 0), by.members)
    return trace.symbol([route(select(is_largest, by.block / _spread(count, by), 0), by.members)], by.like, by.axis)


def amin(trace: Tracer, x: Any, dim: Any = (), keepdim: bool = False) -> Any:
    return -amax(trace, -x, dim, keepdim)


def _spread(node: Node, by: Groups) -> Node:
    return node if node.width == 1 else route(node, by.spread)


def softmax(trace: Tracer, x: Symbol, dim: Any = None, *_: Any, **__: Any) -> Any:
    by = groups(trace, "softmax", x, dim)
    powers = by.block.graph.apply("exp", by.block - _spread(by.block.graph.apply("detach", _largest(by)), by))
    return trace.symbol([powers / _spread(route(powers, by.members), by)], x.refs, x.axis)


def log_softmax(trace: Tracer, x: Symbol, dim: Any = None, *_: Any, **__: Any) -> Any:
    by = groups(trace, "log_softmax", x, dim)
    centred = by.block - _spread(by.block.graph.apply("detach", _largest(by)), by)
    sums = route(by.block.graph.apply("exp", centred), by.members)
    return trace.symbol([centred - _spread(by.block.graph.apply("log", sums), by)], x.refs, x.axis)


def logsumexp(trace: Tracer, x: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    by = groups(trace, "logsumexp", x, dim, keepdim)
    high = by.block.graph.apply("detach", _largest(by))
    sums = route(by.block.graph.apply("exp", by.block - _spread(high, by)), by.members)
    return trace.symbol([by.block.graph.apply("log", sums) + high], by.like, by.axis)


def cumsum(trace: Tracer, x: Symbol, dim: Any = None) -> Any:
    by = groups(trace, "cumsum", x, dim)
    before: list[tuple[int, ...]] = [()] * x.refs.numel()
    for members in by.members:
        for k, column in enumerate(members):
            before[column] = members[: k + 1]
    return trace.symbol([route(by.block, tuple(before))], x.refs, x.axis)


def norm(trace: Tracer, x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, **other: Any) -> Any:
    """Return the norm, with gradient 0 where it is 0, as in torch."""
    p = other.get("ord", p)
    if p == 1:
        return total(trace, x.abs(), dim, keepdim)
    if p not in (2, "fro", None):
        refuse("a norm other than the Euclidean one and p=1 is not compiled")
    square = total(trace, x * x, dim, keepdim)
    zero = square == 0
    return trace.pointwise("where", (zero, 0.0, trace.pointwise("where", (zero, 1.0, square), {}).sqrt()), {})


def normalize(trace: Tracer, x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    return x / norm(trace, x, p, dim, True).clamp_min(eps)


def scaled_by_rms(trace: Tracer, x: Any, dims: tuple[int, ...], eps: float) -> Any:
    """Return x divided by its root mean square over some dimensions."""
    return x / (mean(trace, x * x, dims, True) + eps).sqrt()


def layer_norm(trace: Tracer, x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    dims = tuple(range(-len(shape), 0))
    y = scaled_by_rms(trace, x - mean(trace, x, dims, True), dims, eps)
    if weight is not None:
        y = y * weight
    return y + bias if bias is not None else y


def rms_norm(trace: Tracer, x: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    y = scaled_by_rms(trace, x, tuple(range(-len(shape), 0)), torch.finfo(trace.dtype).eps if eps is None else eps)
    return y * weight if weight is not None else y


def group_norm(trace: Tracer, x: Any, count: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    if x.ndim != 2:
        refuse("group_norm of anything but (B, n) is not compiled")
    y = layer_norm(trace, x.unflatten(1, (count, -1)), (x.dims[1] // count,), eps=eps).flatten(1)
    if weight is not None:
        y = y * weight
    return y + bias if bias is not None else y


def matmul(trace: Tracer, a: Any, b: Any) -> Any:
    """Return the matrix product of two symbols: products of columns, and their sums."""
    if not (isinstance(a, Symbol) and isinstance(b, Symbol) and a.ndim > 1 and b.ndim > 1):
        refuse("a product of vectors, or of a constant and two symbols, is not compiled")
    return total(trace, a.unsqueeze(-1) * b.unsqueeze(-3), -2)


def einsum(trace: Tracer, equation: str, *operands: Any) -> Any:
    """Return an Einstein sum of two symbols."""
    inputs, _, output = equation.replace(" ", "").partition("->")
    names = inputs.split(",")
    every = sorted({*inputs} - {","})
    if len(names) != 2 or "." in equation or any(len({*name}) < len(name) for name in names) or not _:
        refuse("einsum of symbols is compiled for two operands without repeated letters or dots, with an explicit result")
    parts = []
    for name, operand in zip(names, operands, strict=True):
        part = operand.permute([name.index(letter) for letter in every if letter in name])
        for place, letter in enumerate(every):
            if letter not in name:
                part = part.unsqueeze(place)
        parts.append(part)
    if any(part.axis != parts[0].axis for part in parts):
        refuse("einsum of symbols whose batches have different letters is not compiled")
    inside = [letter for letter in every if letter not in output]
    y = parts[0] * parts[1]
    if inside:
        y = total(trace, y, [every.index(letter) for letter in inside])
    left = [letter for letter in every if letter in output]
    return y.permute([left.index(letter) for letter in output])


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
    "sum": total, "mean": mean, "max": largest, "min": smallest, "amax": amax, "amin": amin,
    "softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp, "cumsum": cumsum,
    "norm": norm, "linalg_vector_norm": norm, "vector_norm": norm, "normalize": normalize,
    "layer_norm": layer_norm, "rms_norm": rms_norm, "group_norm": group_norm,
    "matmul": matmul, "bmm": matmul, "einsum": einsum,
    "rnn_tanh_cell": lambda *given: linear_sum(*given).tanh(), "rnn_relu_cell": lambda *given: linear_sum(*given).relu(),
    "lstm_cell": lstm_cell, "gru_cell": gru_cell,
}  # fmt: skip
