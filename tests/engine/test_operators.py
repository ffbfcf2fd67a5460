"""Operators: slopes by finite differences, random steps, and the messages of refusals."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnbench import _engine
from rnnbench._cell import Cell
from rnnbench._engine.graph import OPERATORS, TRUTH
from rnnbench._engine.lowering import COMPOSED
from rnnbench._engine.refusal import NotCompiledError
from rnnbench._errors import UserError

CASES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda a, b: torch.add(a, b, alpha=2) + 3,
    "sub": lambda a, b: 2 - (a - b) - torch.sub(a, b, alpha=3),
    "mul": lambda a, b: a * b * 0.7,
    "div": lambda a, b: a / b + 1.5 / a,
    "neg": lambda a, b: -(-a + 1),
    "tanh": lambda a, b: a.tanh(),
    "sigmoid": lambda a, b: torch.sigmoid(a),
    "relu": lambda a, b: F.relu(a) - F.relu(-b),
    "exp": lambda a, b: a.exp(),
    "log": lambda a, b: torch.log(a),
    "softplus": lambda a, b: F.softplus(a) + F.softplus(b, beta=3.0),
    "sqrt": lambda a, b: a.sqrt(),
    "sin": lambda a, b: torch.sin(a),
    "cos": lambda a, b: torch.cos(a),
    "abs": lambda a, b: abs(-a) + (a - 2).abs(),
    "max": lambda a, b: torch.maximum(a, b),
    "min": lambda a, b: torch.min(a, b),
    "where": lambda a, b: torch.where((a > b) | (a == 0), a * a, b),
    "detach": lambda a, b: a + (b > a).detach() * a,
    "total": lambda a, b: a * b.sum(1, keepdim=True) + (a * a).mean(dim=-1, keepdim=True) * 2 + F.rms_norm(b, (3,)),
    "clamp": lambda a, b: a.clamp(0.5, 0.7) + b.clamp(min=0.6) + torch.clamp(b, max=0.6),
    "pow": lambda a, b: a**2 + b**3 + a**-1 + b**0.5 + 2**a + a**5 - b**-4,
    "square": lambda a, b: a.square(),
    "reciprocal": lambda a, b: a.reciprocal(),
    "rsqrt": lambda a, b: a.rsqrt(),
    "rsub": lambda a, b: torch.rsub(a, b),
    "logsigmoid": lambda a, b: F.logsigmoid(a),
    "silu": lambda a, b: F.silu(a),
    "elu": lambda a, b: F.elu(a - 0.5) + F.elu(b, alpha=0.5),
    "leaky_relu": lambda a, b: F.leaky_relu(a - 0.6, 0.2),
    "sign": lambda a, b: a.sign() * b,
    "lerp": lambda a, b: torch.lerp(a, b, 0.3) + torch.lerp(a, b, a),
    "addcmul": lambda a, b: torch.addcmul(a, a, b, value=2),
    "addcdiv": lambda a, b: torch.addcdiv(a, a, b, value=2),
    "clamp_min": lambda a, b: a.clamp_min(0.5) * b,
    "clamp_max": lambda a, b: torch.clamp_max(a, 0.5) * b,
    "hardtanh": lambda a, b: F.hardtanh(a * 2) + F.hardtanh(b, 0.4, 0.6),
    "relu6": lambda a, b: F.relu6(a * 9) + b,
    "softsign": lambda a, b: F.softsign(a - 0.5),
    "gelu": lambda a, b: F.gelu(a - 0.5, approximate="tanh"),
    "mish": lambda a, b: F.mish(a - 0.5),
    "celu": lambda a, b: F.celu(a - 0.5) + F.celu(b - 0.6, alpha=0.5),
    "selu": lambda a, b: F.selu(a - 0.5),
    "masked_fill": lambda a, b: a.masked_fill(a > b, 0.3) * b,
    "erf": lambda a, b: torch.erf(a) + F.gelu(b - 0.5),
    "floor": lambda a, b: (a * 4).floor() * b,
    "remainder": lambda a, b: (a * 7) % 1 + torch.remainder(-3 * b, 0.7) + torch.remainder(a * 3, b),
    "pick": lambda a, b: a[:, 1:2] * b + a.roll(1, 1) * b[:, [2, 0, 1]] + torch.cat([b[:, 2:], a[:, :2]], 1) * a.flip(1),
    "collect": lambda a, b: torch.cumsum(a * b, 1) * torch.stack([a, b], 1).sum(2)[:, :1] + torch.stack([a, b], 2).sum(1)[:, 1:],
    "first": lambda a, b: torch.softmax(a, 1) * b.max(dim=1, keepdim=True).values + a.amax(1, keepdim=True) * b.min(1)[0][:, None],
    "hardsigmoid": lambda a, b: F.hardsigmoid(a * 9 - 4) * b,
    "prelu": lambda a, b: F.prelu(a - 0.5, torch.tensor([0.3], dtype=a.dtype)) * b,
    "log1p": lambda a, b: torch.log1p(a),
    "exp2": lambda a, b: torch.exp2(a),
    "tanhshrink": lambda a, b: F.tanhshrink(a),
    "xor": lambda a, b: torch.where((a > b) ^ (b > 0.5), a, b * b),
    "round": lambda a, b: torch.round(a * 4 + 0.1) * b,
    "fmod": lambda a, b: torch.fmod(a * 7, 1) + torch.fmod(-3 * b, 0.7) + torch.fmod(a * 3, -b),
    "power": lambda a, b: a**1.5 + b**-0.7 + a**b,
    "atan": lambda a, b: torch.atan(a) + b.arctan(),
    "floordiv": lambda a, b: (a.detach() * 7) // 0.3 * b + a * torch.div(b.detach(), -0.2, rounding_mode="floor"),
    "pos": lambda a, b: +a + torch.positive(b),
    "bool": lambda a, b: torch.where((a > 0.5).to(a).bool(), a, b) + torch.where(b.bool(), a, b),
    "isnan": lambda a, b: torch.where(torch.isnan(a), b, a * b),
    "ceil": lambda a, b: (a * 4).ceil() * b,
    "trunc": lambda a, b: (a * 4 - 2).trunc() * b + torch.div(a.detach() * 5, -0.3, rounding_mode="trunc") * b,
    "frac": lambda a, b: (a * 4 - 2).frac() * b,
    "expm1": lambda a, b: torch.expm1(a) * b,
    "log2": lambda a, b: torch.log2(a) * b,
    "log10": lambda a, b: torch.log10(a) * b,
    "logaddexp": lambda a, b: torch.logaddexp(a * 9, b),
    "hypot": lambda a, b: torch.hypot(a, b),
    "tan": lambda a, b: torch.tan(a) * b,
    "sinh": lambda a, b: torch.sinh(a) * b,
    "cosh": lambda a, b: torch.cosh(a) * b,
    "asinh": lambda a, b: torch.asinh(a - 0.5) * b,
    "hardswish": lambda a, b: F.hardswish(a * 9 - 4) * b,
    "threshold": lambda a, b: F.threshold(a, 0.5, 0.3) * b,
    "hardshrink": lambda a, b: F.hardshrink(a - 0.5, 0.1) * b,
    "softshrink": lambda a, b: F.softshrink(a - 0.5, 0.1) * b,
    "invert": lambda a, b: torch.where(~(a > b) ^ (b > 0.5), a, b * b) + (a > b).to(a) * a + (~(b > 0.4)).to(a.dtype),
}


class Written(Cell):
    """A step given as a function of the input's product (B, H) and the state."""

    name = "written"
    summary = "for a test"

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(3, 3)
        self.parameter("weight", 3, 3)
        self.parameter("square", 3, 3)
        self.function = function
        with torch.no_grad():
            self.weight.copy_(torch.eye(3) + 0.1)
            self.square.copy_(torch.eye(3) * 0.5 - 0.2)

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
        return (self.function(F.linear(x, self.weight), state[0]),), {}


def test_every_operator_has_a_case() -> None:
    assert set(CASES) == {*OPERATORS, *COMPOSED} - {*TRUTH}


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("name", CASES)
def test_slopes_are_those_of_finite_differences(name: str) -> None:
    cell = Written(CASES[name]).double()

    def states(x: Tensor, h: Tensor) -> Tensor:
        cell.initial_h = h
        return _engine.states(cell, x)

    del cell._buffers["initial_h"]
    x = torch.linspace(0.2, 0.9, 6, dtype=torch.float64).reshape(1, 2, 3)
    h = torch.tensor([0.85, 0.35, 0.55], dtype=torch.float64)
    assert torch.autograd.gradcheck(states, (x.requires_grad_(), h.requires_grad_()))
    exact = cell.step(x[0], cell.start(2))[0][0]
    torch.testing.assert_close(states(x, h)[0], exact, rtol=1e-12, atol=1e-12)


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize(
    "name", ["max", "min", "relu", "abs", "clamp", "hardtanh", "prelu", "first", "floor", "hardswish", "threshold", "softshrink"]
)
def test_slopes_at_corners_are_those_of_torch(name: str) -> None:
    cell = Written(CASES[name]).double()
    with torch.no_grad():
        cell.weight.copy_(torch.eye(3))
        cell.initial_h.copy_(torch.tensor([0.0, 0.5, 0.6]))
    x = torch.tensor([[[0.0, 0.5, 0.7]]], dtype=torch.float64, requires_grad=True)
    ours, exact = (
        torch.autograd.grad(states(x).sum(), [x, cell.weight]) for states in (lambda x: _engine.states(cell, x), cell.states)
    )
    torch.testing.assert_close(ours, exact)


UNARY: list[Callable[[Tensor], Tensor]] = [
    torch.tanh,
    torch.sigmoid,
    lambda a: -a,
    lambda a: 1 - a,
    lambda a: 0.3 * a,
    F.softplus,
    abs,
    lambda a: F.layer_norm(a, (2,), eps=0.1),
    lambda a: a.mean(dim=1, keepdim=True) * 2 - a,
    lambda a: torch.softmax(a, 1),
    lambda a: torch.cumsum(a.roll(1, 1), 1),
    lambda a: a[:, 1:] * a + a[:, [1, 0]],
    lambda a: torch.einsum("bij,jk->bik", a.view(-1, 2, 1), torch.full((1, 2), 0.5, dtype=a.dtype)).sum(2),
    lambda a: a.amax(1, keepdim=True) - a,
]
BINARY: list[Callable[[Tensor, Tensor], Tensor]] = [
    lambda a, b: a + b,
    lambda a, b: a - b,
    lambda a, b: a * b,
    torch.maximum,
    lambda a, b: torch.where(a > b, a, 0.5 * b),
    lambda a, b: a / (1 + b * b),
    lambda a, b: torch.cat([a[:, :1], b[:, :1]], 1),
    lambda a, b: torch.stack([a, b], 2).mean(2),
    lambda a, b: (a * b).sum(1, keepdim=True) - F.normalize(a + b, dim=1, eps=0.1),
]


class Drawn(Cell):
    """A random step: each instruction takes earlier blocks and returns one, or two if it is a product."""

    name = "drawn"
    summary = "for a test"

    def __init__(self, states: int, instructions: list[tuple[int, int, int, int]], ends: list[int]) -> None:
        self.state_names = tuple(f"s{k}" for k in range(states))  # type: ignore[misc]
        super().__init__(2, 2)
        self.given, self.ends = [instructions], [ends]
        self.inputs = nn.Linear(2, 4)
        self.products = nn.ModuleList(nn.Linear(2, 4, bias=k != 1) for k in range(3))
        self.vector = nn.Parameter(torch.zeros(2))

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
        blocks = [*state, *self.inputs(x).chunk(2, 1), self.vector * state[0]]
        used = 0
        for kind, which, one, two in self.given[0]:
            a, b = blocks[-1 - one % len(blocks)], blocks[-1 - two % len(blocks)]
            if kind == 0 and used < 3:
                blocks += self.products[used](a).chunk(2, 1)
                used += 1
            elif kind == 1:
                blocks.append(UNARY[which % len(UNARY)](a))
            else:
                blocks.append(BINARY[which % len(BINARY)](a, b))
        after = [blocks[-1 - end % len(blocks)] for end in self.ends[0]]
        return (torch.tanh(after[0] + blocks[len(state)]), *after[1:]), {}


NUMBER = st.integers(0, 30)


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(1, 3),
    st.lists(st.tuples(st.integers(0, 2), NUMBER, NUMBER, NUMBER), min_size=1, max_size=12),
    st.tuples(NUMBER, NUMBER, NUMBER),
)
def test_random_steps_agree_with_autograd(
    uncompiled: None, states: int, instructions: list[tuple[int, int, int, int]], ends: tuple[int, int, int]
) -> None:
    torch.manual_seed(0)
    cell = Drawn(states, instructions, list(ends[:states])).double()
    _engine.sequence.PROGRAMS.clear()  # type: ignore[attr-defined]
    inputs = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    initial = [torch.randn(2, dtype=torch.float64, requires_grad=True) for _ in range(states)]
    for name, part in zip(cell.state_names, initial, strict=True):
        del cell._buffers[f"initial_{name}"]
        setattr(cell, f"initial_{name}", part)
    wanted = [inputs, *initial, *cell.parameters()]
    found = []
    for result in (_engine.states(cell, inputs, 1), cell.states(inputs, 1)):
        if not bool(result.isfinite().all()) or float(result.detach().abs().max()) > 1e6:
            return  # grew beyond what can be compared
        grads = torch.autograd.grad(result.sin().sum(), wanted, allow_unused=True)
        found.append([result, *(torch.zeros_like(p) if g is None else g for p, g in zip(wanted, grads, strict=True))])
    for ours, exact in zip(*found, strict=True):
        assert float((ours - exact).detach().abs().max()) <= 1e-10 * max(1.0, float(exact.detach().abs().max()))


def in_place(a: Tensor, h: Tensor) -> Tensor:
    h[:, 0] += 1
    return a + h


def autocast(a: Tensor, h: Tensor) -> Tensor:
    with torch.autocast("cpu", dtype=torch.bfloat16):
        return a @ torch.ones(3, 3)


def without_gradient(a: Tensor, h: Tensor) -> Tensor:
    with torch.no_grad():
        return a + h


REFUSED: dict[str, Callable[[Tensor, Tensor], Any]] = {
    "topk": lambda a, h: a.topk(2, dim=1).values.sum(1, keepdim=True) * h,
    "sort": lambda a, h: a.sort(dim=1).values * h,
    "a sum or a mean": lambda a, h: a * h.sum(0, keepdim=True),
    "max of the whole batch": lambda a, h: a * h.max(),
    "roll across": lambda a, h: a + h.roll(1, 0),
    "flip across": lambda a, h: a + h.flip(0),
    "reshape across": lambda a, h: a + h.reshape(-1, 1),
    "over the sequences": lambda a, h: a + torch.einsum("bi,bi->i", h, h),
    "einsum across": lambda a, h: a + torch.einsum("bi,ij->j", h, torch.ones(3, 3)),
    "do not broadcast": lambda a, h: a + h[:, :2],
    "in place": in_place,
    "random": lambda a, h: a + torch.rand(3) * h,
    "depends on the values": lambda a, h: a if (h > 0) else h,
    "round with decimals": lambda a, h: a + torch.round(h, decimals=1),
    "mask or dropout": lambda a, h: F.scaled_dot_product_attention(a[:, None], h[:, None], h[:, None], is_causal=True)[:, 0],
    "keep a dimension for the batch": lambda a, h: a + F.normalize(h.reshape(h.shape[0] * 3, 1), dim=1).reshape(h.shape),
    "more than 16 columns": lambda a, h: a + h.repeat(1, 9).cumprod(1)[:, :3],
    "a number but 0": lambda a, h: a + F.pad(h[:, 1:], (1, 0), value=0.5),
    "float16": lambda a, h: a + h.to(torch.float16),
    "TypeError": lambda a, h: a + round(h),
    "the number of sequences": lambda a, h: a + h if a.shape[0] < 10 else a,
    "no_grad": without_gradient,
    "autocast": autocast,
    "a product of": lambda a, h: F.linear(a, h),
    "complex": lambda a, h: a + h * torch.tensor(1j),
}


@pytest.mark.parametrize("words", REFUSED)
def test_a_refusal_names_the_operation(words: str) -> None:
    cell = Written(REFUSED[words])
    message = _engine.refusal(cell)
    assert message is not None
    assert words in message
    assert "\n" not in message
    with pytest.raises(NotCompiledError):
        _engine.states(cell, torch.zeros(2, 1, 3))


def test_a_refusal_names_the_line() -> None:
    line = REFUSED["topk"].__code__.co_firstlineno
    assert _engine.refusal(Written(REFUSED["topk"])) == f"test_operators.py, line {line}: topk is not compiled"


class Shaped(Cell):
    """A cell whose state is not (H,)."""

    name = summary = "shaped"

    def __init__(self) -> None:
        super().__init__(3, 3, h=(3, 2))

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
        return state, {}


def test_a_step_with_too_many_results_is_refused_before_it_is_compiled() -> None:
    def wide(a: Tensor, h: Tensor) -> Tensor:
        return torch.stack([torch.tanh(h * (a + k) * torch.sigmoid(h - k)) for k in range(300)]).sum(0)

    def deep(a: Tensor, h: Tensor) -> Tensor:
        for _ in range(400):
            h = torch.tanh(h * a) + a
        return h

    message = str(_engine.refusal(Written(wide)))
    assert re.search(
        r"line \d+: step and its gradient have [\d,]{3,} intermediate results; the engine compiles at most 600$", message
    )
    assert str(_engine.refusal(Written(deep))).endswith("step has too many operations that depend on each other")
    assert _engine.refusal(Written(lambda a, h: torch.tanh(h * a) + a)) is None


def test_a_refusal_of_a_whole_step_names_the_line_of_step() -> None:
    for cell, words in (
        (Shaped(), "an output h of shape (3, 2)"),
        (Written(lambda a, h: h), "products of its input"),
        (Written(lambda a, h: 1j), "complex"),
    ):
        line = type(cell).step.__code__.co_firstlineno
        assert str(_engine.refusal(cell)).startswith(f"test_operators.py, line {line}: ")
        assert words in str(_engine.refusal(cell))


@pytest.mark.parametrize(
    ("inputs", "first", "words"),
    [
        (torch.zeros(2, 1, 4), 0, "4 channels"),
        (torch.zeros(2, 3), 0, r"not \(2, 3\) of float32"),
        (torch.zeros(2, 1, 3, dtype=torch.int64), 0, r"not \(2, 1, 3\) of int64"),
        (torch.zeros(2, 1, 3, dtype=torch.complex64), 0, "of complex64"),
        (torch.zeros(2, 1, 3), 3, "not 3"),
        (torch.zeros(2, 1, 3), -1, "not -1"),
        *((torch.tensor([[0], [token]]), 0, f"the token {token};") for token in (-1, 3, 99)),
    ],
)
def test_inputs_that_a_cell_cannot_read_are_refused(inputs: torch.Tensor, first: int, words: str) -> None:
    with pytest.raises(UserError, match=words):
        _engine.states(Written(lambda a, h: a + h), inputs, first)


def test_half_precision_is_not_compiled() -> None:
    assert "float16 are not compiled" in str(_engine.refusal(Written(lambda a, h: a + h).half()))


@pytest.mark.usefixtures("uncompiled")
def test_other_ways_to_write_the_same() -> None:
    def function(a: Tensor, h: Tensor) -> Tensor:
        product = torch.addmm(h.new_full((3,), 0.5), h, h.new_ones(3, 3))
        return np.float64(2) * a + product * np.float32(0.5) + torch.full_like(h, 3) + (h > 0).float() + h.new_zeros(len(h), 3)

    cell, x = Written(function), torch.ones(2, 4, 3)
    torch.testing.assert_close(_engine.states(cell, x), cell.states(x))


@pytest.mark.usefixtures("uncompiled")
def test_code_that_disagrees_with_step_is_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setitem(OPERATORS, "tanh", OPERATORS["tanh"]._replace(slopes=lambda d, y, a: (d * (1 - y),)))
    cell = Written(lambda a, h: torch.tanh(a + h))
    with pytest.raises(NotCompiledError, match="do not agree"):
        _engine.states(cell, torch.ones(2, 1, 3))
    assert "do not agree" in caplog.text
    assert "do not agree" in str(_engine.refusal(cell))


TAILS = [-1e4, -100.0, -9.0, -1.0, -0.0, 0.0, 0.5, 1.0, 6.0, 9.0, 100.0, 1e4, torch.inf, -torch.inf, torch.nan]


class Tail(Cell):
    """A function of the initial state, whose parameters are the numbers of ``TAILS``."""

    name = summary = "tail"

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__(1, len(TAILS))
        self.function, self.weight = function, nn.Parameter(torch.zeros(len(TAILS), 1))
        self.initial_h = nn.Parameter(torch.tensor(TAILS))

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> Any:
        return (self.function(state[0]) + x @ self.weight.T,), {}


TAILED: dict[str, Callable[[Tensor], Tensor]] = {
    **{
        name: getattr(F, name)
        for name in ["elu", "celu", "selu", "relu", "relu6", "hardtanh", "softsign", "softplus", "logsigmoid", "leaky_relu"]
    },
    **{name: getattr(torch, name) for name in ["sigmoid", "exp", "sqrt", "abs", "sign", "log", "square", "reciprocal", "rsqrt"]},
    "clamp": lambda a: a.clamp(-1, 1),
    "hardsigmoid": F.hardsigmoid,
    "gelu of erf": lambda a: F.gelu(a.clamp(-1e5, 1e5)),
    "clamp_min": lambda a: a.clamp(min=0.5),
    "clamp_max": lambda a: a.clamp(max=0.5),
    "maximum": lambda a: torch.maximum(a, torch.ones_like(a)),
    "minimum": lambda a: torch.minimum(a, 0.1 * a),
    "elu of half": lambda a: F.elu(a, 0.5),
    "celu of half": lambda a: F.celu(a, 0.5),
    "mish": lambda a: F.mish(a.clamp(max=1e5)),
    "silu": lambda a: F.silu(a.clamp(min=-1e5)),
    "gelu": lambda a: F.gelu(a.clamp(min=-1e5), approximate="tanh"),
    "pow": lambda a: a**3 + a**-1,
}


def tails(function: Callable[[Tensor], Tensor], dtype: torch.dtype, states: Callable[[Cell, Tensor], Tensor]) -> list[Tensor]:
    cell = Tail(function).to(dtype)
    found = states(cell, torch.zeros(1, 1, 1, dtype=dtype))
    return [found[0, 0], *torch.autograd.grad(found.sum(), [cell.initial_h])]


@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", TAILED)
def test_values_and_slopes_at_the_ends_are_those_of_torch(name: str, dtype: torch.dtype) -> None:
    ours, exact = (tails(TAILED[name], dtype, states) for states in (_engine.states, Cell.states))
    torch.testing.assert_close(ours, exact, equal_nan=True, rtol=1e-5 if dtype == torch.float32 else 1e-9, atol=1e-15)


@pytest.mark.skipif(not _engine.available(), reason="numba is not installed")
def test_slopes_of_compiled_code_vanish_where_those_of_torch_do() -> None:
    """Float32's tanh and exp are polynomials that do not reach 1 and infinity."""

    def function(a: Tensor) -> Tensor:
        a = a.clamp(-1e5, 1e5)
        return F.gelu(a, approximate="tanh") + F.mish(a) + F.elu(a) + F.celu(a) + F.selu(a)

    ours, exact = (tails(function, torch.float32, states) for states in (_engine.states, Cell.states))
    torch.testing.assert_close(ours, exact, equal_nan=True, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("uncompiled")
def test_numbers_are_true_unless_they_are_zero() -> None:
    def function(a: Tensor, h: Tensor) -> Tensor:
        zeros = F.relu(h)
        both, either = torch.logical_and(a, zeros), torch.logical_or(zeros, a > 1)
        return a * both + torch.where(either ^ (a > 2), a, h) + torch.logical_xor(a, zeros) + torch.logical_not(zeros).to(a.dtype)

    cell, x = Written(function), torch.tensor([[[-1.0, 0.0, 2.0]], [[3.0, -2.0, 0.5]]])
    torch.testing.assert_close(_engine.states(cell, x), cell.states(x))


def test_code_that_numba_does_not_compile_is_not_used(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    pytest.importorskip("numba")
    monkeypatch.setitem(OPERATORS, "tanh", OPERATORS["tanh"]._replace(code="tanh({}) & one"))
    with pytest.raises(NotCompiledError, match=r"test_operators.py, line \d+: step does not compile: .*and_"):
        _engine.states(Written(lambda a, h: torch.tanh(a + h)), torch.ones(2, 1, 3))
    assert caplog.text.count("\n") == 1


def test_a_random_start_is_compared_with_equal_noise() -> None:
    class Started(Written):
        def start(self, batch_size: int) -> tuple[Tensor, ...]:
            return (torch.randn(batch_size, 3),)

    cell, x, found = Started(lambda a, h: a + 0.5 * h), torch.ones(2, 4, 3), []
    for states in (_engine.states, Cell.states):
        torch.manual_seed(7)
        found.append(states(cell, x))
    torch.testing.assert_close(*found)
