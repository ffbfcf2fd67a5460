"""Complex parameters: an LRU in complex numbers against the same network on pairs of real numbers in plain PyTorch."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from rnnbench._config import RunRequest
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._training.trainer import Trainer
from rnnbench.insight._load import build_initialised
from rnnbench.insight._sensitivity import parameter_sensitivity
from rnnbench.testing import check_cell

H = 6
LRU = """
import torch
from torch import nn

from rnnbench.cells import Cell


class ComplexLRU(Cell):
    name = "complex-lru"
    summary = "LRU: a diagonal linear recurrence of complex numbers"
    state_names = ("h", "z")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        H = hidden_size
        self.initial_z = torch.zeros(H, dtype=torch.complex64)
        self.eigenvalues = nn.Parameter(torch.polar(torch.linspace(0.9, 0.99, H), torch.linspace(0, 3, H)))
        self.into = nn.Parameter(torch.randn(H, input_size, dtype=torch.complex64))
        self.out = nn.Parameter(torch.randn(H, H, dtype=torch.complex64) / H**0.5)
        self.bias = nn.Parameter(torch.zeros(H))

    def step(self, x, state):
        _, z = state  # (B, H) complex
        z = self.eigenvalues * z + x.to(z.dtype) @ self.into.T
        return (torch.tanh((z @ self.out.T).real + self.bias), z), {}


CELL = ComplexLRU
"""
OPTIMIZERS = {
    "adam": (torch.optim.Adam, {"betas": (0.9, 0.99)}),
    "rmsprop": (torch.optim.RMSprop, {"alpha": 0.9}),
    "sgd": (torch.optim.SGD, {}),
}


@pytest.fixture
def lru(tmp_path: Path) -> Path:
    path = tmp_path / "complex_lru.py"
    path.write_text(LRU)
    return path


def resolved(path: Path, **changes: object) -> Resolved:
    request = {
        "recipe": "v2",
        "cell": str(path),
        "task": "beijing",
        "gap": 3,
        "hidden_size": H,
        "batch_size": 4,
        "max_steps": 10,
        "lr": 0.02,
    }
    return resolve(RunRequest.model_validate(request | changes))


def pairs(parameter: torch.Tensor) -> torch.Tensor:
    """Return a copy of a parameter as real numbers, complex ones as pairs in a last axis of 2."""
    return (torch.view_as_real(parameter) if parameter.is_complex() else parameter).detach().clone()


@pytest.mark.parametrize("clip_norm", [1e-3, 10.0])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_two_steps_equal_those_of_pairs_of_real_numbers(lru: Path, optimizer: str, clip_norm: float) -> None:
    run = resolved(lru, optimizer=optimizer, clip_norm=clip_norm)
    trainer, oracle = Trainer(run), Trainer(run)
    theirs = {name: pairs(p).requires_grad_() for name, p in oracle.model.named_parameters()}
    cls, arguments = OPTIMIZERS[optimizer]
    made = cls(theirs.values(), lr=0.02, **arguments)
    for k in range(2):
        trainer.train_step()
        batch = oracle.training_batch()
        lam, into, out = (torch.view_as_complex(theirs[f"cell.{name}"]) for name in ("eigenvalues", "into", "out"))
        z, outputs = torch.zeros(4, H, dtype=torch.complex64), []
        for x in F.one_hot(batch.inputs, oracle.task.input_size).to(torch.complex64):
            z = lam * z + x @ into.T
            outputs.append(torch.tanh((z @ out.T).real + theirs["cell.bias"]))
        states = torch.stack(outputs)  # (T, B, H)
        answers = states[batch.scored] @ theirs["readout.weight"].T + theirs["readout.bias"]
        loss = run.task.loss(answers, batch)
        made.zero_grad()
        loss.backward()
        norm = torch.cat([p.grad.flatten() for p in theirs.values()]).norm()
        for p in theirs.values():
            p.grad *= min(1.0, clip_norm / float(norm))
        made.param_groups[0]["lr"] = 0.02 * (1 - k / 10)
        made.step()
        for name, parameter in trainer.model.named_parameters():
            torch.testing.assert_close(pairs(parameter), theirs[name].detach(), rtol=1e-4, atol=1e-5)


def test_a_run_is_trained_saved_and_resumed(lru: Path) -> None:
    run = resolved(lru, max_steps=8, eval_every=4)
    whole = list(Trainer(run).rows())
    first, second = Trainer(run), Trainer(run)
    rows = [next(first.rows())]
    second.load_state(first.state())
    rows += list(second.rows())
    assert [(row.step, row.train_loss, row.accuracy) for row in rows] == [(row.step, row.train_loss, row.accuracy) for row in whole]
    D, outputs = run.task.input_size, run.task.output_size
    outcome = second.outcome(rows[-1])
    assert outcome.parameters == 2 * (H + H * D + H * H) + H + (H + 1) * outputs
    assert outcome.state_size == H + 2 * H


def test_a_complex_cell_keeps_its_contract(lru: Path) -> None:
    check_cell(str(lru))


def test_analyses_in_double_precision_keep_the_imaginary_part(lru: Path) -> None:
    run = resolved(lru)
    single, double = build_initialised(run, torch.float32), build_initialised(run, torch.float64)
    assert double.cell.into.dtype == double.cell.initial_z.dtype == torch.complex128
    assert torch.equal(double.cell.into.to(torch.complex64), single.cell.into)
    assert parameter_sensitivity(double, run)["sensitivity"] > 0
