"""Steps whose blocks are not (B, H): low rank, heads, columns, states of other widths, reductions; compared with ``step``."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import _engine
from rnnbench._cell import Cell
from tests.engine.comparison import compare

State = tuple[Tensor, ...]
D, HEADS = 3, 2


class Shaped(Cell):
    """A step given as a function of the cell, the input and the state, with parameters of the given shapes."""

    name = summary = "shaped"

    def __init__(
        self, function: Callable[..., Any], states: dict[str, tuple[int, ...]], shapes: dict[str, tuple[int, ...]], H: int
    ) -> None:
        self.state_names = ("h", *states)  # type: ignore[misc]
        super().__init__(D, H, **states)
        self.function, self.dim = function, H // HEADS
        for name, shape in {"wx": (H, D), "wh": (H, H), "b": (H,), **shapes}.items():
            self.register_parameter(name, nn.Parameter(torch.zeros(shape)))

    def step(self, x: Tensor, state: State) -> Any:
        after = self.function(self, x, *state)
        return (after if isinstance(after, tuple) else (after,)), {}


def base(c: Any, x: Tensor, h: Tensor) -> Tensor:
    return F.linear(x, c.wx, c.b) + F.linear(h, c.wh)


def lstm(c: Any, total: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    i, f, g, o = total.chunk(4, 1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return torch.sigmoid(o) * torch.tanh(cell), cell


def heads(c: Any, x: Tensor, h: Tensor) -> Tensor:
    split = h.view(h.shape[0], HEADS, c.dim)
    return torch.tanh(F.linear(x, c.wx) + torch.einsum("bhd,hde->bhe", split, c.blocks).reshape(len(x), -1))


def heads_bmm(c: Any, x: Tensor, h: Tensor) -> Tensor:
    split = h.view(-1, HEADS, c.dim).transpose(0, 1)
    return torch.tanh(F.linear(x, c.wx) + torch.bmm(split, c.blocks).transpose(0, 1).reshape(x.size(0), c.hidden_size))


def heads_matmul(c: Any, x: Tensor, h: Tensor) -> Tensor:
    products = (h.unflatten(1, (HEADS, c.dim)).unsqueeze(2) @ c.blocks).squeeze(2)
    return torch.tanh(F.linear(x, c.wx) + products.flatten(1))


def heads_slices(c: Any, x: Tensor, h: Tensor) -> Tensor:
    parts = [h[:, k * c.dim : (k + 1) * c.dim] @ c.blocks[k] for k in range(HEADS)]
    return torch.tanh(F.linear(x, c.wx) + torch.cat(parts, dim=1))


def slstm_heads(c: Any, x: Tensor, h: Tensor, cell: Tensor, n: Tensor, m: Tensor) -> State:
    recurrent = torch.einsum("bhd,hgde->bghe", h.view(-1, HEADS, c.dim), c.gates_h).reshape(-1, 4 * c.hidden_size)
    i, f, z, o = (F.linear(x, c.gates_x) + recurrent).chunk(4, 1)
    kept = F.logsigmoid(f) + m
    new = torch.maximum(kept, i)
    i, f = torch.exp(i - new), torch.exp(kept - new)
    cell, n = f * cell + i * torch.tanh(z), f * n + i
    y = torch.sigmoid(o) * cell / n.clamp(min=0.5)
    return F.group_norm(y, HEADS, c.b), cell, n, new


def lstmp(c: Any, x: Tensor, h: Tensor, cell: Tensor) -> State:
    i, f, g, o = (F.linear(x, c.gates_x) + F.linear(h, c.gates_h)).chunk(4, 1)
    cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
    return F.linear(torch.sigmoid(o) * torch.tanh(cell), c.project), cell


def householder(c: Any, x: Tensor, h: Tensor) -> Tensor:
    h = h - 2 * (h @ c.v).unsqueeze(1) * c.v / c.v.dot(c.v)
    h = h - 2 * F.linear(F.linear(h, c.u), c.u.t()) / c.u.square().sum()
    return torch.tanh(F.linear(x, c.wx, c.b) + h)


def on_lstm(c: Any, x: Tensor, h: Tensor, cell: Tensor) -> State:
    total = F.linear(x, c.all_x) + F.linear(h, c.all_h)
    master_f, master_i, rest = total.split([4, 4, 4 * c.hidden_size], dim=1)
    f = torch.cumsum(torch.softmax(master_f, dim=-1), dim=-1).repeat_interleave(c.hidden_size // 4, dim=1)
    i = 1 - torch.cumsum(torch.softmax(master_i, dim=-1), dim=-1).repeat_interleave(c.hidden_size // 4, dim=1)
    gates = rest.view(-1, 4, c.hidden_size)
    overlap = f * i
    new = torch.sigmoid(gates[:, 0]) * overlap + f - overlap
    cell = new * cell + (torch.sigmoid(gates[:, 1]) * overlap + i - overlap) * torch.tanh(gates[:, 2])
    return torch.sigmoid(gates[:, 3]) * torch.tanh(cell), cell


def fast_weights(c: Any, x: Tensor, h: Tensor, S: Tensor) -> State:
    q, k, v = F.linear(torch.cat([x, h], 1), c.qkv).view(-1, 3, c.dim).unbind(1)
    k = F.normalize(k, dim=1)
    S = 0.9 * S + torch.einsum("bi,bj->bij", k, v - torch.einsum("bij,bi->bj", S, k))
    read = torch.bmm(q.unsqueeze(1), S).squeeze(1)
    return torch.tanh(F.linear(read, c.out) + F.linear(x, c.wx)), S


def mlstm(c: Any, x: Tensor, h: Tensor, S: Tensor, n: Tensor) -> State:
    q, k, v = F.linear(x, c.qkv).chunk(3, 1)
    f = torch.sigmoid(F.linear(h, c.scalar))
    S = f.unsqueeze(2) * S + v.unsqueeze(2) * k.unsqueeze(1)
    n = f * n + k
    read = (S @ q.unsqueeze(2)).squeeze(2) / (n * q).sum(1, keepdim=True).abs().clamp(min=1)
    return torch.tanh(F.linear(read, c.out)), S, n


def clockwork(c: Any, x: Tensor, h: Tensor, t: Tensor) -> State:
    active = (t % c.periods == 0).to(h.dtype)
    new = torch.tanh(base(c, x, h))
    return active * new + (1 - active) * h, t + 1


def phased(c: Any, x: Tensor, h: Tensor, t: Tensor) -> State:
    phase = torch.remainder(t - c.b, 1.7) / 1.7
    k = torch.where(phase < 0.2, 10 * phase, torch.where(phase < 0.4, 4 - 10 * phase, 0.01 * phase))
    return k * torch.tanh(base(c, x, h)) + (1 - k) * h, t + 0.3


def grud(c: Any, x: Tensor, h: Tensor) -> Tensor:
    values, elapsed = x[:, :2], x[:, 2:3]
    h = h * torch.exp(-torch.relu(F.linear(elapsed, c.decay, c.b)))
    return torch.tanh(F.linear(values, c.wx[:, :2]) + h @ c.wh) * torch.exp(-x[:, 2:].abs()) + x[:, -1].unsqueeze(1) * 0.1


def cfc(c: Any, x: Tensor, h: Tensor) -> Tensor:
    trunk = F.silu(F.linear(torch.cat((x, h), -1), c.trunk))
    a, b = torch.tanh(F.linear(trunk, c.a)), torch.tanh(F.linear(trunk, c.b2))
    gate = torch.sigmoid(F.linear(trunk, c.ta) * x[:, 2:] + F.linear(trunk, c.tb))
    return a * (1 - gate) + gate * b


def low_rank(c: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(F.linear(x, c.wx) + c.b + (h @ c.high.T) @ c.low)


def uneven(c: Any, x: Tensor, h: Tensor) -> Tensor:
    new, gate = F.linear(torch.cat([x, h], 1), c.both).split([h.shape[1], 1], 1)
    return torch.tanh(new) * torch.sigmoid(gate)


def cat_of_halves(c: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(torch.cat([F.linear(x, c.some), F.linear(h, c.rest)], dim=1) + c.b)


def multiplicative(c: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(F.linear(F.linear(x, c.f) * F.linear(h, c.g), c.o) + c.b)


def memory(c: Any, x: Tensor, h: Tensor, M: Tensor) -> State:
    w = torch.softmax(F.linear(h, c.key), 1)
    read = (w.unsqueeze(1) @ M).squeeze(1)
    return torch.tanh(F.linear(read, c.read) + F.linear(x, c.wx)), M + w.unsqueeze(2) * F.linear(h, c.write).unsqueeze(1)


def conv(c: Any, x: Tensor, h: Tensor) -> Tensor:
    return torch.tanh(F.linear(x, c.wx) + F.conv1d(h.unsqueeze(1), c.kernel, padding=1).squeeze(1))


def indices(c: Any, x: Tensor, h: Tensor) -> Tensor:
    v = base(c, x, h)
    largest, place = v.max(1)
    chosen = F.one_hot(v.argmin(-1), c.hidden_size) * v + F.embedding(place, c.wh)
    marked = torch.zeros_like(v).scatter(1, v.abs().argmax(1, keepdim=True), largest[:, None])
    return torch.tanh(chosen + h.gather(1, place[:, None]) + marked) * (torch.arange(c.hidden_size) != place[:, None])


def spread(c: Any, x: Tensor, h: Tensor) -> Tensor:
    v = base(c, x, h)
    variance, middle = torch.var_mean(v.view(-1, HEADS, c.dim), dim=(1, 2), keepdim=True, correction=0)
    y = (v - v.mean(1, keepdim=True)) / (v.std(dim=-1, keepdim=True) + 0.1) + h.var(1, unbiased=False)[:, None]
    return torch.tanh(y + (variance * middle).flatten(1))


def products_of_columns(c: Any, x: Tensor, h: Tensor) -> Tensor:
    b = torch.sigmoid(base(c, x, h)).view(-1, c.hidden_size // 4, 4)
    left = torch.cumprod(torch.cat([torch.ones_like(b[:, :, :1]), 1 - b[:, :, :-1]], 2), dim=2)
    return (b * left + torch.logcumsumexp(h.view_as(b), 2) * 0.1 + h.view_as(b).prod(2, keepdim=True)).flatten(1)


def attention(c: Any, x: Tensor, h: Tensor) -> Tensor:
    q = h.view(-1, HEADS, c.dim)
    read = F.scaled_dot_product_attention(q, c.keys.expand(len(h), -1, -1), q[:, :1].expand(-1, 3, -1))
    return torch.tanh(read.flatten(1) + F.linear(x, c.wx) - 0.1 * torch.cdist(h, c.wh))


def three_operands(c: Any, x: Tensor, h: Tensor) -> Tensor:
    gate = torch.einsum("bi,oij,bj->bo", x, c.tensor, h) + torch.einsum("bi,ij", h, c.wh)
    return torch.tanh(F.linear(x, c.wx) + torch.einsum("bk, bk, kj -> bj", gate, gate, c.wh)) + F.bilinear(x, h, c.tensor, c.b)


def windows(c: Any, x: Tensor, h: Tensor) -> Tensor:
    row = F.pad(h.unsqueeze(1), (1, 1), mode="circular")
    y = F.conv1d(row, c.kernel, c.bias).squeeze(1) + F.avg_pool1d(h.unsqueeze(1), 2).squeeze(1).repeat(1, 2)
    return torch.tanh(F.linear(x, c.wx) + y + torch.baddbmm(c.bias.view(1, 1, 1), h[None], c.wh[None])[0])


def mixed_columns(c: Any, x: Tensor, h: Tensor) -> Tensor:
    """Raw columns of the input, numbers, parameters and computed columns side by side."""
    v = base(c, x, h)
    return torch.cat([v[:, :2], x[:, :1], torch.full_like(v[:, 2:3], 2), c.b[3:4].expand_as(v[:, 3:4]), v[:, 5:]], 1).tanh()


def in_place(c: Any, x: Tensor, h: Tensor) -> Tensor:
    g = F.linear(x, c.wx)
    g += F.linear(h, c.wh)
    left, right = g[:, : c.dim], g.view(-1, HEADS, c.dim)[:, 1]  # views of g
    left.mul_(2).add_(x[:, :1])
    right -= h[:, c.dim :]
    g[:, 0] += 1
    copy = g.view(-1, HEADS, c.dim).transpose(1, 2).reshape(g.shape)
    copy.zero_()
    out = torch.empty(x.shape[0], c.hidden_size, dtype=g.dtype)
    out[:, ::2] = torch.tanh(g[:, ::2])
    out[:, 1::2] = F.relu(g[:, 1::2] * 2, inplace=True)
    out[out > 0.5] = 0.5
    out[:, [0, 2]] = -out[:, [2, 0]].clamp_(max=0.1)
    return out + copy


Case = tuple[Callable[..., Any], dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]


def cases(H: int) -> dict[str, Case]:
    """Return the steps by name, with the shapes of their states and parameters, for a hidden size."""
    DIM = H // HEADS
    blocks = {"blocks": (HEADS, DIM, DIM)}
    order = [k ^ 1 for k in range(H)]  # neighbours change places
    return {
        "low rank": (low_rank, {}, {"high": (3, H), "low": (3, H)}),
        "scalar gate": (
            lambda c, x, h: h + torch.sigmoid(F.linear(h, c.gate) + F.linear(x, c.gx)) * (torch.tanh(base(c, x, h)) - h),
            {},
            {"gate": (1, H), "gx": (1, D)},
        ),
        "grouped gates": (
            lambda c, x, h: torch.sigmoid(F.linear(h, c.gate)).repeat_interleave(4, dim=1) * torch.tanh(base(c, x, h)),
            {},
            {"gate": (H // 4, H)},
        ),
        "householder": (householder, {}, {"v": (H,), "u": (1, H)}),
        "heads by einsum": (heads, {}, blocks),
        "heads by bmm": (heads_bmm, {}, blocks),
        "heads by matmul": (heads_matmul, {}, blocks),
        "heads by slices": (heads_slices, {}, blocks),
        "sLSTM with heads": (
            slstm_heads, {"c": (H,), "n": (H,), "m": (H,)}, {"gates_x": (4 * H, D), "gates_h": (HEADS, 4, DIM, DIM)},
        ),
        "LSTMP": (lstmp, {"c": (H + H // 2,)}, {"gates_x": (6 * H, D), "gates_h": (6 * H, H), "project": (H, H + H // 2)}),
        "ordered neurons": (on_lstm, {"c": (H,)}, {"all_x": (8 + 4 * H, D), "all_h": (8 + 4 * H, H)}),
        "fast weights": (fast_weights, {"S": (DIM, DIM)}, {"qkv": (3 * DIM, D + H), "out": (H, DIM)}),
        "mLSTM": (mlstm, {"S": (DIM, DIM), "n": (DIM,)}, {"qkv": (3 * DIM, D), "scalar": (1, H), "out": (H, DIM)}),
        "clockwork": (clockwork, {"t": (1,)}, {}),
        "phased": (phased, {"t": (1,)}, {}),
        "elapsed time": (grud, {}, {"decay": (H, 1)}),
        "closed form": (cfc, {}, {"trunk": (5, D + H), "a": (H, 5), "b2": (H, 5), "ta": (H, 5), "tb": (H, 5)}),
        "softmax over heads": (
            lambda c, x, h: (torch.softmax(base(c, x, h).view(-1, HEADS, DIM), dim=2) * h.view(-1, HEADS, DIM)).flatten(1), {}, {},
        ),
        "softmax over units": (lambda c, x, h: torch.softmax(base(c, x, h), -1) * 3 - F.log_softmax(h, dim=1) * 0.1, {}, {}),
        "largest": (
            lambda c, x, h: torch.tanh(base(c, x, h)) / (1 + h.abs().amax(1, keepdim=True)) + h.max(1)[0][:, None] * 0.1, {}, {},
        ),
        "norm": (
            lambda c, x, h: F.normalize(torch.tanh(base(c, x, h)), dim=-1) + 0.1 * h / (1 + h.norm(dim=1, keepdim=True)), {}, {},
        ),
        "activations": (
            lambda c, x, h: F.gelu(F.linear(x, c.wx)) + F.hardsigmoid(F.linear(h, c.wh)) * F.prelu(h, c.b) + torch.erf(h), {}, {},
        ),
        "roll and flip": (lambda c, x, h: torch.tanh(F.linear(x, c.wx) + h.roll(1, dims=1) * c.b) + 0.3 * h.flip(1), {}, {}),
        "columns": (lambda c, x, h: torch.tanh(base(c, x, h)) * h[:, order] + h[:, ::2].repeat(1, 2) * 0.3, {}, {}),
        "complex pairs": (
            lambda c, x, h: torch.stack(
                [h[:, ::2] * c.cos - h[:, 1::2] * c.sin, h[:, ::2] * c.sin + h[:, 1::2] * c.cos], dim=-1
            ).flatten(1) + F.linear(x, c.wx),
            {}, {"cos": (DIM,), "sin": (DIM,)},
        ),
        "two halves": (lambda c, x, h: torch.cat([torch.tanh(base(c, x, h))[:, :3], h[:, 3:] * 0.5 + x[:, :1]], 1), {}, {}),
        "uneven split": (uneven, {}, {"both": (H + 1, D + H)}),
        "cat of halves": (cat_of_halves, {}, {"some": (DIM, D), "rest": (DIM, H)}),
        "multiplicative": (multiplicative, {}, {"f": (5, D), "g": (5, H), "o": (H, 5)}),
        "attention over slots": (memory, {"M": (3, 2)}, {"read": (H, 2), "write": (2, H), "key": (3, H)}),
        "conv over units": (conv, {}, {"kernel": (1, 1, 3)}),
        "indices": (indices, {}, {}),
        "standard deviation": (spread, {}, {}),
        "products of columns": (products_of_columns, {}, {}),
        "attention": (attention, {}, {"keys": (1, 3, DIM)}),
        "three operands": (three_operands, {}, {"tensor": (H, D, H)}),
        "windows": (windows, {}, {"kernel": (1, 1, 3), "bias": (1,)}),
        "mixed columns": (mixed_columns, {}, {}),
        "in place": (in_place, {}, {}),
        "rounding": (
            lambda c, x, h: torch.fmod(base(c, x, h), 1.3) + torch.round(h * 4) / 4 * h + torch.atan(h) + F.relu(h) ** 1.5, {}, {},
        ),
    }  # fmt: skip


CASES = cases(8)


def build(name: str, H: int = 8) -> Cell:
    cell = Shaped(*cases(H)[name], H)
    cell.register_buffer("periods", torch.tensor([1.0, 1, 2, 2, 3, 3, 5, 5]).repeat(H // 8))
    return cell


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("kind", ["tokens", "values"])
@pytest.mark.parametrize("name", CASES)
def test_generated_code_is_the_step(name: str, kind: str) -> None:
    cell = build(name).double()
    assert _engine.refusal(cell) is None
    compare(cell, kind, scale=0.0 if name == "clockwork" else 0.5)


def view_of_state(c: Any, x: Tensor, h: Tensor) -> Tensor:
    h.view(-1, HEADS, c.dim)[:, 0] = 0
    return base(c, x, h)


def parameter(c: Any, x: Tensor, h: Tensor) -> Tensor:
    weight = torch.zeros(c.hidden_size, c.hidden_size)
    weight[0] = c.b
    return base(c, x, h @ weight)


@pytest.mark.parametrize("function", [view_of_state, parameter])
def test_changes_in_place_of_a_state_or_a_parameter_are_refused(function: Callable[..., Any]) -> None:
    assert "in place of the input, the state, a parameter or a constant" in str(_engine.refusal(Shaped(function, {}, {}, 8)))


@pytest.mark.skipif(not _engine.available(), reason="numba is not installed")
@pytest.mark.parametrize("name", ["ordered neurons", "activations", "phased", "rounding"])
def test_compiled_code_is_the_step(name: str) -> None:
    """The loops that combine columns, and the functions that plain Python replaces elsewhere."""
    cell = build(name).double()
    assert _engine.refusal(cell) is None
    compare(cell, "values")
