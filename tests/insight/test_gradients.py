"""Gradient norms, compared with Jacobians, finite differences and known values."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from rnnbench._config import RunRequest
from rnnbench._plugins import registry
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._training.model import stream
from rnnbench.insight import _gradients
from rnnbench.insight._gates import half_life_table
from rnnbench.insight._load import build_initialised, unroll
from rnnbench.task import Batch, Chance, Task, Word, uniform_chance

F64 = torch.float64


def config(cell: str, gap: int = 6, task: str = "beijing", **values: object) -> Resolved:
    return resolve(RunRequest(task=task, cell=cell, gap=gap, hidden_size=values.pop("hidden_size", 5), **values))


def one_batch(conf: Resolved, size: int) -> Batch:
    """Return the batch that gradient_norms draws."""
    task = registry.make_task(conf.run.task, conf.run.option)
    return _gradients.keep_last_answer(task.sample(conf.run.gap, size, stream(conf.run.seed, "insight")))


@pytest.mark.parametrize("cell", ["rnn", "gru", "gru-torch"])
def test_the_norms_are_those_of_a_product_of_jacobians(cell: str) -> None:
    conf = config(cell)
    model = build_initialised(conf, F64)
    frame = _gradients.gradient_norms(model, conf, "initial", batch_size=1)
    batch = one_batch(conf, 1)
    xs = model.cell.vectors(batch.inputs)  # (T, 1, D)
    states = [state[0].detach() for state in unroll(model.cell, model.cell.vectors(batch.inputs)).states]  # T + 1 of (1, H)
    task = registry.make_task(conf.run.task)
    due = states[-1].clone().requires_grad_()
    row = torch.autograd.grad(task.loss(model.readout(due), batch), due)[0]  # (1, H)
    for distance in range(len(xs)):
        assert frame["grad_state"][distance] == pytest.approx(float(row.norm()), rel=1e-10)
        t = len(xs) - 1 - distance
        jacobian = torch.autograd.functional.jacobian(lambda h, x=xs[t]: model.cell.step(x, (h,))[0][0][0], states[t])  # (H, 1, H)
        row = row @ jacobian[:, 0]  # (1, H)


def test_the_lstms_cell_gradient_is_a_finite_difference() -> None:
    conf = config("lstm", gap=4)
    model = build_initialised(conf, F64)
    batch = one_batch(conf, 1)
    task = registry.make_task(conf.run.task)
    xs = model.cell.vectors(batch.inputs)  # (T, 1, D)
    states, gates = unroll(model.cell, model.cell.vectors(batch.inputs))

    def loss(C: torch.Tensor, t: int) -> float:
        """Return the loss when the cell state after step t is C (1, H), with the output that follows from it."""
        state = (gates[t - 1]["o"].detach() * C.tanh(), C)
        for x in xs[t:]:
            state, _ = model.cell.step(x, state)
        return float(task.loss(model.readout(state[0]), batch).detach())

    frame = _gradients.gradient_norms(model, conf, "initial", batch_size=1)
    t = 2  # the state after two steps is len(xs) - 2 steps before the answer
    C = states[t][1].detach()
    slopes = [(loss(C + 1e-6 * e, t) - loss(C - 1e-6 * e, t)) / 2e-6 for e in torch.eye(C.shape[1], dtype=F64)]
    assert frame["grad_state"][len(xs) - t] == pytest.approx(math.hypot(*slopes), rel=1e-6)


def test_only_the_last_answer_counts() -> None:
    batch = one_batch(config("rnn", task="copy"), 3)
    assert batch.scored.sum(dim=0).tolist() == [1, 1, 1]
    assert bool(batch.scored[-1].all())


def test_a_vanilla_rnn_stays_below_its_bound_and_decays_geometrically() -> None:
    conf = config("rnn", gap=100, hidden_size=32)
    model = build_initialised(conf, F64)
    frame = _gradients.gradient_norms(model, conf, "initial")
    assert (frame["grad_hidden"] <= frame["bound"] * (1 + 1e-9)).all()
    logs = np.log(frame["grad_hidden"].to_numpy()[1:-1])
    distance = np.arange(len(logs))
    assert np.corrcoef(distance, logs)[0, 1] < -0.999  # a straight line on the log plot
    assert _gradients.decay_per_step(frame) < 0.8
    assert frame["grad_hidden"].iloc[-1] < 1e-12


def test_the_bound_is_exact_where_all_units_are_linear() -> None:
    """At h = 0 tanh is linear, and W_hh = I / 2 halves the gradient at every step back: the norm equals its bound."""
    conf = config("rnn", gap=4)
    model = build_initialised(conf, F64)
    with torch.no_grad():
        for parameter in model.cell.parameters():
            parameter.zero_()
        model.cell.weight_hh.copy_(torch.eye(5) / 2)
    frame = _gradients.gradient_norms(model, conf, "initial", batch_size=2)
    halved = [frame["grad_hidden"][0] / 2**distance for distance in range(6)]
    assert frame["grad_hidden"].tolist() == pytest.approx(halved, rel=1e-12)
    assert frame["bound"].tolist() == pytest.approx(halved, rel=1e-12)


def test_an_lstm_with_chrono_stays_within_two_orders_of_magnitude_over_200_steps() -> None:
    conf = config("lstm", gap=200, hidden_size=64)
    frame = _gradients.gradient_norms(build_initialised(conf, F64), conf, "initial", batch_size=8)
    norms = frame["grad_state"][:200]
    assert norms.max() / norms.min() < 100
    assert frame["bound"].isna().all()


def test_singular_value_and_spectral_radius_agree_with_numpy() -> None:
    conf = config("rnn", hidden_size=7)
    model = build_initialised(conf, F64)
    weight = model.cell.weight_hh.detach().numpy()
    assert _gradients.largest_singular_value(model) == pytest.approx(np.linalg.svd(weight, compute_uv=False)[0])
    assert _gradients.spectral_radius(model) == pytest.approx(np.abs(np.linalg.eigvals(weight)).max())
    lstm = build_initialised(config("lstm", hidden_size=7), F64)
    candidate = lstm.cell.weight_hh.detach().numpy()[14:21]  # rows i, f, g, o
    assert _gradients.largest_singular_value(lstm) == pytest.approx(np.linalg.norm(candidate, 2))
    assert math.isnan(_gradients.largest_singular_value(build_initialised(config("memoryless"), F64)))


def test_the_decay_of_a_geometric_series_is_its_factor() -> None:
    frame = pd.DataFrame({"distance": range(9), "grad_state": [3 * 0.7**k for k in range(8)] + [0.0]})
    assert _gradients.decay_per_step(frame) == pytest.approx(0.7)
    assert math.isnan(_gradients.decay_per_step(frame.iloc[-2:]))


@pytest.mark.parametrize(("bias", "steps"), [(0, 1.0), (1, 2.2), (2, 5.5), (3, 14), (5, 103), (8, 2067)])
@pytest.mark.parametrize("cell", ["lstm", "gru", "gru-torch"])
def test_half_lives_of_gates_with_only_a_bias(cell: str, bias: float, steps: float) -> None:
    conf = config(cell)
    model = build_initialised(conf, F64)
    row, sign = {"lstm": (1, 1), "gru": (1, -1), "gru-torch": (1, 1)}[cell]
    with torch.no_grad():
        for parameter in model.cell.parameters():
            parameter.zero_()
        first = model.cell.bias if cell != "gru-torch" else model.cell.bias_ih
        first[row * 5 : row * 5 + 5] = sign * bias
    lives = _gradients.half_lives(model, conf, batch_size=2)  # (B, H)
    assert lives.flatten().tolist() == pytest.approx([math.log(2) / math.log(1 + math.exp(-bias))] * 10)
    assert lives[0, 0] == pytest.approx(steps, rel=0.03)


def test_a_sequence_in_which_a_unit_closes_does_not_decide_for_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    conf = config("lstm", hidden_size=2)
    model = build_initialised(conf, F64)
    closes = torch.full((32, 2), 0.99, dtype=F64)  # (B, H)
    closes[0] = 1e-9
    monkeypatch.setattr(model.cell, "keep", lambda gates: closes)
    lives = _gradients.half_lives(model, conf)
    assert lives[0, 0] < 0.1
    assert float(lives.median()) == pytest.approx(math.log(2) / -math.log(0.99)), "a mean over sequences would give 1.1"
    table = half_life_table(model, model, conf)
    assert table["half_life"].tolist() == pytest.approx([math.log(2) / -math.log(0.99)] * 4)


class Early(Task):
    """The first symbol is asked for after three steps, or after five; what follows is never scored."""

    name, default_max_steps, default_gaps, input_size, output_size = "early", 10, (3,), 4, 4
    question = reference = ""

    def length(self, gap: int) -> int:
        return gap + 6

    def sample(self, gap: int, batch_size: int, generator: torch.Generator) -> Batch:
        inputs = torch.randint(4, (self.length(gap), batch_size), generator=generator)  # (T, B)
        scored = torch.zeros_like(inputs, dtype=torch.bool)
        scored[gap, ::2] = scored[gap + 2, 1::2] = True
        return Batch(inputs, inputs[:1].expand_as(inputs), scored)

    def chance(self, gap: int) -> Chance:
        return uniform_chance(4)

    def words(self, batch: Batch, b: int, language: str = "en") -> list[Word]:
        return []


def test_distance_is_counted_from_the_scored_step_wherever_it_is() -> None:
    conf = config("rnn")._replace(task=Early())
    conf = conf._replace(run=conf.run.model_copy(update={"gap": 3}))
    model = build_initialised(conf, F64)
    frame = _gradients.gradient_norms(model, conf, "initial", batch_size=4)
    assert frame["distance"].tolist() == list(range(6))  # the later ones are asked at step 5
    batch = Early().sample(3, 4, stream(0, "insight"))
    trajectory = unroll(model.cell, model.cell.vectors(batch.inputs))
    expected = {distance: [] for distance in range(6)}
    for b, last in enumerate((3, 5, 3, 5)):
        loss = torch.nn.functional.cross_entropy(
            model.readout(trajectory.states[last + 1][0][b : b + 1]), batch.targets[last, b : b + 1]
        )
        for distance in range(last + 1):
            (grad,) = torch.autograd.grad(loss, trajectory.states[last + 1 - distance][0], retain_graph=True)
            expected[distance].append(float(grad[b].norm()))
    assert frame["grad_hidden"].tolist() == pytest.approx([np.mean(norms) for norms in expected.values()])


PLUGIN_FILES = Path(__file__).parents[1] / "plugins"


def test_a_whole_sequence_model_has_only_a_gradient_at_the_inputs() -> None:
    conf = config(str(PLUGIN_FILES / "transformer.py"), hidden_size=8)
    model = build_initialised(conf, F64)
    frame = _gradients.gradient_norms(model, conf, "initial", batch_size=1)
    assert frame[["grad_hidden", "grad_state", "bound"]].isna().all(axis=None)
    batch, task = one_batch(conf, 1), registry.make_task(conf.run.task)
    x = model.cell.vectors(batch.inputs).requires_grad_()  # (T, 1, D)
    (grad,) = torch.autograd.grad(task.loss(model.readout(model.cell.sequence(x)[-1]), batch), x)
    assert frame["grad_input"].tolist() == pytest.approx(grad[:, 0].norm(dim=1).flip(0).tolist())
    assert _gradients.gradient_column(frame) == "grad_input"
    assert 0 < _gradients.decay_per_step(frame) < 2


def test_a_state_of_a_custom_shape_has_a_gradient() -> None:
    conf = config(str(PLUGIN_FILES / "memory.py"), hidden_size=8)
    frame = _gradients.gradient_norms(build_initialised(conf, F64), conf, "initial")
    assert (frame["grad_state"] > 0).all()
    assert (frame["grad_hidden"][1:] == 0).all()  # its output is read, and goes nowhere else


def test_the_command_writes_what_it_prints(rnnbench, tmp_path: Path) -> None:
    result = rnnbench("gradients", "--cell", "rnn,lstm", "--gap", "12", "--hidden-size", "8", "--out", "made")
    assert result.code == 0
    frame = pd.read_csv(tmp_path / "made" / "gradients_beijing_gap12.csv")
    assert list(frame.columns) == list(_gradients.GRADIENT_COLUMNS)
    assert frame.groupby("cell").size().to_dict() == {"lstm": 14, "rnn": 14}  # verb, 12 fillers, city
    assert (tmp_path / "made" / "gradients_beijing_gap12.png").stat().st_size > 10_000
    printed = next(line for line in result.out.splitlines() if line.split()[:1] == ["rnn"]).split()
    assert float(printed[2]) == pytest.approx(_gradients.decay_per_step(frame[frame["cell"] == "rnn"]), abs=1e-4)


def test_a_finished_run_is_measured_before_and_after_training(rnnbench, tmp_path: Path) -> None:
    tiny = ["--hidden-size", "8", "--batch-size", "8", "--max-steps", "20", "--eval-every", "20"]
    assert rnnbench("run", "--cell", "gru", "--task", "beijing", "--gap", "3", *tiny).code == 0
    assert rnnbench("gradients", "--run", "beijing-gru", "--study", "results", "--out", "made").code == 0
    frame = pd.read_csv(tmp_path / "made" / "gradients_beijing_gap3.csv")
    assert set(frame["when"]) == {"initial", "trained"}
    rnnbench("gradients", "--run", "nosuch", "--study", "results", "--out", "made").refused("no run 'nosuch'")
    by_moment = frame.set_index(["when", "distance"])["grad_state"]
    assert not np.allclose(by_moment["initial"], by_moment["trained"])
