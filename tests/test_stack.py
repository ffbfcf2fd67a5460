"""Stacks of layers: their outputs, the engine on each layer, and the width that fits a budget of parameters."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor, nn

import rnnbench
from rnnbench import _engine
from rnnbench._cell import Cell, Layer
from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._network.stack import Stack, stacked
from rnnbench._plugins.registry import make_cell
from rnnbench._spec.resolve import resolve
from rnnbench._spec.width import parameter_count, width_for
from rnnbench._training.model import build

D, H = 3, 4


def gru(input_size: int, hidden_size: int) -> Layer:
    layer = make_cell("gru", input_size, hidden_size)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.uniform_(-1, 1, generator=Generator().manual_seed(input_size))
    return layer


def inputs(T: int = 6, B: int = 2) -> Tensor:
    return torch.randn(T, B, D, generator=Generator().manual_seed(1))


def test_one_bare_layer_is_the_cell_itself() -> None:
    assert isinstance(stacked(gru, D, H), Cell)
    assert isinstance(stacked(gru, D, H, block="residual"), Stack)


def test_bare_layers_read_the_layer_below() -> None:
    stack = Stack(gru, D, H, 2, "bare")
    low, high = stack.parts
    torch.testing.assert_close(stack(inputs()), high(low(inputs())))
    torch.testing.assert_close(stack.states(inputs(), 4), stack(inputs())[4:])
    assert parameter_count(stack) == parameter_count(gru(D, H)) + parameter_count(gru(H, H))
    assert stack.state_size == 2 * H


def test_a_residual_block_adds_to_its_input() -> None:
    torch.manual_seed(0)
    stack = Stack(gru, D, H, 2, "residual")
    x = stack.project(inputs())
    for part, before, after in zip(stack.parts, stack.before, stack.after, strict=True):
        x = x + part(before(x))
        x = x + after(x)
    torch.testing.assert_close(stack(inputs()), stack.norm(x))
    torch.testing.assert_close(stack.states(inputs(), 4), stack(inputs())[4:])


@pytest.mark.parametrize("block", ["bare", "residual"])
def test_a_stack_is_causal_and_reads_tokens(block: str) -> None:
    stack = Stack(gru, D, H, 3, block)
    x = inputs()
    changed = x.clone()
    changed[4:] += 1
    torch.testing.assert_close(stack(x)[:4], stack(changed)[:4])
    assert not torch.allclose(stack(x)[4:], stack(changed)[4:])
    tokens = torch.randint(D, (6, 2), generator=Generator().manual_seed(2))
    torch.testing.assert_close(stack(tokens), stack(stack.vectors(tokens)))


@pytest.mark.parametrize("block", ["bare", "residual"])
def test_the_engine_computes_every_layer_of_a_run(block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if not _engine.available():
        pytest.skip("needs numba")
    request = RunRequest(task="recall", cell="gru", gap=3, hidden_size=8, layers=2, block=block)
    resolved = resolve(request)
    batch = resolved.task.sample(3, 4, Generator().manual_seed(3))
    fast, slow = (build(resolve(request.model_copy(update={"engine": engine}))) for engine in ("fast", "torch"))
    compiled = []
    original = _engine.states
    monkeypatch.setattr(_engine, "states", lambda cell, *given: compiled.append(cell) or original(cell, *given))
    torch.testing.assert_close(fast(batch), slow(batch), rtol=1e-4, atol=1e-5)
    assert len(compiled) == 2
    assert float(fast.cell.parts[1].bias.detach().abs().max()) > 0  # chrono reached the upper layer


def test_the_width_is_the_largest_within_the_budget() -> None:
    def make(width: int) -> nn.Module:
        return nn.Linear(width, width)

    for budget, width in ((2, 1), (5, 1), (6, 2), (11, 2), (12, 3), (10_100, 100), (10_301, 100), (10_302, 101)):
        assert width_for(make, budget, 200) == width
        assert width_for(make, budget, 3) == min(width, 3)
    with pytest.raises(UserError, match="too small: a network of one unit has 2"):
        width_for(make, 1, 200)


@pytest.mark.parametrize(
    ("accepted", "expected"),
    [
        (lambda width: width % 12 == 0, 96),
        (lambda width: width % 2 == 1, 99),
        (lambda width: width.bit_count() == 1, 64),
        (lambda width: round(width**0.5) ** 2 == width, 100),
        (lambda width: width <= 40, 40),
        (lambda width: width >= 30, 100),
    ],
)
def test_the_width_is_one_that_the_cell_accepts(accepted: Callable[[int], bool], expected: int) -> None:
    def make(width: int) -> nn.Module:
        assert accepted(width), f"width {width} is refused"
        return nn.Linear(width, width)

    assert width_for(make, 10_100, 65536) == expected


def test_a_cell_that_accepts_no_width_is_reported_by_its_own_message() -> None:
    def make(width: int) -> nn.Module:
        raise ValueError(f"width {width} is refused")

    with pytest.raises(ValueError, match="width 8 is refused"):
        width_for(make, 10_100, 8)


def test_a_frozen_parameter_is_not_counted_and_a_complex_one_counts_twice() -> None:
    module = nn.Linear(3, 4)
    module.weight.requires_grad_(False)
    module.extra = nn.Parameter(torch.zeros(5, dtype=torch.complex64))
    assert parameter_count(module) == 4 + 2 * 5


@pytest.mark.parametrize(("layers", "block"), [(1, "bare"), (2, "bare"), (2, "residual")])
def test_a_budget_counts_every_layer(layers: int, block: str) -> None:
    def parameters(width: int) -> int:
        request = RunRequest(task="recall", cell="lstm", gap=3, layers=layers, block=block, hidden_size=width)
        return parameter_count(build(resolve(request)))

    request = RunRequest(task="recall", cell="lstm", gap=3, layers=layers, block=block, parameters=20_000)
    width = resolve(request).run.hidden_size
    assert parameters(width) <= 20_000 < parameters(width + 1)


def test_a_budget_beyond_the_largest_width_is_refused() -> None:
    with pytest.raises(UserError, match="parameters 100,000,000 allows more than 65,536 units"):
        resolve(RunRequest(task="recall", cell="esn", gap=3, parameters=100_000_000))
    assert resolve(RunRequest(task="recall", cell="esn", gap=3, parameters=100_000_000, max_hidden_size=8)).run.hidden_size == 8


def test_max_hidden_size_needs_a_budget() -> None:
    with pytest.raises(UserError, match="only applies with parameters"):
        resolve(RunRequest(task="recall", cell="lstm", gap=3, max_hidden_size=8))


READING = """import torch
from torch import nn
from rnnbench.cells import Cell


class Reading(Cell):
    name = "reading"
    summary = "four heads; recurrent weights scaled to spectral radius 1"

    def __init__(self, input_size: int, hidden_size: int, heads: int = 4) -> None:
        if hidden_size % heads:
            raise ValueError(f"hidden size {hidden_size} must be a multiple of option heads, {heads}")
        super().__init__(input_size, hidden_size)
        weight = torch.randn(hidden_size, hidden_size)
        self.weight_hh = nn.Parameter(weight / torch.linalg.eigvals(weight).abs().max().item())
        self.embed = nn.utils.parametrizations.orthogonal(nn.Linear(input_size, hidden_size))

    def step(self, x, state):
        return (torch.tanh(self.embed(x) + state[0] @ self.weight_hh),), {}


CELL = Reading
"""


@pytest.mark.filterwarnings("ignore:checked, keeps")
@pytest.mark.parametrize(
    "recipe", [{"hidden_size": 8}, {"parameters": 2000}, {"parameters": 9000, "layers": 2, "block": "residual"}]
)
def test_a_cell_whose_init_reads_numbers_runs(tmp_path: Path, recipe: dict[str, object]) -> None:
    (tmp_path / "reading.py").write_text(READING)
    small = {"max_steps": 2, "eval_every": 2, "eval_sequences": 1000, "progress": False, "out": tmp_path / "s"}
    assert rnnbench.run(cell=tmp_path / "reading.py", task="beijing", gap=5, **recipe, **small).status == "unsolved"
    (run,) = rnnbench.load_runs(tmp_path / "s").itertuples()
    assert run.hidden_size % 4 == 0
    assert run.parameters <= recipe.get("parameters", 2000)
