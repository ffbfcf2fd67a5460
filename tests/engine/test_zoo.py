"""Cells of the literature, and some that strain the engine, compared with ``step`` and autograd."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from rnnbench import _engine
from rnnbench._cell import Cell
from rnnbench._plugins import registry
from tests.engine.comparison import compare


class Base(Cell):
    name = "z"
    summary = ""

    def p(self, name, *shape):
        self.parameter(name, *shape)


class Leaky(Base):
    def __init__(self, D, H, rate=0.1):
        super().__init__(D, H)
        self.rate = rate
        self.stacked_weights(1, ())

    def step(self, x, state):
        (h,) = state
        new = torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T)
        return ((1 - self.rate) * h + self.rate * new,), {}


class MGU(Base):
    def __init__(self, D, H):
        super().__init__(D, H)
        self.f = nn.Linear(D + H, H)
        self.n = nn.Linear(D + H, H)

    def step(self, x, state):
        (h,) = state
        f = torch.sigmoid(self.f(torch.cat([x, h], dim=1)))
        n = torch.tanh(self.n(torch.cat([x, f * h], dim=1)))
        return ((1 - f) * h + f * n,), {"f": f}


class Peephole(Base):
    state_names = ("h", "c")

    def __init__(self, D, H):
        super().__init__(D, H)
        self.stacked_weights(4, ("bias",))
        self.peep = nn.Parameter(torch.zeros(3, H))

    def step(self, x, state):
        h, c = state
        i, f, g, o = (F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(4, dim=1)
        i = torch.sigmoid(i + self.peep[0] * c)
        f = torch.sigmoid(f + self.peep[1] * c)
        c = f * c + i * torch.tanh(g)
        o = torch.sigmoid(o + self.peep[2] * c)
        return (o * torch.tanh(c), c), {"i": i, "f": f, "o": o}


class SLSTM(Base):
    state_names = ("h", "c", "n", "m")

    def __init__(self, D, H):
        super().__init__(D, H)
        self.stacked_weights(4, ("bias",))

    def step(self, x, state):
        h, c, n, m = state
        i, f, z, o = (F.linear(x, self.weight_ih, self.bias) + F.linear(h, self.weight_hh)).chunk(4, dim=1)
        lf = F.logsigmoid(f)
        mn = torch.maximum(lf + m, i)
        i = torch.exp(i - mn)
        f = torch.exp(lf + m - mn)
        c = f * c + i * torch.tanh(z)
        n = f * n + i
        h = torch.sigmoid(o) * c / torch.clamp(n.abs(), min=1.0)
        return (h, c, n, mn), {}


class Decay(Base):
    def __init__(self, D, H):
        super().__init__(D, H)
        self.nu = nn.Parameter(torch.randn(H))
        self.A = nn.Parameter(torch.randn(H, H))
        self.w = nn.Linear(D, H)
        self.scale = nn.Parameter(torch.tensor(0.5))

    def step(self, x, state):
        (h,) = state
        Q = torch.matrix_exp(self.A - self.A.T)
        a = torch.exp(-torch.exp(self.nu))
        return (a * (h @ Q) + torch.sqrt(1 - a * a) * self.w(x) * self.scale,), {}


class Strained(Base):
    """Products of gates, two products in one slot, a source in the state, a part of the state that is handed on, detach."""

    state_names = ("h", "k", "q")

    def __init__(self, D, H):
        super().__init__(D, H)
        self.a = nn.Linear(D, H)
        self.b = nn.Linear(H, H)
        self.c = nn.Linear(H, 2 * H)
        self.d = nn.Linear(H, H)

    def step(self, x, state):
        h, k, q = state
        g = torch.sigmoid(self.a(x) + self.b(h))
        u, v = self.c(g).chunk(2, 1)
        w = F.softplus(u + self.b(k)) - self.d(g * v) + self.d(q)
        y = torch.tanh(w) * g + h.detach() * 0.3 + self.b(k.detach()) * 0.1 + F.silu(v) * 0.1
        return (y, h, y * k), {}


class Normed(Base):
    """An LSTM with layer norms, as Ba, Kiros & Hinton 2016 have it: over all gates' products, and of the cell state."""

    state_names = ("h", "c")

    def __init__(self, D, H):
        super().__init__(D, H)
        self.stacked_weights(4, ("bias",))
        self.inputs, self.states_, self.cells = nn.LayerNorm(4 * H), nn.LayerNorm(4 * H), nn.LayerNorm(H)

    def step(self, x, state):
        h, c = state
        total = self.inputs(F.linear(x, self.weight_ih)) + self.states_(F.linear(h, self.weight_hh)) + self.bias
        i, f, g, o = total.chunk(4, dim=1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return (torch.sigmoid(o) * torch.tanh(self.cells(c)), c), {}


class Wrapped(Base):
    """One of torch's own cells."""

    def __init__(self, D, H, kind, **options):
        self.state_names = ("h", "c") if kind is nn.LSTMCell else ("h",)
        super().__init__(D, H)
        self.inside = kind(D, H, **options)

    def step(self, x, state):
        after = self.inside(x, state if len(state) == 2 else state[0])
        return after if len(state) == 2 else (after,), {}


ZOO: dict[str, Callable[..., Cell]] = {
    **{cls.__name__: cls for cls in (Normed, Leaky, MGU, Peephole, SLSTM, Decay, Strained)},
    **{name: partial(registry.make_cell, name) for name in ("janet", "ugrnn", "lem", "cornn", "indrnn", "mingru", "nbrc")},
    **{kind.__name__: partial(Wrapped, kind=kind) for kind in (nn.GRUCell, nn.LSTMCell, nn.RNNCell)},
    "RNNCell with ReLU": partial(Wrapped, kind=nn.RNNCell, nonlinearity="relu", bias=False),
}


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("sizes", [(4, 5), (5, 5), (1, 1), (2, 1)])
@pytest.mark.parametrize("kind", ["tokens", "values"])
@pytest.mark.parametrize("name", ZOO)
def test_generated_code_is_the_step(name: str, kind: str, sizes: tuple[int, int]) -> None:
    compare(ZOO[name](*sizes).double(), kind)


@pytest.mark.skipif(not _engine.available(), reason="numba is not installed")
@pytest.mark.parametrize("name", ["SLSTM", "Strained", "Normed"])
@pytest.mark.parametrize("kind", ["tokens", "values"])
def test_compiled_code_is_the_step(name: str, kind: str) -> None:
    compare(ZOO[name](4, 5).double(), kind)
