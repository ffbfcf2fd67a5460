"""Torch functions of whole symbols: reductions over units or heads, indices, products of two symbols, and torch's cells."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from itertools import accumulate, pairwise
from operator import mul
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench._engine.graph import TRUTH, Columns, Node, comparison, route, select
from rnnbench._engine.refusal import refuse
from rnnbench._engine.symbolic import Symbol, Tracer


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


def var(
    trace: Tracer, x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, correction: float | None = None
) -> Any:
    if isinstance(dim, bool):  # var(unbiased)
        dim, unbiased = None, dim
    square = (x - mean(trace, x, dim, True)) ** 2
    y = total(trace, square, dim, keepdim)
    return y / (x.refs.numel() // y.refs.numel() - (int(unbiased) if correction is None else correction))


def sqrt(trace: Tracer, square: Any) -> Any:
    """Return the square root, with gradient 0 where it is 0, as torch's norm and standard deviation."""
    zero = square == 0
    return trace.pointwise("where", (zero, 0.0, trace.pointwise("where", (zero, 1.0, square), {}).sqrt()), {})


def with_mean(spread: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that returns a spread and the mean, like ``var_mean``."""

    def both(trace: Tracer, x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, **settings: Any) -> Any:
        return spread(trace, x, dim, unbiased, keepdim, **settings), mean(trace, x, dim, keepdim)

    return both


UNROLLED = 16  # columns: each is separate code, and numba takes a minute for twice as many


def unrolled(x: Any, dim: int) -> Any:
    """Return the columns along a dimension, one by one."""
    if x.dims[dim] > UNROLLED:
        refuse(f"a product or a cumulative function of more than {UNROLLED} columns, but for cumsum, is not compiled")
    return x.unbind(dim)


def cumulative(step: str) -> Callable[..., Any]:
    """Return the function that combines the columns from the first on, such as ``cumprod``."""

    def every(trace: Tracer, x: Any, dim: int) -> Any:
        parts = accumulate(unrolled(x, dim), lambda a, b: trace.pointwise(step, (a, b), {}))
        return trace.moved(torch.stack, list(parts), dim)

    return every


def prod(trace: Tracer, x: Any, dim: int, keepdim: bool = False) -> Any:
    y = reduce(mul, unrolled(x, dim))
    return y.unsqueeze(dim) if keepdim else y


class Extremum(NamedTuple):
    """The result of ``max`` over a dimension."""

    values: Any
    indices: Any


def _largest(by: Groups) -> Node:
    """Return the first largest column of every group, which gets the gradient, as in torch."""
    first = by.block.graph.make("first", by.block, key=by.members, width=by.block.width)
    return route(select(comparison("ne", first, 0), by.block, 0), by.members)


def largest(trace: Tracer, x: Symbol, dim: Any = None, keepdim: bool = False) -> Any:
    if not isinstance(dim, int):
        return trace.pointwise("max", (x, dim), {}) if dim is not None else refuse("max of the whole batch is not compiled")
    by = groups(trace, "max", x, dim, keepdim)
    return Extremum(trace.symbol([_largest(by)], by.like, by.axis), argmax(trace, x, dim, keepdim))


def smallest(trace: Tracer, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    if not isinstance(dim, int):
        return trace.pointwise("min", (x, dim), {}) if dim is not None else refuse("min of the whole batch is not compiled")
    negative = largest(trace, -x, dim, keepdim)
    return Extremum(-negative.values, negative.indices)


def argmax(trace: Tracer, x: Any, dim: Any = None, keepdim: bool = False) -> Any:
    """Return the index of the first largest column, as a number."""
    if not isinstance(dim, int):
        refuse("argmax of the whole batch is not compiled")
    by = groups(trace, "argmax", x, dim, keepdim)
    first = by.block.graph.make("first", by.block, key=by.members, width=by.block.width)
    place = torch.arange(x.dims[dim]).view([-1 if d == dim % x.ndim else 1 for d in range(x.ndim)])
    chosen: Any = trace.symbol([first], x.refs, x.axis)
    return total(trace, chosen * place, dim, keepdim)


def one_hot(trace: Tracer, index: Any, num_classes: int = -1) -> Any:
    if num_classes < 0:
        refuse("one_hot without a number of classes is not compiled")
    return trace.pointwise("where", (index.unsqueeze(-1) == torch.arange(num_classes), 1.0, 0.0), {})


def embedding(trace: Tracer, index: Any, weight: Any, *_: Any, **__: Any) -> Any:
    return one_hot(trace, index, len(weight)) @ weight


def gather(trace: Tracer, x: Any, dim: int, index: Any, **_: Any) -> Any:
    """Return columns of x, at constant places or at those of an index that ``argmax`` has returned."""
    if not isinstance(index, Symbol):
        return trace.moved(torch.take_along_dim, x, index, dim)
    if dim % x.ndim != x.ndim - 1:
        refuse("gather along any but the last dimension is not compiled")
    return total(trace, one_hot(trace, index, x.dims[-1]) * x.unsqueeze(-2), -1)


def scatter(trace: Tracer, x: Any, dim: int, index: Any, value: Any) -> Any:
    if dim % x.ndim != x.ndim - 1 or not isinstance(index, Symbol) or index.dims[-1] != 1:
        refuse("scatter is compiled for one index along the last dimension")
    return trace.pointwise("where", (one_hot(trace, index.squeeze(-1), x.dims[-1]) != 0, value, x), {})


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
    if p == math.inf:
        return amax(trace, x.abs(), dim, keepdim)
    if p not in (2, "fro", None):
        refuse("a norm is compiled for p=1, 2 and infinity")
    return sqrt(trace, total(trace, x * x, dim, keepdim))


def normalize(trace: Tracer, x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    return x / norm(trace, x, p, dim, True).clamp_min(eps)


def cosine_similarity(trace: Tracer, x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """Divide by the norms that each are at least eps, as in torch."""
    units = [trace.call(torch.clamp_min, (trace.call(torch.linalg.vector_norm, (x, 2, dim, True), {}), eps), {}) for x in (x1, x2)]
    return total(trace, trace.call(torch.div, (x1, units[0]), {}) * trace.call(torch.div, (x2, units[1]), {}), dim)


def scaled_by_rms(trace: Tracer, x: Any, dims: tuple[int, ...], eps: float) -> Any:
    """Return x divided by its root mean square over some dimensions."""
    return x / (mean(trace, x * x, dims, True) + eps).sqrt()


def scaled(y: Any, weight: Any, bias: Any = None) -> Any:
    y = y if weight is None else y * weight
    return y if bias is None else y + bias


def layer_norm(trace: Tracer, x: Any, shape: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    dims = tuple(range(-len(shape), 0))
    return scaled(scaled_by_rms(trace, x - mean(trace, x, dims, True), dims, eps), weight, bias)


def rms_norm(trace: Tracer, x: Any, shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    return scaled(
        scaled_by_rms(trace, x, tuple(range(-len(shape), 0)), torch.finfo(trace.dtype).eps if eps is None else eps), weight
    )


def group_norm(trace: Tracer, x: Any, count: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """Normalise (B, C, ...) over groups of channels and all further dimensions; the weight has one number for each channel."""
    grouped = x.flatten(1).unflatten(1, (count, -1))
    y = layer_norm(trace, grouped, grouped.dims[2:], eps=eps).flatten(1).view(x.shape)
    scale, shift = (v if v is None else trace.call(Tensor.view, (v, -1, *[1] * (x.ndim - 2)), {}) for v in (weight, bias))
    return scaled(y, scale, shift)


def matmul(trace: Tracer, a: Any, b: Any) -> Any:
    """Return the matrix product of two symbols: products of columns, and their sums."""
    if not (isinstance(a, Symbol) and isinstance(b, Symbol) and a.ndim > 1 and b.ndim > 1):
        refuse("a product of vectors, or of a constant and two symbols, is not compiled")
    return total(trace, a.unsqueeze(-1) * b.unsqueeze(-3), -2)


def einsum(trace: Tracer, equation: str, *operands: Any) -> Any:
    """Return an Einstein sum of symbols and tensors: of the first two operands, then of their result and the others."""
    inputs, arrow, output = equation.replace(" ", "").partition("->")
    names = inputs.split(",")
    every = sorted({*inputs} - {","})
    if not arrow:
        output = "".join(letter for letter in every if inputs.count(letter) == 1)
    if len(names) < 2 or "." in equation or any(len({*name}) < len(name) for name in names):
        refuse("einsum of symbols is compiled without dots and repeated letters in one operand")
    if len(names) > 2:
        first, rest = "".join(sorted({*names[0], *names[1]} & {*"".join(names[2:]), *output})), ",".join(names[2:])
        both = trace.call(torch.einsum, (f"{names[0]},{names[1]}->{first}", *operands[:2]), {})
        return trace.call(torch.einsum, (f"{first},{rest}->{output}", both, *operands[2:]), {})
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


def attention(trace: Tracer, q: Any, k: Any, v: Any, *masks: Any, scale: float | None = None, **settings: Any) -> Any:
    """Compute torch's scaled_dot_product_attention without masks and dropout."""
    if any(masks) or any(settings.values()):
        refuse("scaled_dot_product_attention with a mask or dropout is not compiled")
    scores = trace.call(torch.matmul, (q, trace.call(torch.transpose, (k, -1, -2), {})), {})
    return trace.call(torch.matmul, (softmax(trace, scores * (scale or q.shape[-1] ** -0.5), -1), v), {})


def bilinear(trace: Tracer, a: Any, b: Any, weight: Any, bias: Any = None) -> Any:
    return scaled(einsum(trace, "bi,oij,bj->bo", a, weight, b), None, bias)


def gumbel_softmax(trace: Tracer, x: Any, tau: float = 1, hard: bool = False, eps: float = 1e-10, dim: int = -1) -> Any:
    draws = trace.call(Tensor.exponential_, (trace.call(torch.empty_like, (x,), {}),), {})
    y = softmax(trace, (x - draws.log()) / tau, dim)
    if not hard:
        return y
    largest_of = argmax(trace, y, dim, True).transpose(dim, -1)
    return one_hot(trace, largest_of.squeeze(-1), x.dims[dim]).transpose(dim, -1) - y.detach() + y


def glu(trace: Tracer, x: Any, dim: int = -1) -> Any:
    a, b = x.chunk(2, dim)
    return a * b.sigmoid()


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
    "sum": total, "mean": mean, "var": var, "std": lambda *given, **named: sqrt(given[0], var(*given, **named)),
    "max": largest, "min": smallest, "amax": amax, "amin": amin, "prod": prod, "argmax": argmax,
    "argmin": lambda trace, x, *given, **named: argmax(trace, -x, *given, **named),
    "one_hot": one_hot, "embedding": embedding, "gather": gather,
    "take_along_dim": lambda trace, x, index, dim: gather(trace, x, dim, index),
    "scatter": scatter, "softmin": lambda trace, x, dim, **_: softmax(trace, -x, dim),
    "softmax": softmax, "log_softmax": log_softmax, "logsumexp": logsumexp, "gumbel_softmax": gumbel_softmax,
    "cumsum": cumsum, "cumprod": cumulative("mul"), "logcumsumexp": cumulative("logaddexp"),
    "norm": norm, "normalize": normalize, "cosine_similarity": cosine_similarity,
    "layer_norm": layer_norm, "rms_norm": rms_norm, "group_norm": group_norm,
    "matmul": matmul, "einsum": einsum, "bilinear": bilinear, "glu": glu, "scaled_dot_product_attention": attention,
    "cdist": lambda trace, a, b, p=2.0, **_: norm(
        trace, trace.call(torch.unsqueeze, (a, -2), {}) - trace.call(torch.unsqueeze, (b, -3), {}), p, -1
    ),
    "rnn_tanh_cell": lambda *given: linear_sum(*given).tanh(), "rnn_relu_cell": lambda *given: linear_sum(*given).relu(),
    "lstm_cell": lstm_cell, "gru_cell": gru_cell,
}  # fmt: skip
WHOLE |= {"var_mean": with_mean(var), "std_mean": with_mean(WHOLE["std"])}
