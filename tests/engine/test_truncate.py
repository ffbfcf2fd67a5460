"""Truncated backpropagation through time: equal to a loop that detaches the state, exactly zero into an earlier chunk."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from rnnbench import _engine
from rnnbench._cell import Cell
from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._spec.resolve import resolve
from rnnbench._training.model import build
from rnnbench._training.trainer import Trainer
from tests.engine.test_recurrent_clip import CELLS, H, T, cell_and_weights, gradients

ENGINES = ["torch"] + (["fast"] if _engine.available() else [])


def written_out(cell: Cell, inputs: Tensor, steps: int) -> Tensor:
    """Return the outputs of a loop over chunks of ``steps`` steps, whose state is detached between two chunks."""
    state, outputs = cell.start(inputs.shape[1]), []
    for chunk in inputs.split(steps):
        for x in chunk:
            state, _ = cell.step(x, state)
            outputs.append(state[0])
        state = tuple(part.detach() for part in state)
    return torch.stack(outputs)


@pytest.mark.parametrize("steps", [1, 5, T, T + 1])
@pytest.mark.parametrize("name", CELLS)
def test_engine_and_loop_agree_with_a_loop_that_detaches(name: str, steps: int) -> None:
    cell, inputs, weights = cell_and_weights(name)
    outputs = written_out(cell, inputs, steps)
    expected = gradients(cell, outputs, weights)
    ways = [Cell.states(cell, inputs, truncate=steps)]
    if _engine.refusal(cell) is None:
        ways.append(_engine.states(cell, inputs, truncate=steps))
    for found in ways:
        torch.testing.assert_close(found, outputs, rtol=1e-10, atol=1e-12)
        for ours, exact in zip(gradients(cell, found, weights), expected, strict=True):
            torch.testing.assert_close(ours, exact, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "layers"), [("rnn", 1), ("lstm", 1), ("gru", 2)])
def test_no_gradient_passes_into_an_earlier_chunk(name: str, layers: int, engine: str) -> None:
    """The gradient of an output is zero at the inputs before its chunk, and not at those inside."""
    steps = 4
    model = build(resolve(RunRequest(cell=name, task="adding", gap=8, hidden_size=H, layers=layers, engine=engine)))
    inputs = torch.randn(T, 2, model.cell.input_size, requires_grad=True)
    for t in range(T):
        outputs = model.states(inputs, truncate=steps)
        (grad,) = torch.autograd.grad(outputs[t].sum(), inputs)
        reached = grad.abs().sum((1, 2)) > 0  # (T)
        start = t // steps * steps
        assert reached.tolist() == [start <= s <= t for s in range(T)]
    (whole,) = torch.autograd.grad(model.states(inputs)[-1].sum(), inputs)
    assert bool((whole.abs().sum((1, 2)) > 0).all())


@pytest.mark.parametrize("engine", ENGINES)
def test_training_takes_one_step_per_sequence(engine: str) -> None:
    request = RunRequest(recipe="v2", cell="gru", task="copy", gap=6, hidden_size=H, truncate=5, batch_size=4, engine=engine)
    run = resolve(request)
    trainer, oracle = Trainer(run), Trainer(run)
    made = torch.optim.Adam(oracle.model.parameters(), lr=run.run.lr, betas=(0.9, 0.99))
    for k in range(3):
        trainer.train_step()
        batch = oracle.training_batch()
        states = written_out(oracle.model.cell, F.one_hot(batch.inputs, oracle.model.cell.input_size).float(), 5)
        loss = oracle.task.loss(oracle.model.readout(states[batch.scored]), batch)
        made.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(oracle.model.parameters(), 0.1)
        made.param_groups[0]["lr"] = run.run.lr * (1 - k / run.run.max_steps)
        made.step()
    for found, expected in zip(trainer.model.parameters(), oracle.model.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_it_is_an_error_for_a_model_without_steps() -> None:
    request = {"cell": "transformer", "task": "beijing", "gap": 5}
    with pytest.raises(UserError, match="truncate only applies to cells that run one step at a time, not to transformer"):
        resolve(RunRequest(**request, truncate=10))
    assert resolve(RunRequest(**request, truncate=0)).run.truncate == 0
