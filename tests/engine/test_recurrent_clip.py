"""The limit on dL/dh_t: the same in compiled code, in the Python loop and in a loop written out with PyTorch's clamp."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from rnnbench import _engine
from rnnbench._cell import Cell
from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._plugins import registry
from rnnbench._spec.resolve import resolve
from rnnbench._training.model import build

T, B, D, H = 12, 3, 5, 8
CELLS = sorted(
    name for name, entry in registry.CELLS.named().items() if issubclass(entry.cls, Cell) and not entry.cls.cuts_gradient
)


def cell_and_weights(name: str) -> tuple[Cell, Tensor, Tensor]:
    cell = build(resolve(RunRequest(cell=name, task="beijing", gap=5, hidden_size=H))).cell.double()
    torch.manual_seed(0)
    inputs = F.one_hot(torch.randint(0, D, (T, B)), cell.input_size).double()  # (T, B, D)
    return cell, inputs, torch.randn(T, B, H, dtype=torch.float64)


def gradients(cell: Cell, outputs: Tensor, weights: Tensor) -> list[Tensor]:
    parameters = [parameter for parameter in cell.parameters() if parameter.requires_grad]
    found = torch.autograd.grad((outputs * weights).sum(), parameters, allow_unused=True)
    return [torch.zeros_like(p) if grad is None else grad for p, grad in zip(parameters, found, strict=True)]


def written_out(cell: Cell, inputs: Tensor, limit: float) -> Tensor:
    """Return the outputs of a loop whose hook clamps the gradient of every output."""
    state, outputs = cell.start(inputs.shape[1]), []
    for x in inputs:
        (h, *rest), _ = cell.step(x, state)
        h = h.clone()
        if h.requires_grad:
            h.register_hook(lambda grad: grad.clamp(-limit, limit))
        outputs.append(h)
        state = (h, *rest)
    return torch.stack(outputs)


@pytest.mark.parametrize("limit", [math.inf, 0.3, 1e-3])
@pytest.mark.parametrize("name", CELLS)
def test_engine_and_loop_agree_with_a_loop_that_clamps(name: str, limit: float) -> None:
    cell, inputs, weights = cell_and_weights(name)
    expected = gradients(cell, written_out(cell, inputs, limit), weights)
    ways = [Cell.states(cell, inputs, 0, limit)]
    if _engine.refusal(cell) is None:
        ways.append(_engine.states(cell, inputs, 0, limit))
    for outputs in ways:
        for found, exact in zip(gradients(cell, outputs, weights), expected, strict=True):
            torch.testing.assert_close(found, exact, rtol=1e-10, atol=1e-12)


def test_the_limit_does_not_depend_on_the_batch_size() -> None:
    """It holds for the gradient of one sequence's mean loss: a batch of copies of a sequence has the same gradient."""
    resolved = resolve(RunRequest(cell="gru", task="copy", gap=5, hidden_size=H))
    model, batch = build(resolved).double(), resolved.task.sample(5, 1, torch.Generator().manual_seed(0))
    many = batch.part(torch.zeros(7, dtype=torch.int64))
    for limit in (math.inf, 0.01):
        found = []
        for one in (batch, many):
            loss = resolved.task.loss(model(one, limit), one)
            found.append(torch.autograd.grad(loss, model.cell.weight_hh)[0])
        torch.testing.assert_close(*found)
    assert float(found[0].abs().max()) > 0


def test_a_limit_is_an_error_for_a_model_without_steps() -> None:
    request = {"cell": "transformer", "task": "beijing", "gap": 5}
    with pytest.raises(UserError, match="recurrent_clip only applies to cells that run one step at a time"):
        resolve(RunRequest(**request, recurrent_clip=0.3))
    assert resolve(RunRequest(**request)).run.recurrent_clip == math.inf
