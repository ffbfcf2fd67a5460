"""Cells computed by their equivalents in torch.nn, which CUDA runs by cuDNN. Here the CPU takes this way: no GPU is needed."""

import math
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from rnnbench._cell import Cell
from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._network import torch_nn
from rnnbench._network.initializers import initializers_of
from rnnbench._plugins import registry
from rnnbench._spec.resolve import resolve
from rnnbench._study import StudyFolder
from rnnbench._training import model
from rnnbench._training.model import build
from rnnbench._training.process_state import training_settings
from rnnbench._training.runner import Runner
from rnnbench.cells.lstm import LSTM
from rnnbench.testing._cell_checks import cell_findings

NAMED = {name: entry.cls for name, entry in registry.CELLS.named().items() if getattr(entry.cls, "torch_nn", None)}
SMALL = {"task": "beijing", "gap": 5, "hidden_size": 8, "batch_size": 4, "max_steps": 20, "eval_every": 10}
SMALL |= {"recurrent_clip": math.inf}  # by default the loop runs cells with a forget gate, which have a limit


@pytest.fixture
def cudnn(monkeypatch: pytest.MonkeyPatch) -> list[Cell]:
    """Let every device use the engine ``cudnn``; return the cells that torch.nn has computed, in order."""
    calls, states = [], torch_nn.states
    monkeypatch.setattr(model, "cudnn_problem", lambda device: None)
    monkeypatch.setattr(torch_nn, "states", lambda cell, *given: calls.append(cell) or states(cell, *given))
    return calls


def test_four_cells_name_an_equivalent() -> None:
    assert set(NAMED) == {"lstm", "rnn", "gru-torch", "irnn"}
    assert all(torch_nn.disagreement(registry.make_cell(name, 3, 5)) is None for name in NAMED)


def initialisations() -> list[tuple[str, str, dict[str, bool]]]:
    cases = []
    for name, cls in NAMED.items():
        inits = set(initializers_of(cls)) - {"own"} - (set() if cls.forget_signs else {"chrono", "forget-bias"})
        cases += [(name, init, {}) for init in sorted(inits)]
        cases += [(name, "uniform", {"bias": False})] if name != "irnn" else []
    return cases


@pytest.mark.parametrize(("layers", "block"), [(1, "bare"), (2, "bare"), (2, "residual")])
@pytest.mark.parametrize(("name", "init", "option"), initialisations())
def test_values_and_gradients_are_those_of_the_loop(
    name: str, init: str, option: dict[str, bool], layers: int, block: str, cudnn: list[Cell]
) -> None:
    request = RunRequest(**SMALL, cell=name, init=init, cell_option=option, layers=layers, block=block)
    found = []
    for engine in ("torch", "cudnn"):
        resolved = resolve(request.model_copy(update={"engine": engine}))
        network = build(resolved).double()
        for part in network.cell.modules():
            if isinstance(part, Cell):
                for state in part.initial_state:
                    state.fill_(0.3).requires_grad_()
        batch = resolved.task.sample(5, 3, Generator().manual_seed(1))
        leaves = [*network.parameters(), *(b for b in network.buffers() if b.requires_grad)]
        cudnn.clear()
        outputs = network(batch)
        assert len(cudnn) == (layers if engine == "cudnn" else 0)
        found.append([outputs, *torch.autograd.grad(outputs.square().sum(), leaves)])
    for loop, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, loop, rtol=1e-10, atol=1e-12)


def test_later_steps_values_and_evaluation_mode_are_supported(monkeypatch: pytest.MonkeyPatch) -> None:
    """The backward pass of cuDNN needs what is kept in training, whatever the module's mode."""
    trains = []
    monkeypatch.setitem(torch_nn.FUNCTIONS, "LSTM", lambda *given: trains.append(given[6]) or torch.lstm(*given))
    cell = registry.make_cell("lstm", 3, 5).double().eval()
    with torch.no_grad():
        for parameter in cell.parameters():
            parameter.normal_()
    inputs = torch.randn(6, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(torch_nn.states(cell, inputs, 4), Cell.states(cell, inputs, 4))
    torch_nn.states(cell, inputs).sum().backward()
    with torch.no_grad():
        torch_nn.states(cell, inputs)
    assert trains == [True, True, False]
    assert float(cell.weight_hh.grad.abs().sum()) > 0


@pytest.mark.parametrize("name", NAMED)
def test_a_run_records_the_engine_and_its_numbers_are_those_of_the_loop(name: str, tmp_path: Path, cudnn: list[Cell]) -> None:
    rows = []
    for engine in ("cudnn", "torch"):
        study = StudyFolder.create(tmp_path / engine)
        rows.append(list(Runner(resolve(RunRequest(**SMALL, cell=name, engine=engine)), study).rows())[-1])
        assert study.records()[0].engine == engine
    assert cudnn
    assert rows[0].run_id == rows[1].run_id
    assert rows[0].train_loss == pytest.approx(rows[1].train_loss, rel=1e-4)
    assert rows[0].eval_loss == pytest.approx(rows[1].eval_loss, rel=1e-3)


REFUSED = {
    "cannot limit dL/dh_t at every step; it runs with recurrent_clip inf": {"cell": "lstm", "recurrent_clip": 1.0},
    "cannot be truncated; it runs with truncate 0": {"cell": "lstm", "truncate": 3},
    "gru has no equivalent in torch.nn": {"cell": "gru"},
    "transformer takes whole sequences": {"cell": "transformer"},
}


@pytest.mark.parametrize("reason", REFUSED)
def test_the_loop_runs_what_cudnn_cannot(reason: str, cudnn: list[Cell]) -> None:
    request = RunRequest(**(SMALL | REFUSED[reason]), device="cuda")
    network = build(resolve(request))
    assert network.engine == "torch"
    assert reason in network.why_torch
    with pytest.raises(UserError, match=r"engine cudnn cannot run cell .*; use engine auto or torch"):
        build(resolve(request.model_copy(update={"engine": "cudnn"})))
    assert build(resolve(RunRequest(**SMALL, cell="lstm", device="cuda"))).engine == "cudnn"


def test_cudnn_is_refused_on_the_cpu_and_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match="engine cudnn cannot run cell lstm: cuDNN runs on CUDA, not on cpu"):
        build(resolve(RunRequest(**SMALL, cell="lstm", engine="cudnn")))
    monkeypatch.setattr(torch.backends.cudnn, "is_available", lambda: False)
    assert build(resolve(RunRequest(**SMALL, cell="lstm", device="cuda"))).why_torch == "this PyTorch has no cuDNN"


class Swapped(LSTM):
    """Names torch's LSTM, but its forget gate and its output gate are swapped."""

    name = "swapped"
    torch_nn = "LSTM"

    def step(self, x: Tensor, state: tuple[Tensor, ...]) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
        _, gates = super().step(x, state)
        c = gates["o"] * state[1] + gates["i"] * gates["g"]
        return (gates["f"] * torch.tanh(c), c), gates


def test_a_wrong_equivalent_is_reported_and_never_used(cudnn: list[Cell]) -> None:
    message = "swapped names LSTM of torch.nn, which does not compute the same as step"
    assert torch_nn.disagreement(Swapped(3, 5)) == message
    assert [finding.message for finding in cell_findings(Swapped) if finding.check == "torch.nn"] == [message]
    misspelt = type("Misspelt", (Swapped,), {"torch_nn": "lstm"})
    assert torch_nn.disagreement(misspelt(3, 5)) == "torch_nn of swapped is 'lstm': name one of LSTM, GRU, RNN_TANH, RNN_RELU"
    assert not [finding for finding in cell_findings(LSTM) if finding.check == "torch.nn"]


def test_a_subclass_with_a_different_step_does_not_inherit_the_equivalent() -> None:
    assert type("Same", (LSTM,), {}).torch_nn == "LSTM"
    assert type("Other", (LSTM,), {"step": Swapped.step}).torch_nn is None


def test_products_keep_full_precision_on_cuda() -> None:
    """The default of cuDNN is TF32, with ten bits: a speed setting would change results by more than rounding."""
    noise, rnn = torch.get_rng_state(), torch.backends.cudnn.rnn
    before = rnn.fp32_precision
    for device, inside in (("cuda", "ieee"), ("cpu", before)):
        with training_settings(1, noise, device):
            assert rnn.fp32_precision == inside
        assert rnn.fp32_precision == before
    assert before != "ieee"
