"""The optimisers against loops written out with torch.optim: momentum, weight decay, warm-up."""

import math
from pathlib import Path

import pytest
import torch
from torch import nn

from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._training.optimizers import learning_rate
from rnnbench._training.trainer import Trainer
from rnnbench.testing._cell_checks import cell_findings

STEPS = 12
SMALL = {
    "recipe": "v2",
    "task": "beijing",
    "cell": "gru",
    "gap": 3,
    "hidden_size": 8,
    "batch_size": 4,
    "max_steps": STEPS,
    "lr": 0.01,
}


def resolved(**changes: object) -> Resolved:
    return resolve(RunRequest.model_validate(SMALL | changes))


def assert_trained_alike(trainer: Trainer, oracle: Trainer, optimizer: torch.optim.Optimizer, rates: list[list[float]]) -> None:
    """Compare training steps with a loop over ``optimizer``, which trains the oracle's network at ``rates`` per step and group."""
    for k, step_rates in enumerate(rates):
        trainer.train_step()
        batch = oracle.training_batch()
        loss = oracle.task.loss(oracle.model(batch), batch)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(oracle.model.parameters(), oracle.run.clip_norm)
        for group, rate in zip(optimizer.param_groups, step_rates, strict=True):
            group["lr"] = rate
        optimizer.step()
        for found, expected in zip(trainer.model.parameters(), oracle.model.parameters(), strict=True):
            torch.testing.assert_close(found, expected, msg=lambda text, k=k: f"step {k}: {text}")


@pytest.mark.parametrize(
    ("changes", "optimizer", "arguments"),
    [
        ({"weight_decay": 0.5}, torch.optim.AdamW, {"betas": (0.9, 0.99), "weight_decay": 0.5}),
        ({"optimizer": "rmsprop", "weight_decay": 0.5}, torch.optim.RMSprop, {"alpha": 0.9, "weight_decay": 0.5}),
        ({"optimizer": "sgd", "weight_decay": 0.5}, torch.optim.SGD, {"weight_decay": 0.5}),
        ({"optimizer": "sgd", "momentum": 0.9}, torch.optim.SGD, {"momentum": 0.9}),
        ({"optimizer": "sgd", "momentum": 0.9, "nesterov": True}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
    ],
)
def test_an_optimiser_trains_as_that_of_torch(changes: dict, optimizer: type, arguments: dict) -> None:
    run = resolved(**changes)
    oracle = Trainer(run)
    made = optimizer(oracle.model.parameters(), lr=0.01, **arguments)
    assert_trained_alike(Trainer(run), oracle, made, [[0.01 * (1 - k / STEPS)] for k in range(STEPS)])


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_the_rate_rises_over_the_warm_up_and_then_follows_its_schedule(schedule: str) -> None:
    run = resolved(warmup=4, schedule=schedule).run
    after = {
        "constant": [0.01] * 8,
        "linear": [0.01 * (1 - k / 8) for k in range(8)],
        "cosine": [0.005 * (1 + math.cos(math.pi * k / 8)) for k in range(8)],
    }
    expected = [0.0025, 0.005, 0.0075, 0.01, *after[schedule]]
    assert [learning_rate(run, step) for step in range(STEPS)] == pytest.approx(expected)


def test_a_warm_up_trains_at_its_rates() -> None:
    run = resolved(warmup=4, optimizer="sgd")
    oracle = Trainer(run)
    made = torch.optim.SGD(oracle.model.parameters(), lr=0.01)
    rates = [0.0025, 0.005, 0.0075, 0.01, *(0.01 * (1 - k / 8) for k in range(8))]
    assert_trained_alike(Trainer(run), oracle, made, [[rate] for rate in rates])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"momentum": 0.9}, "momentum only applies to optimizer sgd, not to adam"),
        ({"momentum": 0.9, "optimizer": "rmsprop"}, "momentum only applies to optimizer sgd, not to rmsprop"),
        ({"nesterov": True, "optimizer": "sgd"}, "nesterov only applies with momentum"),
        ({"warmup": STEPS}, "warmup 12 must be below max_steps 12"),
    ],
)
def test_a_setting_without_a_use_is_an_error(changes: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolved(**changes)


MARKED = """
import torch
from torch import nn

from rnnbench.cells import Cell


class Marked(Cell):
    name = "marked"
    summary = "a recurrent network with marked parameters"

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ("bias",))
        self.decay = nn.Parameter(torch.linspace(-1, 1, hidden_size))
        self.decay._optim = {"lr": 0.001, "weight_decay": 0.3}
        self.weight_hh._optim = {"lr": 0.1}
        self.bias._no_weight_decay = True

    def step(self, x, state):
        (h,) = state
        new = torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T + self.bias)
        return (torch.sigmoid(self.decay) * h + new,), {}


CELL = Marked
"""


@pytest.fixture
def marked(tmp_path: Path) -> Path:
    path = tmp_path / "marked.py"
    path.write_text(MARKED)
    return path


DETACHED = """
import torch
from torch import nn

from rnnbench.cells import Cell


class Detached(Cell):
    name = "detached"
    summary = "two parameters that no gradient reaches, and a learned start"
    state_names = ("h", "s")

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.stacked_weights(1, ("bias",))
        self.scale, self.shift = nn.Parameter(torch.ones(hidden_size)), nn.Parameter(torch.ones(hidden_size))
        self.initial_h = nn.Parameter(torch.full((hidden_size,), 0.5))
        self.initial_s = nn.Parameter(torch.full((hidden_size,), 0.5))

    def step(self, x, state):
        h, s = state
        new = torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T + self.bias)
        slow = (0.9 * s + self.scale * new).detach()
        return (new + 0.1 * slow + self.shift.detach(), slow), {}


CELL = Detached
"""


@pytest.mark.parametrize("truncate", [0, 2])
@pytest.mark.parametrize("changes", [{}, {"optimizer": "rmsprop"}, {"optimizer": "sgd", "momentum": 0.9}])
def test_a_parameter_without_a_gradient_is_skipped_by_either_engine(tmp_path: Path, changes: dict, truncate: int) -> None:
    (tmp_path / "detached.py").write_text(DETACHED)
    run = {"cell": str(tmp_path / "detached.py"), "weight_decay": 0.5, "truncate": truncate, **changes}
    weights = {}
    for engine in ("torch", "fast"):
        trainer = Trainer(resolved(**run, engine=engine))
        before = {name: p.detach().clone() for name, p in trainer.model.named_parameters()}
        for _ in range(3):
            trainer.train_step()
        assert trainer.model.engine == engine
        weights[engine] = dict(trainer.model.named_parameters())
        unchanged = {name.split(".")[-1] for name, p in weights[engine].items() if torch.equal(p, before[name])}
        assert unchanged == {"scale", "shift", "initial_s", *(["initial_h"] if truncate else [])}
    for name, expected in weights["torch"].items():
        torch.testing.assert_close(
            weights["fast"][name], expected, rtol=1e-4, atol=1e-5, msg=lambda text, name=name: f"{name}: {text}"
        )


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize(
    ("changes", "optimizer", "arguments"),
    [
        ({}, torch.optim.AdamW, {"betas": (0.9, 0.99)}),
        ({"optimizer": "sgd", "momentum": 0.9}, torch.optim.SGD, {"momentum": 0.9}),
    ],
)
def test_marked_parameters_train_as_groups_of_torch(
    marked: Path, changes: dict, optimizer: type, arguments: dict, layers: int
) -> None:
    run = resolved(cell=str(marked), init="orthogonal", weight_decay=0.5, warmup=4, layers=layers, **changes)
    oracle = Trainer(run)
    named = list(oracle.model.named_parameters())
    ends = {"decay": (0.001, 0.3), "weight_hh": (0.1, 0.5), "bias": (0.01, 0.0)}
    groups, peaks = [], []
    for name, parameter in named:
        lr, decay = (0.01, 0.5) if name.startswith("readout") else ends.get(name.rsplit(".", 1)[-1], (0.01, 0.5))
        groups.append({"params": [parameter], "weight_decay": decay})
        peaks.append(lr)
    shares = [0.25, 0.5, 0.75, 1.0, *(1 - k / 8 for k in range(8))]
    made = optimizer(groups, lr=0.01, **arguments)
    assert_trained_alike(Trainer(run), oracle, made, [[share * peak for peak in peaks] for share in shares])


def test_marks_survive_a_checkpoint(marked: Path) -> None:
    run = resolved(cell=str(marked), weight_decay=0.5)
    whole, first, second = Trainer(run), Trainer(run), Trainer(run)
    for _ in range(10):
        whole.train_step()
    for _ in range(4):
        first.train_step()
    second.load_state(first.state())
    for _ in range(6):
        second.train_step()
    for found, expected in zip(second.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(found, expected)


def test_a_cell_without_marks_is_one_group() -> None:
    (group,) = Trainer(resolved(weight_decay=0.1)).optimizer.param_groups
    assert (group["lr"], group["weight_decay"]) == (0.01, 0.1)


def test_exprnn_has_two_rates_if_asked_to() -> None:
    plain, option = resolved(cell="exprnn"), resolved(cell="exprnn", cell_option={"recurrent_lr": "0.001"})
    assert plain.run.cell_option == {}
    assert option.run.cell_option == {"recurrent_lr": 0.001}
    assert len(Trainer(plain).optimizer.param_groups) == 1
    oracle = Trainer(option)
    slow = oracle.model.cell.recurrent.parametrizations.weight.original
    rest = [parameter for parameter in oracle.model.parameters() if parameter is not slow]
    made = torch.optim.Adam([{"params": [slow]}, {"params": rest}], lr=0.01, betas=(0.9, 0.99))
    rates = [[0.001 * (1 - k / STEPS), 0.01 * (1 - k / STEPS)] for k in range(10)]
    assert_trained_alike(Trainer(option), oracle, made, rates)


@pytest.mark.parametrize(
    ("mark", "message"),
    [
        ('{"lr": -1}', "sets lr to -1: use a number of at least 0"),
        ('{"betas": (0.9, 0.9)}', "use a dict with lr, weight_decay or both"),
        ("0.001", "use a dict with lr, weight_decay or both"),
    ],
)
def test_a_mark_that_is_not_valid_is_one_sentence(marked: Path, mark: str, message: str) -> None:
    marked.write_text(MARKED.replace('{"lr": 0.1}', mark))
    with pytest.raises(UserError, match=rf"weight_hh\._optim.*{message}"):
        Trainer(resolved(cell=str(marked)))
    assert any(message in finding.message for finding in cell_findings(str(marked)))
