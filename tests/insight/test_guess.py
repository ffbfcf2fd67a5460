"""Random guessing: only solutions are recognised, and an interrupted command continues."""

from pathlib import Path

import pandas as pd
import pytest
import torch

from rnnbench._config import RunRequest
from rnnbench._plugins import registry
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._training.model import Model, build
from rnnbench.insight import _random_search as guessing
from rnnbench.insight._constructions import find_construction


def config(task: str = "beijing", gap: int = 1, **values: object) -> Resolved:
    return resolve(RunRequest.model_validate({"task": task, "cell": "rnn", "gap": gap, "hidden_size": 2} | values))


def plant(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Make the guess of this number the hand-picked latch, and all guesses before it zeros."""
    latch, _ = find_construction("rnn-beijing").build()
    drawn = []

    def draw(model: Model, scale: float, generator: torch.Generator) -> None:
        drawn.append(scale)
        weights = {name: torch.zeros_like(value) for name, value in model.state_dict().items()}
        model.load_state_dict(latch.state_dict() if len(drawn) == at else weights)

    monkeypatch.setattr(guessing, "draw_weights", draw)


def test_a_solution_is_recognised(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, at=4)
    found = guessing.random_search(config(gap=30), scale=9.0, max_guesses=10)
    assert found == guessing.SearchResult(4, True, 4 * guessing.SCREENED + guessing.CONFIRMED, 1.0)


def test_without_a_solution_the_best_guess_is_measured_on_fresh_sequences(monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, at=99)
    found = guessing.random_search(config(gap=30), scale=9.0, max_guesses=5)
    assert (found.guesses, found.solved, found.sequences) == (5, False, 5 * guessing.SCREENED)
    assert 0.4 < found.accuracy < 0.6  # all zeros: one class for everyone


def test_weights_are_uniform_on_the_whole_range_and_reproducible_by_seed() -> None:
    one, two = build(config(hidden_size=40)), build(config(hidden_size=40))
    for model in (one, two):
        guessing.draw_weights(model, 100.0, torch.Generator().manual_seed(5))
    values = one.cell.weight_hh.detach().flatten()  # (1600)
    assert torch.equal(values, two.cell.weight_hh.detach().flatten())
    assert values.abs().max() <= 100
    assert float(values.std()) == pytest.approx(200 / 12**0.5, rel=0.05)


def test_the_share_of_right_answers_agrees_with_a_loop_over_steps() -> None:
    conf = config("recall", gap=5, hidden_size=6)
    task = registry.make_task("recall")
    model = build(conf)
    guessing.draw_weights(model, 2.0, torch.Generator().manual_seed(1))
    batch = task.sample(5, 200, torch.Generator().manual_seed(2))
    with torch.no_grad():
        share = guessing.share_correct(model, task, batch)
        state = model.cell.start(200)
        for x in model.cell.vectors(batch.inputs):  # (B, D)
            state, _ = model.cell.step(x, state)
        expected = (model.readout(state[0]).argmax(dim=1) == batch.answers).double().mean()
    assert share == pytest.approx(float(expected))


def test_guessing_solves_a_one_bit_task() -> None:
    found = guessing.random_search(config(gap=1, seed=7, option={"fillers": 1}), scale=100.0, max_guesses=2000)
    assert found.solved
    assert found.accuracy >= 0.99
    assert found == guessing.random_search(config(gap=1, seed=7, option={"fillers": 1}), scale=100.0, max_guesses=2000)


def test_an_interrupted_command_continues(rnnbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    argv = ["guess", "--task", "beijing,copy", "--gap", "2", "--max-guesses", "30", "--out", "made"]
    assert rnnbench(*argv, "--repeats", "1").code == 0
    first = pd.read_csv(tmp_path / "made" / "guess.csv")
    calls = []
    real = guessing.random_search
    monkeypatch.setattr(guessing, "random_search", lambda conf, *rest: calls.append(conf.run.seed) or real(conf, *rest))
    result = rnnbench(*argv, "--repeats", "2")
    assert calls == [1, 1]
    both = pd.read_csv(tmp_path / "made" / "guess.csv")
    pd.testing.assert_frame_equal(both.iloc[:2], first)
    assert "rnn on copy, gap 2, 3 units: solved in 0 of 2 repeats" in result.out
    assert (tmp_path / "made" / "guess.png").exists()


def test_a_table_of_a_different_kind_is_not_overwritten(rnnbench, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "guess.csv").write_text("a,b\n1,2\n")
    rnnbench("guess", "--task", "beijing", "--gap", "1", "--out", "made").refused()
    assert (tmp_path / "made" / "guess.csv").read_text() == "a,b\n1,2\n"
