"""Every cell and task on CUDA: the numbers of the CPU, by cuDNN, scan and loop. Skipped on a machine without a GPU."""

import math
from pathlib import Path

import pytest
import torch
from torch import Generator, Tensor

from rnnbench._config import RunRequest
from rnnbench._plugins import registry
from rnnbench._spec.resolve import resolve
from rnnbench._study import StudyFolder
from rnnbench._training.model import build
from rnnbench._training.runner import Runner

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")

CELLS = sorted(registry.CELLS.named())
TASKS = sorted(set(registry.TASKS.named()) - {"digits"})  # which needs scikit-learn
SMALL = {"task": "beijing", "gap": 5, "hidden_size": 8, "batch_size": 4, "max_steps": 20, "eval_every": 10}
WAYS = {"lstm": "cudnn", "rnn": "cudnn", "gru-torch": "cudnn", "irnn": "cudnn", "mamba": "scan", "deltanet": "scan"}


def check_runs_agree(request: RunRequest, folder: Path, engine: str | None = None) -> None:
    """Train on the CPU and on CUDA; compare losses, identity and the recorded engine."""
    rows = []
    for device in ("cpu", "cuda"):
        study = StudyFolder.create(folder / device)
        rows.append(list(Runner(resolve(request.model_copy(update={"device": device})), study).rows())[-1])
        assert study.records()[0].device == device
    assert engine is None or study.records()[0].engine == engine
    assert rows[0].run_id == rows[1].run_id
    assert rows[1].train_loss == pytest.approx(rows[0].train_loss, rel=1e-3)
    assert rows[1].eval_loss == pytest.approx(rows[0].eval_loss, rel=1e-3)


@pytest.mark.parametrize("limit", [None, math.inf])
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_trains_as_on_the_cpu(name: str, limit: float | None, tmp_path: Path) -> None:
    request = RunRequest(**SMALL, cell=name, recurrent_clip=limit)
    check_runs_agree(request, tmp_path, WAYS.get(name, "torch") if limit == math.inf else None)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_trains_as_on_the_cpu(name: str, tmp_path: Path) -> None:
    check_runs_agree(RunRequest(**SMALL | {"task": name, "gap": 1 if name == "tracking" else 12}, cell="gru"), tmp_path)


@pytest.mark.parametrize("change", [{"layers": 2, "block": "residual"}, {"truncate": 3}])
@pytest.mark.parametrize("name", WAYS)
def test_stacks_and_truncated_gradients_train_as_on_the_cpu(name: str, change: dict[str, object], tmp_path: Path) -> None:
    check_runs_agree(RunRequest(**SMALL | change, cell=name, recurrent_clip=math.inf), tmp_path)


@pytest.mark.parametrize("gap", [1, 40, 130])
@pytest.mark.parametrize("name", WAYS)
def test_values_and_gradients_are_those_of_the_loop(name: str, gap: int) -> None:
    found: list[list[Tensor]] = []
    for engine in ("torch", WAYS[name]):
        resolved = resolve(RunRequest(**SMALL | {"gap": gap}, cell=name, recurrent_clip=math.inf, device="cuda", engine=engine))
        network = build(resolved).double().to("cuda")
        assert network.engine == engine
        outputs = network(resolved.task.sample(gap, 3, Generator().manual_seed(1)).to(torch.device("cuda")))
        found.append([outputs, *torch.autograd.grad(outputs.square().sum(), list(network.parameters()))])
    for loop, ours in zip(*found, strict=True):
        torch.testing.assert_close(ours, loop, rtol=1e-9, atol=1e-11)


def test_an_interrupted_run_resumes(tmp_path: Path) -> None:
    study = StudyFolder.create(tmp_path)
    request = RunRequest(
        **SMALL | {"task": "recall", "gap": 0, "hidden_size": 32, "max_steps": 400, "eval_every": 50}, device="cuda", cell="lstm"
    )
    rows = Runner(resolve(request), study).rows()
    first = next(rows)
    rows.close()
    rest = list(Runner(resolve(request), study).rows())
    assert rest[0].step > first.step
    assert rest[-1].status == "solved"
