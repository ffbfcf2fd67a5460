"""The compiled engine, compared with `step`, and its use of memory and of the cache."""

import os
import platform
import re
import subprocess
import sys
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Generator, Tensor

from rnnbench import _engine
from rnnbench._cell import Cell, InitContext
from rnnbench._config import RunRequest
from rnnbench._network.initializers import default_init, initialise
from rnnbench._plugins import registry
from rnnbench._spec.resolve import resolve
from rnnbench._training.trainer import Trainer
from tests.engine.comparison import compare

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not _engine.available(), reason="numba is not installed")
COMPILED = [
    name
    for name in registry.CELLS.named()
    if isinstance(cell := registry.make_cell(name, 4, 5), Cell) and _engine.refusal(cell) is None
]
STACKED = [
    name
    for name in COMPILED
    if {"weight_ih", "weight_hh"} <= set((cell := registry.make_cell(name, 4, 5)).uninitialized_parameters())
    and len(cell.uninitialized_parameters()) == len(list(cell.parameters()))
]
"""Cells with only weights stacked gate by gate, which the tests below access by name."""


@pytest.fixture
def multiplier(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a BLAS or the built-in tiles, as the test requests, whatever this machine would use."""
    from rnnbench._engine import blas

    if request.param == "blas" and not blas.found(torch.float32):
        pytest.skip("no BLAS found")
    monkeypatch.setattr(blas, "address", blas.found if request.param == "blas" else lambda dtype: 0)


def both(*names: str) -> list[tuple[str, str]]:
    """Return every cell with a BLAS, and the GRU, which has all kinds of products, with tiles. Each pair is compiled once."""
    return [("blas", name) for name in names] + [("tiles", "gru")]


EVERY = pytest.mark.parametrize(("multiplier", "name"), both(*STACKED), indirect=["multiplier"])
EITHER = pytest.mark.parametrize("multiplier", ["blas", "tiles"], indirect=True)


def fast(name: str, H: int = 5, D: int = 4, dtype: torch.dtype = torch.float64, init: str | None = "uniform") -> Cell:
    """Return an initialised cell; without ``init`` by its default initialisation."""
    torch.manual_seed(3)
    cell = registry.make_cell(name, D, H)
    initialise(cell, init or default_init(cell), InitContext(Generator().manual_seed(3), 5, 50.0))
    return cell.to(dtype)


def values(T: int = 6, B: int = 3, D: int = 4, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.randn(T, B, D, dtype=dtype, generator=Generator().manual_seed(4))


def tokens(T: int = 6, B: int = 3, D: int = 4) -> Tensor:
    return torch.randint(D, (T, B), generator=Generator().manual_seed(4))


@pytest.mark.parametrize("kind", ["tokens", "values"])
@pytest.mark.parametrize(("H", "D", "B", "first"), [(5, 4, 3, 0), (5, 4, 3, 4), *product((1, 2), (1, 2), (1, 3), [0])])
@EVERY
def test_states_and_gradients_are_those_of_step(multiplier: None, name: str, H: int, D: int, B: int, first: int, kind: str) -> None:
    """A dimension of length 1 has arbitrary strides, which BLAS would use."""
    compare(fast(name, H, D), kind, B, first)


@pytest.mark.parametrize("inputs", [torch.zeros(0, 2, 3), torch.zeros(5, 0, 3), torch.zeros(5, 0, dtype=torch.int64)])
def test_no_steps_and_no_sequences_give_no_outputs(inputs: Tensor) -> None:
    assert _engine.states(registry.make_cell("gru", 3, 4), inputs).shape == (*inputs.shape[:2], 4)


def test_tokens_of_another_integer_type_are_read_as_numbers() -> None:
    cell = fast("gru")
    torch.testing.assert_close(_engine.states(cell, tokens().int()), cell.states(tokens()))


@pytest.mark.parametrize("init", ["uniform", "chrono"])
@pytest.mark.parametrize("kind", ["tokens", "values"])
@EVERY
def test_float32_over_a_long_sequence(multiplier: None, name: str, kind: str, init: str) -> None:
    """Several blocks of the backward pass, float32, against the written-out step in float64."""
    if init == "chrono" and not registry.CELLS.find(name).cls.forget_signs:
        pytest.skip("no gates")
    cell, exact = fast(name, 48, 6, torch.float32, init), fast(name, 48, 6, torch.float64, init)
    inputs = tokens(150, 40, 6) if kind == "tokens" else values(150, 40, 6)
    weight = torch.randn(30, 40, 48, generator=Generator().manual_seed(5))
    states = _engine.states(cell, inputs if kind == "tokens" else inputs.float(), 120)
    expected = Cell.states(exact, inputs, 120)
    torch.testing.assert_close(states.double(), expected, rtol=1e-4, atol=2e-5)
    states.backward(weight)
    expected.backward(weight.double())
    for ours, theirs in zip(cell.parameters(), exact.parameters(), strict=True):
        assert ours.grad is not None
        scale = float(theirs.grad.abs().max())
        torch.testing.assert_close(ours.grad.double() / scale, theirs.grad / scale, rtol=1e-3, atol=2e-5)


@pytest.mark.parametrize("name", COMPILED)
def test_evaluation_in_blocks_of_steps_agrees_with_training(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training keeps all steps, evaluation from values those of a block, of 1, 3 or 9 steps. Some blocks end before ``first``."""
    from rnnbench._engine import sequence

    cell = fast(name, 8, 4, torch.float32, None)
    inputs = values(7, dtype=torch.float32)
    expected = _engine.states(cell, inputs)
    recorder = Recorder(sequence.program(cell).code)
    monkeypatch.setitem(sequence.program(cell).__dict__, "code", recorder)
    numbers = 3 * sum(slot.width for slot in sequence.program(cell).plan.slots)  # gates of a step
    for steps, first in ((1, 0), (3, 0), (3, 4), (3, 6), (9, 5)):
        monkeypatch.setattr(sequence, "BLOCK", steps * numbers)
        recorder.calls.clear()
        with torch.no_grad():
            torch.testing.assert_close(_engine.states(cell, inputs, first), expected[first:], rtol=1e-6, atol=1e-6)
        assert len(recorder.calls) == -(-7 // steps)


@EVERY
@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (7, 1)])
def test_small_shapes_and_strided_arguments(multiplier: None, name: str, shape: tuple[int, int]) -> None:
    T, B = shape
    cell = fast(name)
    inputs = tokens(B, T).t()  # not contiguous
    torch.testing.assert_close(_engine.states(cell, inputs, T - 1), Cell.states(cell, inputs)[T - 1 :])
    cell.weight_hh.data = cell.weight_hh.data.t().contiguous().t()
    torch.testing.assert_close(_engine.states(cell, inputs), Cell.states(cell, inputs))


@EVERY
def test_two_graphs_at_once_and_one_differentiated_twice_agree_bit_for_bit(multiplier: None, name: str) -> None:
    cell = fast(name, 32, 4, torch.float32)
    first, second, weights = tokens(50, 16), tokens(50, 16).flip(0), list(cell.parameters())
    alone = torch.autograd.grad(_engine.states(cell, first, 40).square().sum(), weights)
    one, other = (_engine.states(cell, inputs, 40).square().sum() for inputs in (first, second))
    with torch.no_grad():
        _engine.states(cell, second)
    once = torch.autograd.grad(one, weights, retain_graph=True)
    torch.autograd.grad(other, weights)
    twice = torch.autograd.grad(one, weights)
    assert all(torch.equal(a, b) and torch.equal(a, c) for a, b, c in zip(alone, once, twice, strict=True))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
@EVERY
def test_infinite_and_nan_values_stay_visible(multiplier: None, name: str, bad: float) -> None:
    for dtype in (torch.float32, torch.float64):
        cell = fast(name, dtype=dtype)
        with torch.no_grad():
            cell.weight_ih[:, 0] = bad
            cell.weight_ih[::2, 0] *= -1
        inputs = torch.zeros(3, 2, dtype=torch.int64)
        ours, expected = _engine.states(cell, inputs), Cell.states(cell, inputs)
        seen = expected.isfinite()
        assert torch.equal(ours.isfinite(), seen)  # inf times a gate of 0 is NaN; a gate of 1e-38 leaves inf: either is seen
        torch.testing.assert_close(ours[seen], expected[seen])


@EITHER
@pytest.mark.parametrize("shape", [(8, 32, 32), (1, 1, 1), (7, 300, 33), (17, 256, 31), (40, 513, 96)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_products_of_any_shape(multiplier: None, dtype: type[np.floating], shape: tuple[int, int, int]) -> None:
    """Whole tiles and ragged ones, depths beyond one block; numbers small enough that every sum is exact."""
    from numba import njit

    from rnnbench._engine.intrinsics import gradient, multiply
    from rnnbench._engine.products import products

    @njit
    def both_ways(addresses, a, K, b, out, keep, x, dweight, room):
        multiply(addresses, a, 1, K, b, out, 0, out.shape[1] - 1, keep)
        gradient(addresses, 1, a.reshape((1, *a.shape)), 1, K, x, 0, dweight, room)

    (M, K, N), draw = shape, np.random.default_rng(1)
    a, b, x = (draw.integers(-8, 9, size).astype(dtype) for size in ((M, K + 3), (K, N), (1, M, N)))
    made_by = products(torch.from_numpy(b).dtype)
    room = torch.empty(made_by.room(M, N), dtype=torch.from_numpy(b).dtype).numpy()
    out, dweight = np.full((M, N + 1), np.nan, dtype), np.ones((K, N), dtype)
    factor, exact = made_by.packed(torch.from_numpy(b)).numpy(), a[:, 1 : K + 1] @ b
    for keep in (0, 1):
        both_ways(made_by.addresses, a, K, factor, out, keep, x, dweight, room)
        np.testing.assert_array_equal(out[:, :N], (1 + keep) * exact)
        assert np.isnan(out[:, N]).all(), "nothing is written beside the result"
        np.testing.assert_array_equal(dweight, 1 + (1 + keep) * (a[:, 1 : K + 1].T @ x[0]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_pointwise_functions_are_exact_to_a_few_parts_in_ten_million(dtype: torch.dtype) -> None:
    from numba import njit

    from rnnbench._engine import functions

    small = torch.logspace(-20, 2, 2001, dtype=torch.float64)
    x = torch.cat(
        (torch.linspace(-30, 30, 20_001), small, -small, torch.tensor([0.0, 120.0, -120.0, torch.nan, torch.inf, -torch.inf]))
    ).to(dtype)
    exact = {name: getattr(torch, name) for name in ("tanh", "sigmoid", "exp", "log", "relu")}
    exact["softplus"] = torch.nn.functional.softplus
    for name, function in exact.items():
        compiled = getattr(functions, name)

        @njit
        def over(x, y, compiled=compiled):
            for j in range(x.size):
                y[j] = compiled(x[j])

        ours = torch.empty_like(x)
        over(x.numpy(), ours.numpy())
        wanted = function(x.double()).to(dtype).double()
        seen = wanted.abs() > 1e-37 if dtype == torch.float32 else wanted.abs() >= 0  # no denormal numbers
        seen |= wanted.isnan() | (wanted == 0)
        torch.testing.assert_close(
            ours.double()[seen],
            wanted[seen],
            rtol=6e-7 if dtype == torch.float32 else 1e-9,
            atol=1e-30,
            equal_nan=True,
            msg=lambda text, name=name: f"{name}: {text}",
        )


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="the names of instructions are those of x86")
@pytest.mark.parametrize("name", ["lstm", "gru-torch"])
def test_loops_over_gates_are_vector_instructions(name: str) -> None:
    """Each sigmoid and tanh has one division; numba's check for negative indices, or a suspected overlap, would keep it scalar."""
    from numba import types

    from rnnbench._engine.emit import emit
    from rnnbench._engine.plan import plan
    from rnnbench._engine.trace import Trace

    text = emit(plan(Trace(registry.make_cell(name, 4, 32))), name).partition("@cached\ndef backward")[0]
    space: dict[str, Any] = {}
    exec(text.replace("@cached", "@uncached"), space)
    forward = space["forward"]
    arrays = {
        "products": types.int64[::1],
        "tokens": types.int64[:, ::1],
        "table": types.float32[:, ::1],
        "numbers": types.float32[::1],
    }
    arrays |= {"vectors": types.float32[:, ::1], "row": types.float32[:, ::1], "weight_0": types.float32[::1]}
    names = forward.py_func.__code__.co_varnames[: forward.py_func.__code__.co_argcount]
    forward.compile(tuple(arrays.get(argument, types.float32[:, :, ::1]) for argument in names))
    code = next(iter(forward.inspect_asm().values()))
    assert len(re.findall(r"\bv?divps\b", code)) >= len(re.findall(r"\b(?:sigmoid|tanh)\(", text)) > 2


class Recorder:
    """The code of a program, with a record of the arrays that it is called with."""

    def __init__(self, code: object) -> None:
        self.code, self.calls = code, []

    def __getattr__(self, name: str) -> object:
        def call(*given: object) -> None:
            self.calls.append([array for array in given if array.size])
            getattr(self.code, name)(*given)

        return call


@pytest.mark.parametrize("name", COMPILED)
@pytest.mark.parametrize("kind", ["tokens", "values"])
def test_the_arrays_given_to_compiled_code_never_overlap(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler assumes it: loops do not check whether they store to a row that they read."""
    from rnnbench._engine.sequence import program

    cell = fast(name, 8, 8, torch.float32, None)
    inputs = tokens(5, 3, 8) if kind == "tokens" else torch.randn(5, 3, 8).requires_grad_()
    _engine.states(cell, inputs, 0)  # the first use checks itself
    recorder = Recorder(program(cell).code)
    monkeypatch.setitem(program(cell).__dict__, "code", recorder)
    states = _engine.states(cell, inputs, 0)
    if states.requires_grad:
        states.sum().backward()
    assert recorder.calls
    for arrays in recorder.calls:
        for k, first in enumerate(arrays):
            assert not any(np.may_share_memory(first, second) for second in arrays[k + 1 :])


@pytest.mark.parametrize("name", COMPILED)
def test_every_cell_is_as_exact_as_its_step(name: str) -> None:
    """Float32, against float64: the error of the compiled code is that of torch, whatever the cell's own condition."""
    cells = [fast(name, 16, 6, dtype, None) for dtype in (torch.float32, torch.float32, torch.float64)]
    inputs = tokens(60, 8, 6)
    weight = torch.randn(30, 8, 16, generator=Generator().manual_seed(5))
    found = []
    for cell, states in zip(cells, (_engine.states, Cell.states, Cell.states), strict=True):
        outputs = states(cell, inputs, 30)
        if outputs.requires_grad:  # a frozen cell has nothing to learn
            (outputs * weight.to(outputs.dtype)).sum().backward()
        found.append([outputs.detach().double(), *(p.grad.double() for p in cell.parameters() if p.grad is not None)])
    for compiled, written, exact in zip(*found, strict=True):
        scale = float(exact.abs().max())
        error, torchs = (float((x - exact).abs().max()) / max(scale, 1e-12) for x in (compiled, written))
        assert error <= 10 * torchs + 1e-5


@pytest.mark.parametrize("name", COMPILED)
def test_training_with_either_engine_has_the_same_outcome(name: str) -> None:
    recipe = {"task": "beijing", "cell": name, "gap": 4, "hidden_size": 16, "batch_size": 16, "eval_every": 50, "max_steps": 600}
    ends = [list(Trainer(resolve(RunRequest(engine=choice, **recipe))).rows())[-1] for choice in ("fast", "torch")]
    assert ends[0].status == ends[1].status
    assert abs(ends[0].step - ends[1].step) <= 50
    assert ends[0].run_id == ends[1].run_id  # the engine is not part of the identity
    assert name not in STACKED or ends[0].status == "solved"


def test_without_numba_the_cells_run_on_torch() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from rnnbench import _engine\n"
        "from rnnbench._config import RunRequest\nfrom rnnbench._spec.resolve import resolve\n"
        "assert not _engine.available()\n"
        "from rnnbench._training.model import build\n"
        "model = build(resolve(RunRequest(task='copy', cell='lstm')))\n"
        "assert model.engine == 'torch' and model.why_torch == _engine.unavailable()\n"
        "assert 'numba' in _engine.unavailable() and 'pip install numba' in _engine.unavailable()\n"
    )
    run(code)


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new process."""
    paths = {"PYTHONPATH": str(ROOT), "PATH": os.environ["PATH"]}
    return subprocess.run([sys.executable, "-c", code], env=paths | environment, capture_output=True, text=True, check=True)


TINY = """
import torch
from rnnbench import _engine
from rnnbench._cell import Cell
class Tiny(Cell):
    name = summary = "tiny"
    def __init__(self):
        super().__init__(2, 2)
        self.parameter("weight", 2, 2)
    def step(self, x, state):
        return (x @ self.weight.T + 0.5 * state[0],), {}
assert _engine.available() == WANTED
"""
USE = "_engine.states(Tiny(), torch.zeros(3, 1, 2)).sum().backward()"


def test_without_a_writable_cache_folder_cells_are_compiled_again_with_a_warning(tmp_path: Path) -> None:
    """A file replaces the folder, because root could write to any folder."""
    (tmp_path / "file").write_text("")
    place = str(tmp_path / "file")
    locked = f"from rnnbench._engine import cache_folder as c\nc.PACKAGE = c.Path({place!r})\n"
    done = run(TINY.replace("WANTED", "True") + locked + USE, HOME=place, XDG_CACHE_HOME=place)
    assert done.stderr.count("\n") == 1
    assert "no cache folder" in done.stderr


def test_a_second_process_loads_what_the_first_compiled(tmp_path: Path) -> None:
    kept = []
    for _ in range(2):
        run(TINY.replace("WANTED", "True") + USE, XDG_CACHE_HOME=str(tmp_path))
        kept.append({path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.nb*")})
    assert {path.suffix for path in kept[0]} == {".nbc", ".nbi"}
    assert kept[1] == kept[0]


def test_the_garbage_collector_is_off_during_the_first_use(tmp_path: Path) -> None:
    """A collection would traverse all objects of torch. Afterwards the collector is on again."""
    counted = "import gc\nwalks = []\ngc.callbacks.append(lambda phase, about: walks.append(about['generation']))\n"
    after = "\nassert not any(walks) and gc.isenabled() and gc.get_freeze_count() == 0"
    run(TINY.replace("assert", counted + "assert").replace("WANTED", "True") + USE.removesuffix(".sum().backward()") + after)


def test_the_engine_is_unavailable_when_numba_is_disabled() -> None:
    assert run(TINY.replace("WANTED", "False"), NUMBA_DISABLE_JIT="1").stderr == ""


def test_double_backward_is_refused() -> None:
    cell = fast("lstm")
    (grad,) = torch.autograd.grad(_engine.states(cell, tokens()).square().sum(), cell.weight_hh, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        grad.sum().backward()


def test_the_readme_shows_the_code_of_the_gru() -> None:
    from rnnbench._engine.emit import emit
    from rnnbench._engine.plan import plan
    from rnnbench._engine.trace import Trace

    code = emit(plan(Trace(registry.make_cell("gru", 4, 5))), "GRU")
    assert code.strip() in (ROOT / "rnnbench/_engine/README.md").read_text("utf-8")
