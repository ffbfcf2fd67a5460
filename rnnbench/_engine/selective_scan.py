"""The loops of :func:`rnnbench.cells.selective_scan`, compiled from the text of this file by ``build.py``; nothing imports it.

Arrays are delta, u, y (T, B, H); write, read (T, B, N); A (N, H); S (B, N, H), the state, which stays in the cache; and ``kept``
(n, B, N, H), the state before every CHUNK steps. The backward pass computes a chunk's states again: stored, they would take T times
the memory of S, and reading them more time than computing them.
"""

from __future__ import annotations

from typing import Any

from rnnbench._engine.intrinsics import cached_sums, exp, uncached_sums  # noqa: F401  # uncached without a cache folder

CHUNK = 8


@cached_sums  # type: ignore[untyped-decorator]  # of numba
def forward(delta: Any, u: Any, write: Any, read: Any, A: Any, S: Any, y: Any, kept: Any) -> None:
    """Fill ``y`` and ``kept``; S is the state before the first step, and after the call that after the last."""
    (T, B, H), N, zero = delta.shape, A.shape[0], A.dtype.type(0)
    for b in range(B):
        for t in range(T):
            if t % CHUNK == 0:
                for n in range(N):
                    for h in range(H):
                        kept[t // CHUNK, b, n, h] = S[b, n, h]
            for h in range(H):
                y[t, b, h] = zero
            for n in range(N):
                to, by = write[t, b, n], read[t, b, n]
                for h in range(H):
                    d = delta[t, b, h]
                    s = exp(d * A[n, h]) * S[b, n, h] + d * u[t, b, h] * to
                    S[b, n, h] = s
                    y[t, b, h] += s * by


@cached_sums  # type: ignore[untyped-decorator]  # of numba
def backward(
    delta: Any, u: Any, write: Any, read: Any, A: Any, kept: Any, dy: Any, dS: Any, ddelta: Any, du: Any, dwrite: Any, dread: Any,
    dA: Any, states: Any, decays: Any,
) -> None:  # fmt: skip
    """Fill the gradients; dS is that of the last state, and after the call that of the first.

    ``dA`` begins with zeros; ``states`` (CHUNK + 1, N, H) and ``decays`` (CHUNK, N, H) are scratch memory.
    """
    (T, B, H), N, zero = delta.shape, A.shape[0], A.dtype.type(0)
    for b in range(B):
        for chunk in range((T - 1) // CHUNK, -1, -1):
            first = chunk * CHUNK
            size = min(T - first, CHUNK)
            for n in range(N):
                for h in range(H):
                    states[0, n, h] = kept[chunk, b, n, h]
            for i in range(size):
                for n in range(N):
                    to = write[first + i, b, n]
                    for h in range(H):
                        d = delta[first + i, b, h]
                        decay = exp(d * A[n, h])
                        decays[i, n, h] = decay
                        states[i + 1, n, h] = decay * states[i, n, h] + d * u[first + i, b, h] * to
            for i in range(size - 1, -1, -1):
                t = first + i
                for h in range(H):
                    ddelta[t, b, h] = zero
                    du[t, b, h] = zero
                for n in range(N):
                    to, by = write[t, b, n], read[t, b, n]
                    of_write = of_read = zero
                    for h in range(H):
                        d, value, out = delta[t, b, h], u[t, b, h], dy[t, b, h]
                        of_state = dS[b, n, h] + out * by
                        of_read += out * states[i + 1, n, h]
                        of_write += of_state * (d * value)
                        before = of_state * decays[i, n, h]
                        exponent = before * states[i, n, h]
                        dA[n, h] += exponent * d
                        ddelta[t, b, h] += exponent * A[n, h] + of_state * to * value
                        du[t, b, h] += of_state * to * d
                        dS[b, n, h] = before
                    dwrite[t, b, n] = of_write
                    dread[t, b, n] = of_read
