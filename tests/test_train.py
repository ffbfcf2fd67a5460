"""The trainer: what it promises about streams, the scored steps, verdicts and going on bit for bit."""

import math
from pathlib import Path

import pytest
import torch

from rnnbench import _engine
from rnnbench._config import RunRequest
from rnnbench._errors import UserError
from rnnbench._plugins.registry import CELLS
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._study import Row, RunRecord, StudyFolder
from rnnbench._training.evaluate import Measurement
from rnnbench._training.runner import Runner
from rnnbench._training.trainer import FORMER_NAMES, Trainer
from tests.sweep.processes import plain

SMALL = {"task": "beijing", "cell": "gru", "gap": 3, "hidden_size": 12, "batch_size": 8, "eval_every": 20, "max_steps": 100}
ENGINES = ["torch"] + (["fast"] if _engine.available() else [])


def config(**changes: object) -> Resolved:
    return resolve(RunRequest.model_validate(SMALL | changes))


def train(run: Resolved) -> list[Row]:
    return list(Trainer(run).rows())


@pytest.mark.parametrize("name", ["lstm", "gru", "gru-torch", "rnn"])
def test_every_recurrent_cell_solves_the_bare_pair_and_memoryless_does_not(name: str) -> None:
    rows = train(config(cell=name, gap=0, max_steps=400))
    assert rows[-1].status == "solved"
    assert rows[-1].accuracy >= 0.99
    assert rows[-2].accuracy >= 0.99
    blind = train(config(cell="memoryless", gap=0))
    assert blind[-1].status == "unsolved"
    assert abs(blind[-1].accuracy - 0.5) < 0.06


@pytest.mark.parametrize("task", ["copy", "adding", "recall"])
def test_the_lstm_learns_every_task_at_a_short_gap(task: str) -> None:
    option = {"symbols": 2, "alphabet": 2} if task == "copy" else {}
    rows = list(
        train(config(task=task, cell="lstm", gap=3, hidden_size=24, batch_size=32, max_steps=1500, eval_every=100, option=option))
    )
    assert rows[-1].skill > 0.9


@pytest.mark.parametrize("name", ENGINES)
def test_the_same_seed_gives_the_same_rows(name: str) -> None:
    first, second = (plain(train(config(engine=name))) for _ in range(2))
    assert first == second
    assert first != plain(train(config(engine=name, seed=1)))


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize("change", [{"optimizer": "adam"}, {"optimizer": "rmsprop"}, {"optimizer": "sgd"}, {"train_sequences": 10}])
def test_interrupted_then_resumed_equals_uninterrupted(change: dict, name: str) -> None:
    run = config(cell="lstm", engine=name, **change)
    whole = Trainer(run)
    expected = plain(list(whole.rows()))
    first = Trainer(run)
    rows = [next(first.rows())]
    for _ in range(7):  # into the middle of an evaluation period
        first.train_step()
    second = Trainer(run)
    second.load_state(first.state())
    rows += list(second.rows())
    assert plain(rows) == expected
    for ours, theirs in zip(second.model.parameters(), whole.model.parameters(), strict=True):
        assert torch.equal(ours, theirs)


def test_asked_to_stop_it_says_interrupted_and_where() -> None:
    trainer = Trainer(config())
    rows = trainer.rows()
    next(rows)
    trainer.stopping = True
    last = next(rows)
    assert (last.status, last.step) == ("interrupted", 20)
    assert math.isnan(last.accuracy)
    assert list(rows) == []


def test_streams_are_separate() -> None:
    """Evaluating more often changes neither the initialisation nor the training data."""
    losses = []
    for every in (10, 20):
        trainer = Trainer(config(eval_every=every, max_steps=40))
        list(trainer.rows())
        losses.append([parameter.detach().clone() for parameter in trainer.model.parameters()])
    for a, b in zip(*losses, strict=True):
        assert torch.equal(a, b)
    trainer = Trainer(config())
    train_batch = trainer.sample(50, trainer.train_stream)
    eval_batch = trainer.sample(50, trainer.eval_stream)
    assert not torch.equal(train_batch.inputs, eval_batch.inputs)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_divergence_is_recorded_not_raised(value: float) -> None:
    trainer = Trainer(config())
    for _ in range(3):
        trainer.train_step()
    with torch.no_grad():
        trainer.model.readout.bias[0] = value
    rows = list(trainer.rows())
    assert [row.status for row in rows] == ["diverged"]
    assert rows[0].step == 4  # at once, not at the next evaluation


def test_too_large_a_learning_rate_ends_as_a_row() -> None:
    rows = train(config(cell="rnn", optimizer="sgd", lr=1e30, clip_norm=math.inf, task="adding", gap=5))
    assert rows[-1].status in ("diverged", "unsolved")


def test_gradients_come_from_the_scored_steps_alone_and_are_clipped_after_backward() -> None:
    trainer = Trainer(config(clip_norm=1e-3, optimizer="sgd", lr=1.0))
    before = [parameter.detach().clone() for parameter in trainer.model.parameters()]
    trainer.train_step()
    moved = sum(float((p.detach() - b).square().sum()) for p, b in zip(trainer.model.parameters(), before, strict=True)) ** 0.5
    assert moved == pytest.approx(1e-3, rel=1e-3)


def test_model_reads_out_at_scored_positions_in_the_order_of_the_answers() -> None:
    trainer = Trainer(config(task="copy", option={"symbols": "3"}))
    batch = trainer.sample(4, trainer.train_stream)
    everywhere = trainer.model.readout(trainer.model.cell(batch.inputs))  # (T, B, O)
    torch.testing.assert_close(trainer.model(batch), everywhere[batch.scored])
    ragged = batch._replace(scored=batch.scored & (torch.arange(4) % 2 == 0))
    torch.testing.assert_close(trainer.model(ragged), everywhere[ragged.scored])


def test_solved_needs_two_evaluations_in_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = Trainer(config(max_steps=200))
    accuracies = iter([0.995, 0.98, 1.0, 0.99])
    monkeypatch.setattr(trainer, "measure", lambda: Measurement(next(accuracies), 0.1, 1000))
    rows = list(trainer.rows())
    assert [row.status for row in rows] == ["running", "running", "running", "solved"]
    assert trainer.steps_to_solve == 60


def test_what_cannot_fit_is_refused_before_it_starts() -> None:
    with pytest.raises(UserError, match="GiB"):
        Trainer(config(gap=10**7, hidden_size=1024))
    with pytest.raises(UserError, match="GiB"):
        Trainer(config(hidden_size=65_536, gap=10**6))


def test_one_overflowed_gradient_is_skipped_and_a_hundred_end_the_run() -> None:
    trainer = Trainer(config(max_steps=400, eval_every=200))
    overflowing = [False] * 3 + [True] * 5 + [False] + [True] * 400
    trainer.model.readout.weight.register_hook(lambda grad: grad * math.inf if overflowing[trainer.step] else grad)
    trainer.train_step()
    before = None
    for step in range(1, 8):
        trainer.train_step()
        weights = trainer.model.readout.bias.detach().clone()
        assert before is None or (step >= 3) == torch.equal(weights, before)
        before = weights
    assert trainer.overflows == 5
    assert not trainer.diverged
    rows = list(trainer.rows())
    assert [(row.status, row.step) for row in rows] == [("diverged", 9 + 100)]


def test_accuracy_is_measured_in_evaluation_mode(tmp_path: Path) -> None:
    """A cell that says whether it is in training: trained in one mode, measured in the other, in turns."""
    path = tmp_path / "modes.py"
    path.write_text(
        "import torch\nfrom rnnbench.cells.rnn import RNN\n"
        "class Modes(RNN):\n    name = 'modes'\n    seen = []\n"
        "    def states(self, inputs, first=0):\n"
        "        self.seen.append((self.training, torch.is_grad_enabled()))\n        return super().states(inputs, first)\n"
        "CELL = Modes\n"
    )
    train(config(cell=str(path), max_steps=40))
    seen = CELLS.find(str(path)).cls.seen
    assert set(seen) == {(True, True), (False, False)}
    assert seen.count((True, True)) == 40


@pytest.mark.parametrize("engine_name", ENGINES)
@pytest.mark.parametrize("token", [-1, 5])
def test_tokens_that_the_network_has_no_input_for_are_refused_before_anything_reads_them(engine_name: str, token: int) -> None:
    model = Trainer(config(engine=engine_name)).model
    trainer = Trainer(config(engine=engine_name))
    batch = trainer.sample(4, trainer.train_stream)
    batch.inputs[1, 2] = token if token < 0 else trainer.task.input_size
    with pytest.raises(UserError, match=r"tokens must lie in \[0, input_size"):
        model(batch)


def test_outputs_of_another_shape_are_refused_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "late.py"
    path.write_text(
        "from rnnbench.cells.rnn import RNN\nclass Late(RNN):\n    name = 'late'\n"
        "    def states(self, inputs, first=0):\n        return super().states(inputs)\nCELL = Late\n"
    )
    with pytest.raises(UserError, match=r"late\.py, class Late: outputs are \(5, 8, 12\) instead of .* \(1, 8, 12\)"):
        next(Trainer(config(cell=str(path))).rows())


def test_weights_of_the_time_when_the_state_had_no_names_can_be_loaded() -> None:
    model = Trainer(config(cell="lstm")).model
    old = model.state_dict()
    old["cell.initial_state"] = torch.stack((old.pop("cell.initial_h") - 1, old.pop("cell.initial_C") + 2))  # (2, H)
    model.load_state_dict(old)
    assert [part[0].item() for part in model.cell.initial_state] == [-1, 2]


def record(folder: Path, **changes: object) -> RunRecord:
    """Return the row that a run leaves in a study."""
    study = StudyFolder.create(folder)
    list(Runner(config(max_steps=20, **changes), study).rows())
    return study.records()[0]


@pytest.mark.skipif("fast" not in ENGINES, reason="needs numba")
@pytest.mark.parametrize(
    ("changes", "engine"),
    [({}, "fast"), ({"engine": "fast"}, "fast"), ({"engine": "torch"}, "torch"), ({"cell": "memoryless"}, "torch")],
)
def test_the_row_names_the_engine_that_ran(tmp_path: Path, changes: dict, engine: str) -> None:
    assert record(tmp_path, **changes).engine == engine


@pytest.mark.skipif("fast" not in ENGINES, reason="needs numba")
def test_the_row_of_a_run_whose_compiled_code_was_rejected_says_torch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rejected(*_: object) -> None:
        raise _engine.NotCompiledError("compiled code and step disagree")

    monkeypatch.setattr(_engine, "states", rejected)
    assert record(tmp_path).engine == "torch"
    with pytest.raises(UserError, match=r"engine fast cannot run cell \w+: compiled code and step disagree"):
        next(Trainer(config(engine="fast")).rows())


def test_a_required_engine_that_cannot_run_the_cell_is_refused_before_the_first_step(tmp_path: Path) -> None:
    study = StudyFolder.create(tmp_path)
    with pytest.raises(UserError, match=r"engine fast cannot run cell memoryless: .*; use engine auto or torch"):
        Runner(config(cell="memoryless", engine="fast"), study)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_checkpoint_of_the_last_release_resumes() -> None:
    whole = plain(train(config()))
    first = Trainer(config())
    rows = [next(first.rows())]
    first.train_step()
    former = {new: old for old, new in FORMER_NAMES.items()}
    assert set(former) < set(first.state())
    second = Trainer(config())
    second.load_state({former.get(name, name): value for name, value in first.state().items()})
    assert plain(rows + list(second.rows())) == whole
