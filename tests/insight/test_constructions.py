"""Hand-picked weights: they solve their tasks at any gap; effect of noise; Bengio's trade-off by simulation."""

import math
from pathlib import Path

import pandas as pd
import pytest
import torch

from rnnbench._plugins import registry
from rnnbench.insight import _constructions
from rnnbench.insight._constructions import CONSTRUCTIONS, find_construction, gradient_through_gap, noisy_accuracy, perturb_weights
from rnnbench.insight._trade_off import trade_off

NAMES = sorted(CONSTRUCTIONS)


def test_every_documented_construction_exists() -> None:
    latches = {f"{cell}-{task}" for cell in ("rnn", "lstm", "gru") for task in ("beijing", "recall")}
    assert set(NAMES) == latches | {"rnn-copy", "rnn-adding", "lstm-adding"}
    assert (CONSTRUCTIONS["rnn-copy"].units, CONSTRUCTIONS["rnn-adding"].units, CONSTRUCTIONS["lstm-adding"].units) == (62, 3, 1)


@pytest.mark.parametrize("gap", [1, 10, 300])
@pytest.mark.parametrize("name", NAMES)
def test_every_construction_is_always_right(name: str, gap: int) -> None:
    model, task = find_construction(name).build()
    assert noisy_accuracy(model, task, gap, sequences=32, seed=gap) == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_the_cell_is_the_trained_one_and_its_fast_path_agrees(name: str) -> None:
    found = find_construction(name)
    model, task = found.build()
    assert type(model.cell) is type(registry.make_cell(found.cell, task.input_size, found.units))
    batch = task.sample(20, 16, torch.Generator().manual_seed(1))
    with torch.no_grad():
        for engine in ("torch", "fast"):
            model.engine = engine
            assert bool(task.correct(model(batch), batch).all()), engine


def test_the_copying_rnn_passes_no_gradient_through_2000_steps_and_is_right() -> None:
    model, task = find_construction("rnn-copy").build(torch.float64)
    assert gradient_through_gap(model, task, 2000) == 0.0
    assert noisy_accuracy(model, task, 2000, sequences=16) == 1.0


def test_the_gradient_agrees_with_finite_differences() -> None:
    model, task = find_construction("lstm-adding").build(torch.float64)
    gap = 5
    batch = task.sample(gap, 8, _constructions.stream(0, "insight"))
    xs = model.cell.vectors(batch.inputs)  # (T, 8, D)

    def outputs(shift: float, part: int) -> torch.Tensor:
        state, _ = model.cell.step(xs[0], model.cell.start(8))
        state = tuple(value + shift * (k == part) for k, value in enumerate(state))
        for x in xs[1:]:
            state, _ = model.cell.step(x, state)
        return model.readout(state[0])[:, 0]  # (8)

    with torch.no_grad():
        slopes = [(outputs(1e-6, part) - outputs(-1e-6, part)) / 2e-6 for part in (0, 1)]
    expected = torch.hypot(*slopes).mean()
    assert gradient_through_gap(model, task, gap) == pytest.approx(float(expected), rel=1e-5)


def test_latches_tolerate_noise_that_breaks_integrators() -> None:
    for name, low, high in (("rnn-beijing", 1.0, 1.0), ("rnn-copy", 1.0, 1.0), ("rnn-adding", 0.0, 0.3), ("lstm-adding", 0.0, 0.3)):
        model, task = find_construction(name).build()
        assert low <= noisy_accuracy(model, task, 100, sequences=64, noise=0.05) <= high, name


@pytest.mark.parametrize(
    ("w", "x", "slope", "threshold", "over_20"),
    [(1.25, 0.710, 0.619, 0.078, 7e-5), (2, 0.957, 0.166, 0.533, 3e-16), (3, 0.995, 0.031, 1.30, 5e-31)],
)
def test_the_trade_off_has_the_published_values(w: float, x: float, slope: float, threshold: float, over_20: float) -> None:
    unit = trade_off(w)
    assert unit["x"] == pytest.approx(x, abs=1.1e-3)
    assert unit["slope"] == pytest.approx(slope, abs=6e-4)
    assert unit["threshold"] == pytest.approx(threshold, abs=4e-3)
    assert unit["slope"] ** 20 == pytest.approx(over_20, rel=0.2)


@pytest.mark.parametrize("w", [1.25, 2.0, 3.0])
def test_the_trade_off_agrees_with_a_simulation(w: float) -> None:
    unit = trade_off(w)

    def settled(h: float, a: float, steps: int = 20_000) -> float:
        for _ in range(steps):
            a = w * math.tanh(a) + h
        return a

    low = -w * unit["x"]  # the negative attractor
    assert settled(0.999 * unit["threshold"], low) < 0
    assert settled(1.001 * unit["threshold"], low) > 0
    nudged = (settled(0, low + 1e-6, 1) - settled(0, low - 1e-6, 1)) / 2e-6
    assert nudged == pytest.approx(unit["slope"], rel=1e-6)


def test_the_trade_off_requires_two_attractors() -> None:
    with pytest.raises(ValueError, match="above 1"):
        trade_off(1.0)


def test_a_perturbation_scales_with_each_tensor() -> None:
    before, _ = find_construction("rnn-copy").build()
    after, _ = find_construction("rnn-copy").build()
    perturb_weights(after, 0.1, seed=3)
    moved = (after.cell.weight_hh - before.cell.weight_hh).detach()
    size = before.cell.weight_hh.detach().square().mean().sqrt()
    assert float(moved.square().mean().sqrt() / size) == pytest.approx(0.1, rel=0.05)
    again, _ = find_construction("rnn-copy").build()
    perturb_weights(again, 0.1, seed=3)
    assert torch.equal(after.cell.weight_hh, again.cell.weight_hh)


def test_training_starts_from_the_construction() -> None:
    rows = list(_constructions.train_from("lstm-beijing", gap=5, amount=0.0, seed=0, lr=0.002, max_steps=100))
    assert rows[0] == (0, 1.0, "running")
    assert rows[-1] == (100, 1.0, "solved")
    far = list(_constructions.train_from("rnn-beijing", gap=5, amount=3.0, seed=0, lr=0.002, max_steps=50))
    assert far[0][1] < 0.9


def test_the_command_measures_and_draws(rnnbench, tmp_path: Path) -> None:
    result = rnnbench("construct", "rnn-beijing", "lstm-adding", "--gap", "5,50", "--noise", "0,0.2", "--out", "made")
    assert result.code == 0
    frame = pd.read_csv(tmp_path / "made" / "constructions.csv")
    assert len(frame) == 2 * 2 * 2
    assert (frame.loc[frame["noise"] == 0, "accuracy"] == 1).all()
    line = next(line for line in result.out.splitlines() if line.startswith("rnn-beijing"))
    assert line.split()[:4] == ["rnn-beijing", "2", "100.0", "100.0"]
    assert (tmp_path / "made" / "constructions.png").exists()


def test_interrupted_training_continues(rnnbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["construct", "lstm-beijing", "--train-from", "--train-gap", "3", "--max-steps", "50", "--seeds", "1", "--out", "made"]
    assert rnnbench(*argv, "--perturb", "0").code == 0
    first = (tmp_path / "made" / "train_from.csv").read_text()
    calls = []
    real = _constructions.train_from
    monkeypatch.setattr(_constructions, "train_from", lambda *args: calls.append(args) or real(*args))
    assert rnnbench(*argv, "--perturb", "0,0.5").code == 0
    assert [args[2] for args in calls] == [0.5]
    assert (tmp_path / "made" / "train_from.csv").read_text().startswith(first)
