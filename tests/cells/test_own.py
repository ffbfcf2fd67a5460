"""Parameters that a cell sets in ``__init__``: kept by default, labelled own, never overwritten silently."""

from pathlib import Path

import pytest
import torch

from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._plugins import registry
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._training.model import build, stream

PLUGIN_FILES = Path(__file__).parents[1] / "plugins"
TASK = "recall"


def config(name: str, **values: object) -> Resolved:
    return resolve(RunRequest(task=TASK, cell=str(PLUGIN_FILES / f"{name}.py"), gap=4, hidden_size=8, **values))


@pytest.mark.parametrize("name", ["lru", "transformer", "cfc"])
def test_parameters_set_in_init_keep_their_values(name: str) -> None:
    resolved = config(name, seed=3)
    assert (resolved.run.init, resolved.run.horizon) == ("own", None)
    task = registry.make_task(TASK)
    torch.manual_seed(stream(3, "own").initial_seed())
    expected = resolved.cell_entry.cls(task.input_size, 8)
    before = torch.get_rng_state()
    built = build(resolved)
    assert torch.equal(torch.get_rng_state(), before), "build changed the random state of the process"
    for (key, parameter), other in zip(built.cell.named_parameters(), expected.parameters(), strict=True):
        assert torch.equal(parameter, other), key
    other_seed = build(config(name, seed=4)).cell
    assert any(not torch.equal(a, b) for a, b in zip(built.cell.parameters(), other_seed.parameters(), strict=True))


@pytest.mark.parametrize("init", ["uniform", "orthogonal", "identity", "forget-bias", "chrono"])
@pytest.mark.parametrize("name", ["lru", "transformer", "cfc"])
def test_an_initialisation_without_parameters_to_set_is_an_error(name: str, init: str) -> None:
    with pytest.raises(UserError, match=r"finds nothing to set|sets a forgetting gate"):
        config(name, init=init)


def test_a_cell_has_a_custom_initialisation() -> None:
    resolved = config("memory", horizon=50.0)
    assert (resolved.run.init, resolved.run.horizon) == ("slow", 50.0)
    model = build(resolved)
    assert model.cell.get_parameter("decay").item() == pytest.approx(1 / 50)
    assert config("memory").run.horizon == 20.0
    assert config("memory", init="uniform").run.horizon is None
    with pytest.raises(UserError, match="unknown init 'slow'"):
        config("cfc", init="slow")


def test_parameters_of_inner_layers_are_initialised(tmp_path: Path) -> None:
    path = tmp_path / "two.py"
    path.write_text(
        "from torch import nn\nfrom rnnbench.cells import SequenceModel\nfrom rnnbench.cells.lstm import LSTM\n"
        "class Two(SequenceModel):\n    name = 'two'\n    summary = 'two LSTMs'\n"
        "    def __init__(self, input_size: int, hidden_size: int) -> None:\n"
        "        super().__init__(input_size, hidden_size)\n"
        "        self.low, self.high = LSTM(input_size, hidden_size), LSTM(hidden_size, hidden_size)\n"
        "    def sequence(self, x):\n        return self.high(self.low(x))\n"
        "CELL = Two\n"
    )
    resolved = resolve(RunRequest(task=TASK, cell=str(path), gap=4, hidden_size=8))
    assert resolved.run.init == "uniform"
    cell = build(resolved).cell
    assert all(bool(parameter.any()) for parameter in cell.parameters())


def test_a_cell_can_learn_its_initial_state(tmp_path: Path) -> None:
    path = tmp_path / "start.py"
    path.write_text(
        "import torch\nfrom torch import nn\nfrom rnnbench.cells.rnn import RNN\n"
        "class Start(RNN):\n    name = 'start'\n"
        "    def __init__(self, input_size: int, hidden_size: int) -> None:\n"
        "        super().__init__(input_size, hidden_size)\n"
        "        self.initial_h = nn.Parameter(torch.full((hidden_size,), 0.25))\n"
        "CELL = Start\n"
    )
    cell = registry.make_cell(str(path), 3, 4)
    (grad,) = torch.autograd.grad(cell.states(torch.zeros(1, 2, 3))[0].sum(), cell.initial_h, allow_unused=True)
    assert grad is not None
