"""Torch functions that work block by block, expressed in the operators of :mod:`rnnbench._engine.graph`."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial, reduce

from rnnbench._engine.graph import Node, comparison, select, truncated

ALIASES = {
    "subtract": "sub", "multiply": "mul", "truediv": "div", "divide": "div", "true_divide": "div", "negative": "neg",
    "absolute": "abs", "maximum": "max", "minimum": "min", "clip": "clamp", "mm": "matmul", "concat": "cat",
    "concatenate": "cat", "log_sigmoid": "logsigmoid", "logical_and": "and", "logical_or": "or", "bitwise_and": "and",
    "bitwise_or": "or", "greater": "gt", "less": "lt", "logical_xor": "xor", "bitwise_xor": "xor", "rand": "and",
    "ror": "or", "rxor": "xor", "logical_not": "invert", "bitwise_not": "invert", "greater_equal": "ge", "less_equal": "le",
    "not_equal": "ne", "mod": "remainder", "special_erf": "erf", "special_expit": "sigmoid", "swish": "silu",
    "floor_divide": "floordiv", "fix": "trunc", "sgn": "sign", "positive": "pos", "arctan": "atan", "arcsinh": "asinh",
    "special_expm1": "expm1", "linalg_norm": "norm", "linalg_vector_norm": "norm", "vector_norm": "norm", "bmm": "matmul",
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
    return a.graph.apply("power", a, exponent)


def _quotient(a: Node, b: Node, rounding_mode: str | None = None) -> Node:
    """Return a / b; rounded down it is a whole number also where the quotient's own rounding would miss one, as in torch."""
    match rounding_mode:
        case "floor":
            return a.graph.apply("round", (a - a.graph.apply("remainder", a, b)) / b)
        case "trunc":
            return truncated(a / b)
    return a.graph.apply("div", a, b)


def _logaddexp(a: Node, b: Node) -> Node:
    high = a.graph.apply("detach", a.graph.apply("max", a, b))
    return a.graph.apply("log", a.graph.apply("exp", a - high) + a.graph.apply("exp", b - high)) + high


def _softshrink(a: Node, lambd: float = 0.5) -> Node:
    return select(comparison("gt", a, lambd), a - lambd, select(comparison("lt", a, -lambd), a + lambd, 0))


def _asinh(a: Node) -> Node:
    size = a.graph.apply("abs", a)
    return COMPOSED["sign"](a) * a.graph.apply("log", size + a.graph.apply("sqrt", a * a + 1))


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
SETTINGS = (
    "softplus", "elu", "celu", "leaky_relu", "addcmul", "addcdiv", "hardtanh", "gelu", "threshold", "softshrink", "hardshrink",
)  # fmt: skip
LOGICAL = ("and", "or", "xor", "invert")  # functions of truth values, in which any number but 0 is true
TRUTHS = ("where", "masked_fill", *LOGICAL)  # functions that take the result of a comparison
COMPOSED: dict[str, Callable[..., Node]] = {
    "add": lambda a, b, alpha=1: a.graph.apply("add", a, b * alpha),
    "sub": lambda a, b, alpha=1: a.graph.apply("sub", a, b * alpha),
    "rsub": lambda a, b: b - a,
    "div": _quotient,
    "floordiv": lambda a, b: _quotient(a, b, "floor"),
    "pow": _power,
    "pos": lambda a: a,
    "bool": lambda a: comparison("ne", a, 0),
    "isnan": lambda a: comparison("ne", a, a),
    "ceil": lambda a: -a.graph.apply("floor", -a),
    "trunc": truncated,
    "frac": lambda a: a - truncated(a),
    "expm1": lambda a: a.graph.apply("exp", a) - 1,
    "log2": lambda a: a.graph.apply("log", a) * (1 / math.log(2)),
    "log10": lambda a: a.graph.apply("log", a) * (1 / math.log(10)),
    "logaddexp": _logaddexp,
    "hypot": lambda a, b: a.graph.apply("sqrt", a * a + b * b),
    "tan": lambda a: a.graph.apply("sin", a) / a.graph.apply("cos", a),
    "sinh": lambda a: (a.graph.apply("exp", a) - a.graph.apply("exp", -a)) * 0.5,
    "cosh": lambda a: (a.graph.apply("exp", a) + a.graph.apply("exp", -a)) * 0.5,
    "asinh": _asinh,
    "hardswish": lambda a: select(comparison("le", a, -3), 0, select(comparison("ge", a, 3), a, a * (a + 3) * (1 / 6))),
    "threshold": lambda a, threshold, value: select(comparison("le", a, threshold), value, a),
    "hardshrink": lambda a, lambd=0.5: select(comparison("le", a.graph.apply("abs", a), lambd), 0, a),
    "softshrink": _softshrink,
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
