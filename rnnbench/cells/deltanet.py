"""Gated DeltaNet: a matrix state that stores one value per key and decays by a gate.

Per head, with unit keys k and queries q, both silu(W x_t) over its norm, and values v = silu(W_v x_t):

    a_t = exp(-exp(log_A) softplus(W_a x_t + b_a))    share of the whole state that is kept
    b_t = sigmoid(W_b x_t)                            share of the key's old value that is replaced
    S_t = a_t S_{t-1} + b_t k_t (v_t - a_t S_{t-1}^T k_t)^T           (K, V)
    o_t = S_t^T q_t                                   (V), concatenated over heads

``negative`` doubles b, so that S can change its sign along a key, which parity requires (Grazzi et al. 2025). The paper's block
(short convolution, output norm and gate) is not part of the cell. The number of heads is the greatest common divisor of ``heads``
and the width.

Source: Yang, Kautz & Hatamizadeh 2025, equation 10 and section 3.4; initial values: Dao & Gu 2024.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench.cells import Cell, State


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

    def unit(self, vectors: Tensor) -> Tensor:
        """Normalise (B, heads * K) to vectors (B, heads, K, 1) of length 1, after silu."""
        return F.normalize(F.silu(vectors).view(len(vectors), self.heads, self.keys, 1), dim=2)


CELL = GatedDeltaNet
