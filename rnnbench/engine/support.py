"""What the emitted code calls inside its loops: functions of one number, matrix products, and the input's side of a step.

Loops are short, each storing to one row, because that is what LLVM turns into vector instructions: a loop that stores to several
rows must first prove that they do not overlap, and an index such as ``H + j`` into (B, G*H) may for all that the compiler knows be
negative and count from the end.

``blas`` is what ``rnnbench.engine.blas.address`` gives: whose matrix product is used. None is a type of its own for numba, so the
other product's code is not even compiled. Nothing here is cached by itself: it is
compiled into the code that calls it, and that is cached under a digest that covers this file.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numba import njit, types
from numba.extending import overload, register_jitable

from rnnbench.engine.blas import as_float32, as_int32, gemm
from rnnbench.engine.tile import PANEL_BYTES, ROWS, VECTOR_BYTES, tile

Array = Any
Function = TypeVar("Function", bound=Callable[..., Any])
NORMAL, TRANSPOSED = ord("N"), ord("T")
DEPTH = 256
"""Rows of a panel that tiles pass over at once: 32 KiB of it, and 8 KiB of the rows it meets, fit the first cache."""

HOW: Any = {"nogil": True, "error_model": "numpy", "fastmath": {"contract"}}
INSIDE: Any = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}  # called by compiled code alone

if TYPE_CHECKING:

    def compiled(function: Function) -> Function: ...

else:
    cached, uncached = njit(cache=True, **HOW), njit(**HOW)
    compiled = njit(**INSIDE, **HOW)


ROUND = np.float32(3 << 22)
"""Added and taken away again it rounds a float32 to a whole number: math.floor gives 64-bit integers, at half the speed."""


@register_jitable
def tanh32(x: Any) -> Any:
    """x P(x^2) / Q(x^2), fitted to the least relative error on |x| < 7.9, beyond which tanh is 1 in float32; NaN stays NaN."""
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
    """exp(y) for |y| <= 87 as 2^n * exp(r), |r| <= ln(2)/2: a Taylor polynomial, and n written into the exponent bits."""
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
    """The square of exp(x / 2), so that it becomes infinite and zero where float32 ends."""
    y = np.float32(89.0) if x > np.float32(89.0) else x
    y = np.float32(-104.0) if y < np.float32(-104.0) else y
    e = power32(y * np.float32(0.5))
    return e * e


@register_jitable
def area32(s: Any) -> Any:
    """2 artanh(s) = log((1 + s) / (1 - s)) for |s| <= 1/3, a series in s^2."""
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
    """x = m 2^n with m near 1: n from the exponent bits."""
    bits = as_int32(x)
    n = (bits - np.int32(0x3F3504F3)) >> np.int32(23)
    m = as_float32(np.int32(bits - (n << np.int32(23))))
    y = area32((m - np.float32(1.0)) / (m + np.float32(1.0)))
    y = np.float32(n) * np.float32(0.693359375) + (y - np.float32(n) * np.float32(2.12194440e-4))
    y = y if x > np.float32(0.0) else np.float32(-np.inf) if x == np.float32(0.0) else np.float32(np.nan)
    return y if x < np.float32(np.inf) else x


@register_jitable
def softplus32(x: Any) -> Any:
    """log(1 + exp(x)) as max(x, 0) + log(1 + u), u = exp(-|x|)."""
    u = exp32(-abs(x))
    return (x if x > np.float32(0.0) else np.float32(0.0)) + area32(u / (np.float32(2.0) + u)) if x == x else x


@register_jitable
def softplus64(x: Any) -> Any:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x))) if x == x else x


def two_kinds(narrow: Any, wide: Any) -> Any:
    """A function of one number: ``narrow`` in float32, where it vectorises with an error below 4e-7, ``wide`` in float64."""

    def either(x):  # type: ignore[no-untyped-def]
        raise TypeError("only compiled code calls this")

    @overload(either)
    def _either(x):  # type: ignore[no-untyped-def]
        chosen = narrow if x.bitwidth == 32 else wide
        return lambda x: chosen(x)

    return either


tanh = two_kinds(tanh32, register_jitable(lambda x: math.tanh(x)))
sigmoid = two_kinds(sigmoid32, register_jitable(lambda x: 1.0 / (1.0 + math.exp(-x))))
exp = two_kinds(exp32, register_jitable(lambda x: math.exp(x)))
log = two_kinds(log32, register_jitable(lambda x: math.log(x)))
softplus = two_kinds(softplus32, softplus64)
relu = two_kinds(
    register_jitable(lambda x: np.float32(0.0) if x <= np.float32(0.0) else x), register_jitable(lambda x: 0.0 if x <= 0.0 else x)
)
sqrt, sin, cos = math.sqrt, math.sin, math.cos


@register_jitable
def where(condition: Any, yes: Any, no: Any) -> Any:
    return yes if condition else no


@register_jitable
def larger(a: Any, b: Any) -> Any:
    """NaN wherever one of them is NaN, as in torch."""
    return a if a > b or a != a else b


@register_jitable
def smaller(a: Any, b: Any) -> Any:
    """NaN wherever one of them is NaN, as in torch."""
    return a if a < b or a != a else b


@compiled
def add(x: Array, y: Array) -> None:
    for j in range(x.size):
        x[j] += y[j]


@compiled
def fill_rows(out: Array, table: Array, tokens: Array) -> None:
    """The input's share of one step: out[b] = table[tokens[b]]."""
    for b in range(tokens.size):
        row, source = out[b], table[tokens[b]]
        for j in range(row.size):  # a loop, not row[:] = source: three times as fast
            row[j] = source[j]


@compiled
def add_rows(dtable: Array, dgates: Array, tokens: Array) -> None:
    """Its way back: dtable[tokens[b]] += dgates[b]."""
    for b in range(tokens.size):
        add(dtable[tokens[b]], dgates[b])


@compiled
def panels_like(matrix: Array) -> Array:
    """Room for :func:`into_panels`, at a multiple of 64 bytes."""
    K, N = matrix.shape
    width = PANEL_BYTES // matrix.itemsize
    count = (N + width - 1) // width * K * width
    room = np.empty(count + VECTOR_BYTES // matrix.itemsize, matrix.dtype)
    start = (-room.ctypes.data % VECTOR_BYTES) // matrix.itemsize
    return room[start : start + count].reshape((-1, width))


@compiled
def into_panels(matrix: Array, panels: Array) -> None:
    """``matrix`` (K, N), cut into panels a tile wide that lie one after the other, (panels * K, width); beyond N are zeros."""
    K, N = matrix.shape
    width = panels.shape[1]
    for left in range(0, N, width):
        for k in range(K):
            row, source = panels[left // width * K + k], matrix[k, left : left + width]
            for j in range(source.size):
                row[j] = source[j]
            for j in range(source.size, width):
                row[j] = 0


@compiled
def tiles(a: Array, panels: Array, N: int, out: Array, accumulate: Any) -> None:
    """out (M, N) = a (M, K) b (K, N) + accumulate * out, b in panels; a and the rows of out may have any strides.

    Depth is cut so that a panel stays in the first cache while all rows of a pass by. What is left over at the right and at
    the bottom is made in a tile aside, from rows filled up with zeros.
    """
    M, K = a.shape
    width, size, zero, one = panels.shape[1], a.itemsize, a.dtype.type(0), a.dtype.type(1)
    whole = M - M % ROWS
    aside = np.empty((ROWS if whole < M or N % width else 0, width), a.dtype)
    rest = np.zeros((ROWS if whole < M else 0, K), a.dtype)  # (8, K), the last rows of a
    for i in range(whole, M):
        for k in range(K):
            rest[i - whole, k] = a[i, k]
    a_row, a_col, out_row = a.strides[0], a.strides[1], out.strides[0]
    for k in range(0, K, DEPTH):
        depth, beta = min(DEPTH, K - k), accumulate if k == 0 else one
        for left in range(0, N, width):
            panel = panels.ctypes.data + (left // width * K + k) * PANEL_BYTES
            full = left + width <= N
            for i in range(0, M, ROWS):
                at, row, col = a.ctypes.data + i * a_row + k * a_col, a_row, a_col
                if i == whole:
                    at, row, col = rest.ctypes.data + k * size, K * size, size
                if full and i < whole:
                    tile(at, row, col, panel, depth, out.ctypes.data + i * out_row + left * size, out_row, beta)
                else:
                    tile(at, row, col, panel, depth, aside.ctypes.data, PANEL_BYTES, zero)
                    for r in range(i, min(i + ROWS, M)):
                        for j in range(left, min(left + width, N)):
                            out[r, j] = aside[r - i, j - left] + (out[r, j] if beta != zero else zero)


if TYPE_CHECKING:

    def packed(blas: int | None, weight: Array) -> Array: ...

    def product(blas: int | None, x: Array, weight: Array, columns: int, out: Array, accumulate: Any) -> None: ...

    def weight_gradient(blas: int | None, dgates: Array, x: Array, dweight: Array) -> None: ...

else:  # numba compares signatures to the letter, annotations included

    def packed(blas, weight):
        """``weight`` (K, N) as :func:`product` wants it: packed once, multiplied with at every time step."""

    def product(blas, x, weight, columns, out, accumulate):
        """out (B, N) = x (B, K) weight (K, N) + accumulate * out, N being the first ``columns`` of out; weight is :func:`packed`.

        ``accumulate`` is 0 or 1. The stride of a single row means nothing, and may be less than a row is long, which BLAS refuses.
        """

    def weight_gradient(blas, dgates, x, dweight):
        """dweight (N, K) += dgates (R, N)^T x (R, K) over all rows R = S * B."""


@overload(packed)
def _packed(blas, weight):  # type: ignore[no-untyped-def]
    def in_panels(blas, weight):  # type: ignore[no-untyped-def]
        panels = panels_like(weight)
        into_panels(weight, panels)
        return panels

    return in_panels if blas is types.none else lambda blas, weight: weight.copy()  # what was a slice gets rows of its own length


@overload(product)
def _product(blas, x, weight, columns, out, accumulate):  # type: ignore[no-untyped-def]
    def by_blas(blas, x, weight, columns, out, accumulate):  # type: ignore[no-untyped-def]
        K = x.shape[1]
        x_width, out_width = max(x.strides[0] // x.itemsize, K), max(out.strides[0] // out.itemsize, columns)
        gemm(
            blas, NORMAL, NORMAL, columns, x.shape[0], K,
            weight.ctypes.data, columns, x.ctypes.data, x_width, accumulate, out.ctypes.data, out_width,
        )  # fmt: skip

    def by_tiles(blas, x, weight, columns, out, accumulate):  # type: ignore[no-untyped-def]
        tiles(x, weight, columns, out, accumulate)

    return by_tiles if blas is types.none else by_blas


@overload(weight_gradient)
def _weight_gradient(blas, dgates, x, dweight):  # type: ignore[no-untyped-def]
    def by_blas(blas, dgates, x, dweight):  # type: ignore[no-untyped-def]
        K = x.shape[1]
        gemm(
            blas, NORMAL, TRANSPOSED, K, dgates.shape[1], x.shape[0],
            x.ctypes.data, K, dgates.ctypes.data, max(dgates.strides[0] // dgates.itemsize, dgates.shape[1]),
            x.dtype.type(1), dweight.ctypes.data, K,
        )  # fmt: skip

    def by_tiles(blas, dgates, x, dweight):  # type: ignore[no-untyped-def]
        panels = panels_like(x)
        into_panels(x, panels)
        tiles(dgates.T, panels, x.shape[1], dweight, x.dtype.type(1))

    return by_tiles if blas is types.none else by_blas


@compiled
def flat(steps: Array) -> Array:
    """(S, B, N) as (S * B, N)."""
    return steps.reshape((-1, steps.shape[2]))


@compiled
def input_step(tokens: Array, table: Array, now: Array, t: int) -> None:
    """What a step's slots begin with. Tokens: their rows of ``table`` (D, G*H). Values: their products are there already, and
    ``table`` (1, N) holds what the last N columns begin with."""
    if tokens.size:
        fill_rows(now, table, tokens[t])
    else:
        for b in range(now.shape[0]):
            row = now[b, now.shape[1] - table.shape[1] :]
            for j in range(row.size):
                row[j] = table[0, j]


@compiled
def input_step_back(tokens: Array, dtable: Array, dgates: Array, t: int) -> None:
    """One step's gradient to the rows of its tokens; with values dtable is one row, and gathers the bias gradient."""
    if tokens.size:
        add_rows(dtable, dgates, tokens[t])
    else:
        for b in range(dgates.shape[0]):
            add(dtable[0], dgates[b])


@compiled
def input_block_back(blas: int | None, dgates: Array, x: Array, weight_ih: Array, dweight_ih: Array, dx: Array) -> None:
    """Gradients on the input's side for the rows of a block of steps where inputs are values; dx is empty unless it is wanted."""
    if x.size:
        weight_gradient(blas, dgates, x, dweight_ih)
        if dx.size:
            product(blas, dgates, packed(blas, weight_ih), x.shape[1], dx, x.dtype.type(0))
