"""The loops that all cells share, compiled once per dtype and called through their addresses.

They are functions of numbers and pointers, which become C functions: ``products.py`` compiles them, emitted code calls them through
``intrinsics.py``. Matrices are stored row by row; ``a_row`` and ``a_col`` are the distances between neighbours, in numbers. Loops
are short, each storing to one row, because LLVM turns such loops into vector instructions.
"""

from __future__ import annotations

from typing import Any

from rnnbench._engine.blas import gemm
from rnnbench._engine.tile import ROWS, room, tile, width

Pointer = Any
NORMAL, TRANSPOSED = ord("N"), ord("T")
DEPTH = 256
"""Rows of a panel that are processed at once: 32 KiB of it and 8 KiB of the other factor fit the first-level cache."""


def multiply_by_blas(
    blas: int, M: int, N: int, K: int, a: Pointer, a_row: int, a_col: int, b: Pointer, c: Pointer, c_row: int, keep: int
) -> None:
    """Compute c (M, N) = a (M, K) b (K, N) + keep * c, keep being 0 or 1.

    The stride of a matrix with one row is arbitrary. It may be shorter than the row, which BLAS refuses.
    """
    if a_col == 1:
        gemm(blas, NORMAL, NORMAL, N, M, K, b, N, a, max(a_row, K), keep, c, c_row)
    else:
        gemm(blas, NORMAL, TRANSPOSED, N, M, K, b, N, a, a_col, keep, c, c_row)


def pack_for_blas(K: int, N: int, x: Pointer, packed: Pointer) -> None:
    """Pack ``x`` (K, N) as a second factor: copy it."""
    for k in range(K * N):
        packed[k] = x[k]


def multiply_by_tiles(
    blas: int, M: int, N: int, K: int, a: Pointer, a_row: int, a_col: int, b: Pointer, c: Pointer, c_row: int, keep: int
) -> None:
    """Compute the same as :func:`multiply_by_blas` with tiles, b packed in panels.

    Depth is cut so that a panel stays in the first-level cache for all rows of a. Incomplete tiles at the right and at the bottom
    are computed in a temporary tile.
    """
    W, temporary = width(a), room(a)
    for k in range(0, K, DEPTH):
        depth, more = min(DEPTH, K - k), keep if k == 0 else 1
        for left in range(0, N, W):
            panel = left * K + k * W
            for i in range(0, M, ROWS):
                start, rows, columns = i * a_row + k * a_col, min(ROWS, M - i), min(W, N - left)
                whole = rows == ROWS and columns == W
                out, out_at, out_row = (c, i * c_row + left, c_row) if whole else (temporary, 0, W)
                tile(a, start, a_row, a_col, rows, b, panel, depth, out, out_at, out_row, more if whole else 0)
                if not whole:
                    for r in range(rows):
                        for j in range(columns):
                            at = (i + r) * c_row + left + j
                            c[at] = temporary[r * W + j] + c[at] if more else temporary[r * W + j]


def pack_for_tiles(K: int, N: int, x: Pointer, packed: Pointer) -> None:
    """Pack ``x`` (K, N) into consecutive panels of a tile's width, with zeros beyond N."""
    W = width(x)
    for left in range(0, N, W):
        columns = min(W, N - left)
        for k in range(K):
            at = left * K + k * W
            for j in range(columns):
                packed[at + j] = x[k * N + left + j]
            for j in range(columns, W):
                packed[at + j] = 0


def fill_gates(tokens: Pointer, values: int, B: int, table: Pointer, columns: int, now: Pointer, G: int) -> None:
    """Initialise the (B, G) numbers of a step.

    Tokens: with their rows of ``table`` (D, G). Values: their products are there already; ``table`` (1, columns) initialises the
    last columns.
    """
    for b in range(B):
        source, target = 0 if values else tokens[b] * columns, b * G + G - columns
        for j in range(columns):
            now[target + j] = table[source + j]


def add_adjoints(tokens: Pointer, values: int, B: int, dtable: Pointer, G: int, d: Pointer, d_row: int) -> None:
    """Add a step's adjoints (B, G) to the rows of its tokens; with values, dtable is one row, which sums them all."""
    for b in range(B):
        source, target = b * d_row, 0 if values else tokens[b] * G
        for j in range(G):
            dtable[target + j] += d[source + j]
