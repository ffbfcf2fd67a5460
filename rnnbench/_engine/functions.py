"""Scalar functions for emitted code, written so that loops over them become vector instructions.

In float32 they are polynomials with a relative error below 4e-7. In float64 they call the C library.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import types
from numba.extending import intrinsic, overload, register_jitable


def _bits_as(target: Any, source: Any) -> Any:
    def cast(typing_context, value) -> Any:  # type: ignore[no-untyped-def]  # numba gives the types
        def code(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
            return builder.bitcast(arguments[0], context.get_value_type(target))

        return target(source), code

    return intrinsic(cast)


as_float32 = _bits_as(types.float32, types.int32)
as_int32 = _bits_as(types.int32, types.float32)

ROUND = np.float32(3 << 22)
"""Adding and subtracting it rounds a float32 to a whole number. math.floor returns 64-bit integers, at half the speed."""


@register_jitable
def tanh32(x: Any) -> Any:
    """Compute x P(x^2) / Q(x^2), with minimal relative error on |x| < 7.9; beyond that tanh is 1 in float32. NaN stays NaN."""
    x = np.float32(7.9) if x > np.float32(7.9) else x
    x = np.float32(-7.9) if x < np.float32(-7.9) else x
    s = x * x
    p = np.float32(1.54280673e-08)
    p = p * s + np.float32(2.202333888e-05)
    p = p * s + np.float32(0.003578998627)
    p = p * s + np.float32(0.1345062641)
    p = p * s + np.float32(1.0)
    q = np.float32(8.598826776e-07)
    q = q * s + np.float32(0.000342366074)
    q = q * s + np.float32(0.02619226392)
    q = q * s + np.float32(0.4678395443)
    q = q * s + np.float32(1.0)
    return x * p / q


@register_jitable
def power32(y: Any) -> Any:
    """Compute exp(y) for |y| <= 87 as 2^n exp(r), |r| <= ln(2)/2: a Taylor polynomial, with n in the exponent bits."""
    n = (y * np.float32(1.44269504088896341) + ROUND) - ROUND
    r = y - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    e = np.float32(1.0 / 720.0)
    e = e * r + np.float32(1.0 / 120.0)
    e = e * r + np.float32(1.0 / 24.0)
    e = e * r + np.float32(1.0 / 6.0)
    e = e * r + np.float32(0.5)
    e = e * r + np.float32(1.0)
    e = e * r + np.float32(1.0)
    return e * as_float32(np.int32((np.int32(n) + np.int32(127)) << np.int32(23)))


@register_jitable
def sigmoid32(x: Any) -> Any:
    y = -x
    y = np.float32(87.0) if y > np.float32(87.0) else y
    y = np.float32(-87.0) if y < np.float32(-87.0) else y
    return np.float32(1.0) / (np.float32(1.0) + power32(y))


@register_jitable
def exp32(x: Any) -> Any:
    """Compute the square of exp(x / 2), which becomes infinite or zero at the limits of float32."""
    y = np.float32(89.0) if x > np.float32(89.0) else x
    y = np.float32(-104.0) if y < np.float32(-104.0) else y
    e = power32(y * np.float32(0.5))
    return e * e


@register_jitable
def area32(s: Any) -> Any:
    """Compute 2 artanh(s) = log((1 + s) / (1 - s)) for |s| <= 1/3, a series in s^2."""
    t = s * s
    p = np.float32(1.0 / 13.0)
    p = p * t + np.float32(1.0 / 11.0)
    p = p * t + np.float32(1.0 / 9.0)
    p = p * t + np.float32(1.0 / 7.0)
    p = p * t + np.float32(1.0 / 5.0)
    p = p * t + np.float32(1.0 / 3.0)
    return np.float32(2.0) * (s + s * t * p)


@register_jitable
def log32(x: Any) -> Any:
    """Compute log(x) from x = m 2^n with m near 1, n from the exponent bits."""
    bits = as_int32(x)
    n = (bits - np.int32(0x3F3504F3)) >> np.int32(23)
    m = as_float32(np.int32(bits - (n << np.int32(23))))
    y = area32((m - np.float32(1.0)) / (m + np.float32(1.0)))
    y = np.float32(n) * np.float32(0.693359375) + (y - np.float32(n) * np.float32(2.12194440e-4))
    y = y if x > np.float32(0.0) else np.float32(-np.inf) if x == np.float32(0.0) else np.float32(np.nan)
    return y if x < np.float32(np.inf) else x


@register_jitable
def softplus32(x: Any) -> Any:
    """Compute log(1 + exp(x)) as max(x, 0) + log(1 + u), u = exp(-|x|)."""
    u = exp32(-abs(x))
    return (x if x > np.float32(0.0) else np.float32(0.0)) + area32(u / (np.float32(2.0) + u)) if x == x else x


@register_jitable
def softplus64(x: Any) -> Any:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x))) if x == x else x


def by_width(narrow: Any, wide: Any) -> Any:
    """Return a function of one number x: ``narrow`` in float32, ``wide`` in float64."""
    for function in (narrow, wide):
        function.__annotations__.clear()  # numba compares the signatures, annotations included

    def either(x):  # type: ignore[no-untyped-def]
        raise TypeError("only compiled code calls this")

    @overload(either)
    def _either(x):  # type: ignore[no-untyped-def]
        return narrow if x.bitwidth == 32 else wide

    return either


tanh = by_width(tanh32, lambda x: math.tanh(x))
sigmoid = by_width(sigmoid32, lambda x: 1.0 / (1.0 + math.exp(-x)))
exp = by_width(exp32, lambda x: math.exp(x))
log = by_width(log32, lambda x: math.log(x))
softplus = by_width(softplus32, softplus64)
relu = by_width(lambda x: np.float32(0.0) if x <= np.float32(0.0) else x, lambda x: 0.0 if x <= 0.0 else x)
sqrt, sin, cos, atan, erf = math.sqrt, math.sin, math.cos, math.atan, math.erf
floor: Any = np.floor
rint: Any = np.rint
fmod: Any = np.fmod


@register_jitable
def remainder(a: Any, b: Any) -> Any:
    """Return a modulo b with the sign of b, as in torch: exact, whatever the quotient's rounding."""
    return a % b


@register_jitable
def power(a: Any, b: Any) -> Any:
    return a**b


@register_jitable
def where(condition: Any, yes: Any, no: Any) -> Any:
    return yes if condition else no


@register_jitable
def larger(a: Any, b: Any) -> Any:
    """Return NaN wherever one of them is NaN, as in torch."""
    return a if a > b or a != a else b


@register_jitable
def smaller(a: Any, b: Any) -> Any:
    """Return NaN wherever one of them is NaN, as in torch."""
    return a if a < b or a != a else b


@register_jitable
def clamp(x: Any, limit: Any) -> Any:
    """Return x clamped to [-limit, limit]; NaN stays NaN."""
    y = limit if x > limit else x
    return -limit if y < -limit else y
