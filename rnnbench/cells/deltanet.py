"""Gated DeltaNet: a matrix state that stores one value per key and decays by a gate.

Per head, with unit keys k and queries q, both silu(W x_t) over its norm, and values v = silu(W_v x_t):

    a_t = exp(-exp(log_A) softplus(W_a x_t + b_a))    share of the whole state that is kept
    b_t = sigmoid(W_b x_t)                            share of the key's old value that is replaced
    S_t = a_t S_{t-1} + b_t k_t (v_t - a_t S_{t-1}^T k_t)^T           (K, V)
    o_t = S_t^T q_t                                   (V), concatenated over heads

``negative`` doubles b, so that S can change its sign along a key, which parity requires (Grazzi et al. 2025). The paper's block
(short convolution, output norm and gate) is not part of the cell. The number of heads is the greatest common divisor of ``heads``
and the width.

``scan`` computes CHUNK steps at a time. With g the sum of log a from the beginning of a chunk, S_0 the state before it, and
L_ts = b_t e^(g_t - g_s) k_t^T k_s for s < t, the values u_t that are written solve a triangular system:

    (1 + L) u = b (v - e^g S_0^T k),   S_t = e^g_t S_0 + sum_(s <= t) e^(g_t - g_s) k_s u_s^T

Source: Yang, Kautz & Hatamizadeh 2025, equation 10 and section 3.4; chunks: section 3.3, and Yang et al. 2024, section 3; initial
values: Dao & Gu 2024.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench.cells import Cell, State

CHUNK = 32
"""Time steps that are computed at once; the fastest of 16, 32 and 64 with 512 units."""


class GatedDeltaNet(Cell):
    """Options: ``heads`` (4), the largest number of heads; ``keys`` (32), the length K of a key; ``negative`` (false)."""

    name = "deltanet"
    summary = "Gated DeltaNet: a matrix state, written key by key"
    reference = "Yang, Kautz & Hatamizadeh 2025, equation 10"
    memory = "matrix of keys and values"
    state_names = ("o", "S")

    weight_q: Tensor
    weight_k: Tensor
    weight_v: Tensor
    weight_a: Tensor
    weight_b: Tensor

    def __init__(self, input_size: int, hidden_size: int, heads: int = 4, keys: int = 32, negative: bool = False) -> None:
        for option, value in (("heads", heads), ("keys", keys)):
            if value < 1:
                raise ValueError(f"option {option} must be at least 1, not {value}")
        common = math.gcd(heads, hidden_size)
        super().__init__(input_size, hidden_size, S=(common, keys, hidden_size // common))
        self.heads, self.keys, self.largest = common, keys, 2.0 if negative else 1.0
        self.parameter("weight_q", self.heads * keys, input_size)
        self.parameter("weight_k", self.heads * keys, input_size)
        self.parameter("weight_v", hidden_size, input_size)
        self.parameter("weight_a", self.heads, input_size)
        self.parameter("weight_b", self.heads, input_size)
        delta = torch.empty(self.heads).uniform_(math.log(0.001), math.log(0.1)).exp()  # (heads)
        self.bias_a = nn.Parameter(delta + torch.log(-torch.expm1(-delta)))  # softplus of the bias is delta
        self.log_A = nn.Parameter(torch.empty(self.heads).uniform_(1, 16).log())  # (heads)

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        _, S = state  # (B, heads, K, V)
        q, k = self.unit(F.linear(x, self.weight_q)), self.unit(F.linear(x, self.weight_k))  # (B, heads, K, 1) each
        v = F.silu(F.linear(x, self.weight_v)).view(len(x), self.heads, 1, -1)  # (B, heads, 1, V)
        a = torch.exp(-self.log_A.exp() * F.softplus(F.linear(x, self.weight_a, self.bias_a)))[:, :, None, None]
        b = self.largest * torch.sigmoid(F.linear(x, self.weight_b))[:, :, None, None]  # (B, heads, 1, 1), as a
        S = a * S  # (B, heads, K, V)
        S = S + b * k * (v - (S * k).sum(dim=2, keepdim=True))  # (B, heads, K, V)
        return ((S * q).sum(dim=2).flatten(1), S), {}

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        T, B, H = len(x), x.shape[1], self.heads
        size = min(CHUNK, T)

        def chunks(values: Tensor) -> Tensor:
            """Return chunks (n, B, heads, size, K) of (T * B, heads * K); steps after the last have zeros, and change nothing."""
            padded = F.pad(values.reshape(T, B, H, -1), (0, 0, 0, 0, 0, 0, 0, -T % size))
            return padded.view(-1, size, B, H, padded.shape[-1]).permute(0, 2, 3, 1, 4)

        x = x.flatten(0, 1)  # (T * B, D)
        q, k = (chunks(self.unit(F.linear(x, weight))) for weight in (self.weight_q, self.weight_k))  # (n, B, heads, size, K) each
        v, b = chunks(F.silu(F.linear(x, self.weight_v))), chunks(self.largest * torch.sigmoid(F.linear(x, self.weight_b)))
        log_a = chunks(-self.log_A.exp() * F.softplus(F.linear(x, self.weight_a, self.bias_a)))  # (n, B, heads, size, 1)
        g = log_a.double().cumsum(3)  # in float64, because only differences count
        later = torch.ones(size, size, dtype=torch.bool, device=x.device).triu(1)
        decay = (g - g.mT).to(x.dtype).masked_fill(later, -math.inf).exp()  # (n, B, heads, size, size), at most 1
        kept = g.to(x.dtype).exp()  # (n, B, heads, size, 1)
        L = (b * decay * (k @ k.mT)).tril(-1)
        solved = torch.linalg.solve_triangular(L, torch.cat((b * v, b * kept * k), dim=4), upper=False, unitriangular=True)
        written, replaced = solved.split((v.shape[4], self.keys), dim=4)  # u = written - replaced S_0
        each = (written, replaced, kept * q, decay * (q @ k.mT), kept[..., -1:, :], (decay[..., -1, :, None] * k).mT)
        S, outputs = state[1], []
        for written, replaced, read, mixed, left, key in zip(*(part.unbind() for part in each), strict=True):
            u = written - replaced @ S  # (B, heads, size, V)
            outputs.append(read @ S + mixed @ u)
            S = left * S + key @ u  # (B, heads, K, V)
        o = torch.stack(outputs).permute(0, 3, 1, 2, 4).reshape(-1, B, self.hidden_size)[:T]  # (T, B, V of all heads)
        return o, (o[-1], S)

    def unit(self, vectors: Tensor) -> Tensor:
        """Normalise (B, heads * K) to vectors (B, heads, K, 1) of length 1, after silu."""
        return F.normalize(F.silu(vectors).view(len(vectors), self.heads, self.keys, 1), dim=2)


CELL = GatedDeltaNet
