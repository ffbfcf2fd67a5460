"""How torch's functions are called, and those of them that are made of several operators."""

from __future__ import annotations

import math
from collections.abc import Callable

from rnnbench.engine.graph import Node, compare, where
from rnnbench.engine.refusal import refuse

COMPARED = ("gt", "ge", "lt", "le", "eq", "ne", "and", "or")
ALIASES = {
    "subtract": "sub", "multiply": "mul", "truediv": "div", "divide": "div", "true_divide": "div", "negative": "neg",
    "absolute": "abs", "maximum": "max", "minimum": "min", "clip": "clamp", "mm": "matmul", "concat": "cat",
    "concatenate": "cat", "log_sigmoid": "logsigmoid", "logical_and": "and", "logical_or": "or", "bitwise_and": "and",
    "bitwise_or": "or", "greater": "gt", "less": "lt",
}  # fmt: skip


def _power(a: Node, exponent: Node) -> Node:
    match a.number, exponent.number:
        case None, 2.0:
            return a * a
        case None, 3.0:
            return a * a * a
        case None, 0.5:
            return a.graph.apply("sqrt", a)
        case None, -1.0:
            return a.graph.apply("div", 1, a)
        case float(base), None if base > 0:
            return a.graph.apply("exp", exponent * math.log(base))
    return refuse("pow with this exponent is not compiled: 2, 3, .5 and -1 are")


def _clamp(a: Node, low: Node | None = None, high: Node | None = None, **names: Node | None) -> Node:
    """The slope is 1 at the bounds themselves, as in torch."""
    low, high = names.get("min", low), names.get("max", high)
    y = a
    if low is not None:
        y = where(compare("lt", y, low), low, y)
    return y if high is None else where(compare("gt", y, high), high, y)


def _softplus(a: Node, beta: float = 1.0, threshold: float = 20.0) -> Node:
    scaled = a.graph.apply("mul", a, beta)
    return where(compare("gt", scaled, threshold), a, a.graph.apply("softplus", scaled) * (1 / beta))


def _elu(a: Node, alpha: float = 1.0) -> Node:
    return where(compare("gt", a, 0), a, (a.graph.apply("exp", a) - 1) * alpha)


COMPOSED: dict[str, Callable[..., Node]] = {
    "add": lambda a, b, alpha=1: a.graph.apply("add", a, b * alpha),
    "sub": lambda a, b, alpha=1: a.graph.apply("sub", a, b * alpha),
    "rsub": lambda a, b: b - a,
    "pow": _power,
    "square": lambda a: a * a,
    "reciprocal": lambda a: a.graph.apply("div", 1, a),
    "rsqrt": lambda a: a.graph.apply("div", 1, a.graph.apply("sqrt", a)),
    "clamp": _clamp,
    "softplus": _softplus,
    "logsigmoid": lambda a: -a.graph.apply("softplus", -a),
    "silu": lambda a: a * a.graph.apply("sigmoid", a),
    "elu": _elu,
    "leaky_relu": lambda a, negative_slope=0.01: where(compare("gt", a, 0), a, a * negative_slope),
    "sign": lambda a: where(compare("gt", a, 0), a.graph.number(1), where(compare("lt", a, 0), a.graph.number(-1), 0)),
    "lerp": lambda a, b, weight: a + weight * (b - a),
    "addcmul": lambda a, b, c, value=1: a + b * c * value,
}
