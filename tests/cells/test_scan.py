"""Cells with a ``scan``: values and gradients are those of ``step``, at every length, with every option, and in runs."""

import math
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from rnnbench import _engine
from rnnbench._cell import Cell, State
from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._network import scan
from rnnbench._plugins import registry
from rnnbench._spec.resolve import resolve
from rnnbench._study import StudyFolder
from rnnbench._training import model
from rnnbench._training.model import build
from rnnbench._training.runner import Runner
from rnnbench.cells import _selective_scan, selective_scan
from rnnbench.cells.deltanet import CHUNK, GatedDeltaNet
from rnnbench.testing._cell_checks import cell_findings

SCANNED = sorted(name for name, entry in registry.CELLS.named().items() if scan.has_scan(entry.cls))
CASES = [
    *[("mamba", option) for option in ({}, {"states": 1}, {"states": 5})],
    *[("deltanet", option) for option in ({}, {"heads": 1, "keys": 3}, {"heads": 3, "keys": 1}, {"negative": True, "keys": 8})],
]
SMALL = {"task": "beijing", "gap": 5, "hidden_size": 8, "batch_size": 4, "max_steps": 20, "eval_every": 10}


def cell_of(name: str, option: dict[str, int | bool], hidden_size: int = 12) -> Cell:
    """Return a float64 cell whose parameters are far from their initial values."""
    cell = registry.make_cell(name, 5, hidden_size, option).double()
    assert isinstance(cell, Cell)
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=Generator().manual_seed(1)))
    return cell


def results(cell: Cell, x: Tensor, state: State, scans: bool) -> list[Tensor]:
    """Return the outputs, the last state, and the gradients of both."""
    leaves = [x, *state, *cell.parameters()]
    if scans:
        outputs, last = cell.scan(x, state)
    else:
        last, each = state, []
        for now in x:
            last, _ = cell.step(now, last)
            each.append(last[0])
        outputs = torch.stack(each)
    weight = torch.linspace(-1, 1, outputs.numel(), dtype=x.dtype).view_as(outputs)
    loss = (outputs * weight).sum() + sum(part.square().sum() for part in last)
    grads = torch.autograd.grad(loss, leaves, allow_unused=True)
    return [outputs, *last, *(torch.zeros(()) if grad is None else grad for grad in grads)]


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("steps", [1, 7, CHUNK, 2 * CHUNK + 5])
@pytest.mark.parametrize(("name", "option"), CASES)
def test_values_and_gradients_are_those_of_the_step(
    name: str, option: dict[str, int | bool], steps: int, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not compiled:  # as on CUDA, and without numba
        monkeypatch.setattr(_engine, "available", lambda: False)
        monkeypatch.setattr(_selective_scan, "MOST_VALUES", 20 * 3 * 12 * 16)  # pieces of 20 steps and more
    elif not _engine.available():
        pytest.skip("needs numba")
    cell, generator = cell_of(name, option), Generator().manual_seed(2)
    x = torch.randn(steps, 3, 5, generator=generator, dtype=torch.float64).requires_grad_()
    state = tuple(torch.randn(part.shape, generator=generator, dtype=x.dtype).requires_grad_() for part in cell.start(3))
    for ours, exact in zip(results(cell, x, state, True), results(cell, x, state, False), strict=True):
        torch.testing.assert_close(ours, exact, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("compiled", [True, False])
def test_no_step_leaves_the_state_as_it_is(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not compiled:
        monkeypatch.setattr(_engine, "available", lambda: False)
    u, B, S = torch.zeros(0, 2, 3), torch.zeros(0, 2, 4), torch.ones(2, 3, 4)
    y, last = selective_scan(u, u, -torch.ones(3, 4), B, B, S)
    assert y.shape == (0, 2, 3)
    assert torch.equal(last, S)


def test_strong_decays_do_not_overflow() -> None:
    """A share that is kept of e^-400 per step: sums of its logarithm over a chunk are far outside float32's exponents."""
    for name, parameter in (("deltanet", "log_A"), ("mamba", "log_A")):
        cell = cell_of(name, {}).float()
        with torch.no_grad():
            cell.get_parameter(parameter).fill_(6.0)
        x = torch.randn(2 * CHUNK, 3, 5, generator=Generator().manual_seed(3)).requires_grad_()
        state = tuple(part.requires_grad_() for part in cell.start(3))
        for ours, exact in zip(results(cell, x, state, True), results(cell, x, state, False), strict=True):
            torch.testing.assert_close(ours, exact, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("truncate", [0, 4])
@pytest.mark.parametrize(("layers", "block"), [(1, "bare"), (2, "residual")])
@pytest.mark.parametrize("name", SCANNED)
def test_a_network_computes_the_same_by_scan_and_by_loop(name: str, layers: int, block: str, truncate: int) -> None:
    request, found = RunRequest(**SMALL, cell=name, layers=layers, block=block, truncate=truncate), []
    for engine in ("torch", "scan"):
        resolved = resolve(request.model_copy(update={"engine": engine}))
        network = build(resolved).double()
        assert network.engine == engine
        outputs = network(resolved.task.sample(5, 3, Generator().manual_seed(1)), truncate=truncate)
        found.append([outputs, *torch.autograd.grad(outputs.square().sum(), list(network.parameters()))])
    for loop, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, loop, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", SCANNED)
def test_a_run_records_the_engine_and_its_numbers_are_those_of_the_loop(name: str, tmp_path: Path) -> None:
    rows = []
    for engine, recorded in (("auto", "scan"), ("torch", "torch")):
        study = StudyFolder.create(tmp_path / engine)
        rows.append(list(Runner(resolve(RunRequest(**SMALL, cell=name, engine=engine)), study).rows())[-1])
        assert study.records()[0].engine == recorded
    assert rows[0].run_id == rows[1].run_id
    assert rows[0].train_loss == pytest.approx(rows[1].train_loss, rel=1e-4)


def test_a_limit_and_cells_without_a_scan_take_another_way() -> None:
    assert SCANNED == ["deltanet", "mamba"]
    limited = RunRequest(**SMALL, cell="deltanet", recurrent_clip=1.0)
    assert build(resolve(limited)).engine == ("fast" if _engine.available() else "torch")
    for request, reason in ((limited, "cannot limit dL/dh_t at every step"), (RunRequest(**SMALL, cell="gru"), "gru has no scan")):
        with pytest.raises(UserError, match=reason):
            build(resolve(request.model_copy(update={"engine": "scan"})))


class Wrong(GatedDeltaNet):
    """A scan that forgets the state before the sequence."""

    name = "wrong"

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        return super().scan(x, tuple(torch.zeros_like(part) for part in state))


def test_a_wrong_scan_is_reported_and_never_used() -> None:
    message = "scan of wrong has other outputs than step, at length 1"
    assert [finding.message for finding in cell_findings(Wrong) if finding.check == "scan"] == [message]
    assert model.OBSTACLES["scan"]([Wrong(5, 8)], resolve(RunRequest(**SMALL, cell="mamba")).run) == message
    other = type("Other", (GatedDeltaNet,), {"step": GatedDeltaNet.step})
    assert not scan.has_scan(other)  # a different step does not inherit the scan
    assert math.isinf(resolve(RunRequest(**SMALL, cell="mamba")).run.recurrent_clip)


class Broken(GatedDeltaNet):
    """A scan that is wrong in a way that ``fault`` names."""

    name, fault, calls = "broken", "", 0

    def scan(self, x: Tensor, state: State) -> tuple[Tensor, State]:
        outputs, last = super().scan(x, state)
        type(self).calls += 1
        faults = {
            "type": lambda: (outputs.double(), last),
            "state": lambda: (outputs + 0.01 * (self.calls > len(scan.STEPS)), last),  # one call before, in float32
            "gradients": lambda: (outputs.detach() + 0 * x.sum(), last),
            "shape": lambda: (outputs[:, :1], last),
            "result": lambda: outputs,
        }
        return faults[self.fault]()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        ("type", "has a result of type torch.float64 where step has torch.float32"),
        ("state", "has other outputs than step, at length 70"),
        ("gradients", "has other gradients than step"),
        ("shape", "has other outputs than step"),
        ("result", "fails at length 1"),
    ],
)
def test_every_kind_of_wrong_scan_is_found(fault: str, message: str) -> None:
    cell = type("Broken", (Broken,), {"fault": fault, "calls": 0})(5, 8)
    assert f"scan of broken {message}" in (scan.disagreement(cell) or "")


def test_a_scan_refuses_shapes_that_do_not_fit() -> None:
    right = [torch.zeros(shape) for shape in ((3, 2, 4), (3, 2, 4), (4, 5), (3, 2, 5), (3, 2, 5), (2, 4, 5))]
    selective_scan(*right)
    for place in range(6):
        for wrong in (None, torch.zeros(9), right[place].long(), torch.zeros([n + 1 for n in right[place].shape])):
            with pytest.raises(UserError, match=r"tensor|axis|float"):
                selective_scan(*(wrong if at == place else one for at, one in enumerate(right)))  # type: ignore[arg-type]
