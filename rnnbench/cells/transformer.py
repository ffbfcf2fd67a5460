"""A causal Transformer. Attention keeps all inputs, so its memory grows with the sequence: it serves as an upper reference.

    x = x + attention(norm(x));  x = x + W_2 gelu(W_1 norm(x))        in every layer, after an input projection; a norm at the end

Positions enter as rotations of queries and keys (RoPE), so that attention depends on distances and not on absolute positions. With
``positions=false`` only the causal mask conveys the order. The number of heads is the greatest common divisor of ``heads`` and the
width.

Source: Vaswani et al. 2017; norm first: Xiong et al. 2020; RoPE: Su et al. 2021, section 3.4.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench.cells import SequenceModel


class Attention(nn.Module):
    """Causal multi-head self-attention over (T, B, H)."""

    def __init__(self, hidden_size: int, heads: int, positions: bool) -> None:
        super().__init__()
        self.heads, self.positions = heads, positions
        self.project = nn.Linear(hidden_size, 3 * hidden_size, bias=False)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        T, B, H = x.shape
        q, k, v = self.project(x).view(T, B, 3, self.heads, H // self.heads).permute(2, 1, 3, 0, 4)  # (B, heads, T, H/heads) each
        if self.positions:
            q, k = rotated(q), rotated(k)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, heads, T, H/heads)
        out: Tensor = self.out(mixed.permute(2, 0, 1, 3).reshape(T, B, H))  # (T, B, H)
        return out


def rotated(x: Tensor) -> Tensor:
    """Rotate pairs of channels of (..., T, K) by angles that grow with the time step; a last odd channel stays unchanged."""
    pairs = x.shape[-1] // 2
    rates = 10_000.0 ** (-torch.arange(pairs, dtype=x.dtype, device=x.device) / max(pairs, 1))  # (K // 2)
    angles = torch.arange(x.shape[-2], dtype=x.dtype, device=x.device).unsqueeze(1) * rates  # (T, K // 2)
    a, b, rest = x[..., :pairs], x[..., pairs : 2 * pairs], x[..., 2 * pairs :]
    return torch.cat((a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos(), rest), dim=-1)


class Transformer(SequenceModel):
    """Options: ``layers`` (2); ``heads`` (4), the largest number of heads; ``positions`` (true)."""

    name = "transformer"
    summary = "causal Transformer: attention over all inputs so far"
    reference = "Vaswani et al. 2017; Su et al. 2021"
    memory = "all inputs, grows with T"

    def __init__(self, input_size: int, hidden_size: int, layers: int = 2, heads: int = 4, positions: bool = True) -> None:
        super().__init__(input_size, hidden_size)
        for option, value in (("layers", layers), ("heads", heads)):
            if value < 1:
                raise ValueError(f"option {option} must be at least 1, not {value}")
        H = hidden_size
        self.embed = nn.Linear(input_size, H)
        self.attend = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(H), Attention(H, math.gcd(heads, H), positions)) for _ in range(layers)
        )
        self.think = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(H), nn.Linear(H, 4 * H), nn.GELU(), nn.Linear(4 * H, H)) for _ in range(layers)
        )
        self.norm = nn.LayerNorm(H)

    def sequence(self, x: Tensor) -> Tensor:
        x = self.embed(x)  # (T, B, H)
        for attend, think in zip(self.attend, self.think, strict=True):
            x = x + attend(x)  # (T, B, H)
            x = x + think(x)  # (T, B, H)
        out: Tensor = self.norm(x)  # (T, B, H)
        return out


CELL = Transformer
