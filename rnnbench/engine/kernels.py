"""The time loops, forward and back, compiled by numba: one recurrent product a step, the pointwise part fused around it.

All arrays are contiguous, time first. ``h`` has T + 1 rows: row 0 is the initial state, row t + 1 the state after step t. On entry
to a forward loop ``gates`` holds the input's share of the products, (T, B, G*H); on exit the gates themselves. With tokens it
need not be filled: row ``tokens[t, b]`` of ``table`` (D, G*H) is copied in as the step is reached, while it is in the cache.

``weight_t`` is the transposed recurrent weight, (H, G*H), ``weight`` the weight as it is. A backward loop gets ``grad``
(T - first, B, H) and leaves the gradient of the initial state in ``dh``. ``dgates`` (S, B, G*H) holds the gradient of what enters
the gates' nonlinearities for S steps: as many as the cache holds. When they are full their share of every weight gradient is
one product, and they are used again; written out for all T steps they would cross the memory bus twice.

The pointwise functions take one step: ``gates`` (B, G, H), states (B, H). Their loops are short, each storing to one row, because
that is what LLVM turns into vector instructions: a loop that stores to several rows must first prove that they do not overlap, and
an index such as ``H + j`` into (B, G*H) may for all that the compiler knows be negative and count from the end.

``blas`` is what ``rnnbench.engine.blas.address`` gives: whose matrix product is used.

All kernels stand in this one file because numba's cache notices a change in a function's own file alone: after one in ``blas.py``
or ``tile.py`` touch this file.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numba import njit
from numba.extending import overload, register_jitable

from rnnbench.engine.blas import as_float32, gemm
from rnnbench.engine.tile import PANEL_BYTES, ROWS, VECTOR_BYTES, tile

Array = Any
NORMAL, TRANSPOSED = ord("N"), ord("T")
DEPTH = 256
"""Rows of a panel that tiles pass over at once: 32 KiB of it, and 8 KiB of the rows it meets, fit the first cache."""

compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})


if TYPE_CHECKING:

    def tanh(x: Any) -> Any: ...

    def sigmoid(x: Any) -> Any: ...

else:  # numba compares signatures to the letter, annotations included

    def tanh(x):
        """tanh: in float64 the library's, in float32 a rational function good to 4e-7, which vectorises."""

    def sigmoid(x):
        """1 / (1 + exp(-x)), in float32 with a relative error below 4e-7."""


@register_jitable
def tanh32(x: np.float32) -> np.float32:
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


ROUND = np.float32(3 << 22)
"""Added and taken away again it rounds a float32 to a whole number: math.floor gives 64-bit integers, at half the speed."""


@register_jitable
def sigmoid32(x: np.float32) -> Any:
    """Through exp(-x) = 2^n * exp(r), |r| <= ln(2)/2, a Taylor polynomial for exp(r) and n written into the exponent bits."""
    y = -x
    y = np.float32(87.0) if y > np.float32(87.0) else y
    y = np.float32(-87.0) if y < np.float32(-87.0) else y
    n = (y * np.float32(1.44269504088896341) + ROUND) - ROUND
    r = y - n * np.float32(0.693359375) + n * np.float32(2.12194440e-4)
    e = np.float32(1.0 / 720.0)
    e = e * r + np.float32(1.0 / 120.0)
    e = e * r + np.float32(1.0 / 24.0)
    e = e * r + np.float32(1.0 / 6.0)
    e = e * r + np.float32(0.5)
    e = e * r + np.float32(1.0)
    e = e * r + np.float32(1.0)
    return np.float32(1.0) / (np.float32(1.0) + e * as_float32(np.int32((np.int32(n) + np.int32(127)) << np.int32(23))))


@overload(tanh)
def _tanh(x):  # type: ignore[no-untyped-def]
    if x.bitwidth == 32:
        return lambda x: tanh32(x)
    return lambda x: math.tanh(x)


@overload(sigmoid)
def _sigmoid(x):  # type: ignore[no-untyped-def]
    if x.bitwidth == 32:
        return lambda x: sigmoid32(x)
    return lambda x: 1.0 / (1.0 + math.exp(-x))


@compiled
def tanh_all(x: Array) -> None:
    for j in range(x.size):
        x[j] = tanh(x[j])


@compiled
def sigmoid_all(x: Array) -> None:
    for j in range(x.size):
        x[j] = sigmoid(x[j])


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
def packed(blas: int, weight: Array) -> Array:
    """``weight`` (K, N) as :func:`product` wants it: packed once, multiplied with at every time step."""
    if blas:
        return weight.copy()  # what was a slice has rows of its own length
    panels = panels_like(weight)
    into_panels(weight, panels)
    return panels


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


@compiled
def product(blas: int, x: Array, weight: Array, columns: int, out: Array, accumulate: Any) -> None:
    """out (B, N) = x (B, K) weight (K, N) + accumulate * out, N being the first ``columns`` of out; weight is :func:`packed`.

    ``accumulate`` is 0 or 1. The stride of a single row means nothing, and may be less than a row is long, which BLAS refuses.
    """
    if blas == 0:
        tiles(x, weight, columns, out, accumulate)
        return
    K = x.shape[1]
    x_width, out_width = max(x.strides[0] // x.itemsize, K), max(out.strides[0] // out.itemsize, columns)
    gemm(
        blas, NORMAL, NORMAL, columns, x.shape[0], K,
        weight.ctypes.data, columns, x.ctypes.data, x_width, accumulate, out.ctypes.data, out_width,
    )  # fmt: skip


@compiled
def weight_gradient(blas: int, dgates: Array, x: Array, dweight: Array, panels: Array) -> None:
    """dweight (N, K) += dgates (R, N)^T x (R, K) over all rows R = S * B; ``panels`` is room for x in panels."""
    K = x.shape[1]
    if blas == 0:
        into_panels(x, panels)
        tiles(dgates.T, panels, K, dweight, x.dtype.type(1))
        return
    gemm(
        blas, NORMAL, TRANSPOSED, K, dgates.shape[1], x.shape[0],
        x.ctypes.data, K, dgates.ctypes.data, max(dgates.strides[0] // dgates.itemsize, dgates.shape[1]),
        x.dtype.type(1), dweight.ctypes.data, K,
    )  # fmt: skip


@compiled
def flat(steps: Array) -> Array:
    """(S, B, N) as (S * B, N)."""
    return steps.reshape((-1, steps.shape[2]))


@compiled
def input_step_back(tokens: Array, dtable: Array, dgates: Array, t: int) -> None:
    """One step's gradient to the rows of its tokens; with values dtable is one row, and gathers the bias gradient."""
    if tokens.size:
        add_rows(dtable, dgates, tokens[t])
    else:
        for b in range(dgates.shape[0]):
            add(dtable[0], dgates[b])


@compiled
def input_block_back(
    blas: int, dgates: Array, x: Array, weight_ih: Array, dweight_ih: Array, dx: Array, start: int, steps: int
) -> None:
    """Gradients on the input's side for a block of steps where inputs are values; dx is empty unless it is wanted."""
    if x.size:
        now, values = flat(dgates[:steps]), flat(x[start : start + steps])
        weight_gradient(blas, now, values, dweight_ih, panels_like(values))
        if dx.size:
            product(blas, now, packed(blas, weight_ih), x.shape[2], flat(dx[start : start + steps]), x.dtype.type(0))


@compiled
def rnn_forward(blas: int, tokens: Array, table: Array, gates: Array, weight_t: Array, h: Array) -> None:
    """h_t = tanh(input + W h_{t-1})."""
    one, H, weight = h.dtype.type(1), h.shape[2], packed(blas, weight_t)
    for t in range(h.shape[0] - 1):
        if tokens.size:
            fill_rows(h[t + 1], table, tokens[t])
        else:
            h[t + 1] = gates[t]
        product(blas, h[t], weight, H, h[t + 1], one)
        tanh_all(h[t + 1].reshape(-1))


@compiled
def rnn_pointwise_back(h: Array, dh: Array, dgate: Array) -> None:
    for j in range(h.size):
        dgate[j] = dh[j] * (1 - h[j] * h[j])


@compiled
def rnn_backward(
    blas: int, tokens: Array, dtable: Array, x: Array, weight_ih: Array, dweight_ih: Array, dx: Array,
    weight: Array, dweight: Array, h: Array, grad: Array, dgates: Array, dh: Array,
) -> None:  # fmt: skip
    zero, H, T, first, S = h.dtype.type(0), h.shape[2], h.shape[0] - 1, h.shape[0] - 1 - grad.shape[0], dgates.shape[0]
    weight_back, panels = packed(blas, weight), panels_like(flat(h[:S]))
    for end in range(T, 0, -S):
        start = max(0, end - S)
        for t in range(end - 1, start - 1, -1):
            now = dgates[t - start]
            if t >= first:
                add(dh.reshape(-1), grad[t - first].reshape(-1))
            rnn_pointwise_back(h[t + 1].reshape(-1), dh.reshape(-1), now.reshape(-1))
            input_step_back(tokens, dtable, now, t)
            product(blas, now, weight_back, H, dh, zero)
        weight_gradient(blas, flat(dgates[: end - start]), flat(h[start:end]), dweight, panels)
        input_block_back(blas, dgates, x, weight_ih, dweight_ih, dx, start, end - start)


@compiled
def lstm_pointwise(gates: Array, c_before: Array, c: Array, h: Array) -> None:
    B, _, H = gates.shape
    for b in range(B):
        for j in range(H):
            gates[b, 0, j] = sigmoid(gates[b, 0, j])
        for j in range(H):
            gates[b, 1, j] = sigmoid(gates[b, 1, j])
        for j in range(H):
            gates[b, 2, j] = tanh(gates[b, 2, j])
        for j in range(H):
            gates[b, 3, j] = sigmoid(gates[b, 3, j])
        for j in range(H):
            c[b, j] = gates[b, 1, j] * c_before[b, j] + gates[b, 0, j] * gates[b, 2, j]
        for j in range(H):
            h[b, j] = gates[b, 3, j] * tanh(c[b, j])


@compiled
def lstm_forward(blas: int, tokens: Array, table: Array, gates: Array, weight_t: Array, h: Array, c: Array, keep: bool) -> None:
    """``gates`` (T, B, 4H) in the order i, f, g, o; without ``keep`` only its first step is used with tokens."""
    one, B, H, weight = h.dtype.type(1), h.shape[1], h.shape[2], packed(blas, weight_t)
    for t in range(h.shape[0] - 1):
        now = gates[t if keep or not tokens.size else 0]
        if tokens.size:
            fill_rows(now, table, tokens[t])
        product(blas, h[t], weight, 4 * H, now, one)
        lstm_pointwise(now.reshape((B, 4, H)), c[t], c[t + 1], h[t + 1])


@compiled
def lstm_pointwise_back(gates: Array, c_before: Array, c: Array, dh: Array, dc: Array, dgates: Array) -> None:
    B, _, H = gates.shape
    for b in range(B):
        for j in range(H):
            dgates[b, 0, j] = tanh(c[b, j])  # for the next two loops
        for j in range(H):
            dgates[b, 3, j] = dh[b, j] * dgates[b, 0, j] * gates[b, 3, j] * (1 - gates[b, 3, j])
        for j in range(H):
            dc[b, j] += dh[b, j] * gates[b, 3, j] * (1 - dgates[b, 0, j] * dgates[b, 0, j])
        for j in range(H):
            dgates[b, 0, j] = dc[b, j] * gates[b, 2, j] * gates[b, 0, j] * (1 - gates[b, 0, j])
        for j in range(H):
            dgates[b, 1, j] = dc[b, j] * c_before[b, j] * gates[b, 1, j] * (1 - gates[b, 1, j])
        for j in range(H):
            dgates[b, 2, j] = dc[b, j] * gates[b, 0, j] * (1 - gates[b, 2, j] * gates[b, 2, j])
        for j in range(H):
            dc[b, j] *= gates[b, 1, j]


@compiled
def lstm_backward(
    blas: int, tokens: Array, dtable: Array, x: Array, weight_ih: Array, dweight_ih: Array, dx: Array,
    weight: Array, dweight: Array, gates: Array, h: Array, c: Array, grad: Array, dgates: Array, dh: Array, dc: Array,
) -> None:  # fmt: skip
    zero, B, H = h.dtype.type(0), h.shape[1], h.shape[2]
    T, first, S = h.shape[0] - 1, h.shape[0] - 1 - grad.shape[0], dgates.shape[0]
    weight_back, panels = packed(blas, weight), panels_like(flat(h[:S]))
    for end in range(T, 0, -S):
        start = max(0, end - S)
        for t in range(end - 1, start - 1, -1):
            now = dgates[t - start]
            if t >= first:
                add(dh.reshape(-1), grad[t - first].reshape(-1))
            lstm_pointwise_back(gates[t].reshape((B, 4, H)), c[t], c[t + 1], dh, dc, now.reshape((B, 4, H)))
            input_step_back(tokens, dtable, now, t)
            product(blas, now, weight_back, H, dh, zero)
        weight_gradient(blas, flat(dgates[: end - start]), flat(h[start:end]), dweight, panels)
        input_block_back(blas, dgates, x, weight_ih, dweight_ih, dx, start, end - start)


@compiled
def gru_reset(gates: Array, h_before: Array, reset_h: Array) -> None:
    B, _, H = gates.shape
    for b in range(B):
        for j in range(H):
            gates[b, 0, j] = sigmoid(gates[b, 0, j])
        for j in range(H):
            gates[b, 1, j] = sigmoid(gates[b, 1, j])
        for j in range(H):
            reset_h[b, j] = gates[b, 0, j] * h_before[b, j]


@compiled
def gru_mix(gates: Array, h_before: Array, h: Array) -> None:
    B, _, H = gates.shape
    for b in range(B):
        for j in range(H):
            gates[b, 2, j] = tanh(gates[b, 2, j])
        for j in range(H):
            h[b, j] = h_before[b, j] + gates[b, 1, j] * (gates[b, 2, j] - h_before[b, j])


@compiled
def gru_forward(blas: int, tokens: Array, table: Array, gates: Array, weight_t: Array, h: Array, keep: bool) -> None:
    """Reset before the product; ``gates`` (T, B, 3H) in the order r, z, n."""
    one, B, H = h.dtype.type(1), h.shape[1], h.shape[2]
    weight_rz, weight_n = packed(blas, weight_t[:, : 2 * H]), packed(blas, weight_t[:, 2 * H :])
    reset_h = np.empty((B, H), h.dtype)
    for t in range(h.shape[0] - 1):
        now = gates[t if keep or not tokens.size else 0]
        if tokens.size:
            fill_rows(now, table, tokens[t])
        product(blas, h[t], weight_rz, 2 * H, now, one)
        gru_reset(now.reshape((B, 3, H)), h[t], reset_h)
        product(blas, reset_h, weight_n, H, now[:, 2 * H :], one)
        gru_mix(now.reshape((B, 3, H)), h[t], h[t + 1])


@compiled
def gru_pointwise_back(gates: Array, h_before: Array, dh: Array, dgates: Array) -> None:
    """The gradients at n and z; dh becomes what flows straight on."""
    B, _, H = gates.shape
    for b in range(B):
        for j in range(H):
            dgates[b, 2, j] = dh[b, j] * gates[b, 1, j] * (1 - gates[b, 2, j] * gates[b, 2, j])
        for j in range(H):
            dgates[b, 1, j] = dh[b, j] * (gates[b, 2, j] - h_before[b, j]) * gates[b, 1, j] * (1 - gates[b, 1, j])
        for j in range(H):
            dh[b, j] *= 1 - gates[b, 1, j]


@compiled
def gru_reset_back(gates: Array, h_before: Array, dreset: Array, dh: Array, dgates: Array, reset_h: Array) -> None:
    """The gradients at r, and what flows on through r * h, which is made again: cheaper than to have kept it."""
    B, _, H = gates.shape
    for b in range(B):
        for j in range(H):
            dgates[b, 0, j] = dreset[b, j] * h_before[b, j] * gates[b, 0, j] * (1 - gates[b, 0, j])
        for j in range(H):
            dh[b, j] += dreset[b, j] * gates[b, 0, j]
        for j in range(H):
            reset_h[b, j] = gates[b, 0, j] * h_before[b, j]


@compiled
def gru_backward(
    blas: int, tokens: Array, dtable: Array, x: Array, weight_ih: Array, dweight_ih: Array, dx: Array,
    weight: Array, dweight: Array, gates: Array, h: Array, reset_h: Array, grad: Array, dgates: Array, dh: Array, dreset: Array,
) -> None:  # fmt: skip
    zero, one, B, H = h.dtype.type(0), h.dtype.type(1), h.shape[1], h.shape[2]
    T, first, S = h.shape[0] - 1, h.shape[0] - 1 - grad.shape[0], dgates.shape[0]
    weight_rz, weight_n, panels = packed(blas, weight[: 2 * H]), packed(blas, weight[2 * H :]), panels_like(flat(h[:S]))
    for end in range(T, 0, -S):
        start = max(0, end - S)
        for t in range(end - 1, start - 1, -1):
            now = dgates[t - start]
            if t >= first:
                add(dh.reshape(-1), grad[t - first].reshape(-1))
            gru_pointwise_back(gates[t].reshape((B, 3, H)), h[t], dh, now.reshape((B, 3, H)))
            product(blas, now[:, 2 * H :], weight_n, H, dreset, zero)
            gru_reset_back(gates[t].reshape((B, 3, H)), h[t], dreset, dh, now.reshape((B, 3, H)), reset_h[t - start])
            input_step_back(tokens, dtable, now, t)
            product(blas, now[:, : 2 * H], weight_rz, H, dh, one)
        block = flat(dgates[: end - start])
        weight_gradient(blas, block[:, : 2 * H], flat(h[start:end]), dweight, panels)
        weight_gradient(blas, block[:, 2 * H :], flat(reset_h[: end - start]), dweight[2 * H :], panels)
        input_block_back(blas, dgates, x, weight_ih, dweight_ih, dx, start, end - start)


@compiled
def gru_torch_mix(gates: Array, recurrent: Array, scaled: Array, h_before: Array, h: Array) -> None:
    """``recurrent`` (B, 3, H) holds the recurrent products with bias; ``scaled`` (B, H) becomes the part that r scales."""
    B, _, H = gates.shape
    for b in range(B):
        for j in range(H):
            gates[b, 0, j] = sigmoid(gates[b, 0, j] + recurrent[b, 0, j])
        for j in range(H):
            gates[b, 1, j] = sigmoid(gates[b, 1, j] + recurrent[b, 1, j])
        for j in range(H):
            scaled[b, j] = recurrent[b, 2, j]
        for j in range(H):
            gates[b, 2, j] = tanh(gates[b, 2, j] + gates[b, 0, j] * recurrent[b, 2, j])
        for j in range(H):
            h[b, j] = gates[b, 2, j] + gates[b, 1, j] * (h_before[b, j] - gates[b, 2, j])


@compiled
def gru_torch_forward(
    blas: int, tokens: Array, table: Array, gates: Array, weight_t: Array, bias: Array, h: Array, scaled: Array, keep: bool
) -> None:
    """Reset after the product; ``scaled`` (T, B, H) keeps W_hn h + b_hn."""
    one, B, H, weight = h.dtype.type(1), h.shape[1], h.shape[2], packed(blas, weight_t)
    recurrent = np.empty((B, 3 * H), h.dtype)
    for t in range(h.shape[0] - 1):
        k = t if keep else 0
        now = gates[t if keep or not tokens.size else 0]
        if tokens.size:
            fill_rows(now, table, tokens[t])
        for b in range(B):
            row = recurrent[b]
            for j in range(3 * H):
                row[j] = bias[j]
        product(blas, h[t], weight, 3 * H, recurrent, one)
        gru_torch_mix(now.reshape((B, 3, H)), recurrent.reshape((B, 3, H)), scaled[k], h[t], h[t + 1])


@compiled
def gru_torch_pointwise_back(gates: Array, scaled: Array, h_before: Array, dh: Array, dgates: Array, drecurrent: Array) -> None:
    B, _, H = gates.shape
    for b in range(B):
        for j in range(H):
            dgates[b, 2, j] = dh[b, j] * (1 - gates[b, 1, j]) * (1 - gates[b, 2, j] * gates[b, 2, j])
        for j in range(H):
            dgates[b, 0, j] = dgates[b, 2, j] * scaled[b, j] * gates[b, 0, j] * (1 - gates[b, 0, j])
        for j in range(H):
            dgates[b, 1, j] = dh[b, j] * (h_before[b, j] - gates[b, 2, j]) * gates[b, 1, j] * (1 - gates[b, 1, j])
        for j in range(H):
            drecurrent[b, 0, j] = dgates[b, 0, j]
        for j in range(H):
            drecurrent[b, 1, j] = dgates[b, 1, j]
        for j in range(H):
            drecurrent[b, 2, j] = dgates[b, 2, j] * gates[b, 0, j]
        for j in range(H):
            dh[b, j] *= gates[b, 1, j]


@compiled
def gru_torch_backward(
    blas: int, tokens: Array, dtable: Array, x: Array, weight_ih: Array, dweight_ih: Array, dx: Array,
    weight: Array, dweight: Array, dbias: Array, gates: Array, h: Array, scaled: Array,
    grad: Array, dgates: Array, drecurrent: Array, dh: Array,
) -> None:  # fmt: skip
    one, B, H = h.dtype.type(1), h.shape[1], h.shape[2]
    T, first, S = h.shape[0] - 1, h.shape[0] - 1 - grad.shape[0], dgates.shape[0]
    weight_back, panels = packed(blas, weight), panels_like(flat(h[:S]))
    for end in range(T, 0, -S):
        start = max(0, end - S)
        for t in range(end - 1, start - 1, -1):
            now, recurrent = dgates[t - start], drecurrent[t - start]
            if t >= first:
                add(dh.reshape(-1), grad[t - first].reshape(-1))
            gru_torch_pointwise_back(
                gates[t].reshape((B, 3, H)), scaled[t], h[t], dh, now.reshape((B, 3, H)), recurrent.reshape((B, 3, H))
            )
            for b in range(B):
                add(dbias, recurrent[b])
            input_step_back(tokens, dtable, now, t)
            product(blas, recurrent, weight_back, H, dh, one)
        weight_gradient(blas, flat(drecurrent[: end - start]), flat(h[start:end]), dweight, panels)
        input_block_back(blas, dgates, x, weight_ih, dweight_ih, dx, start, end - start)
