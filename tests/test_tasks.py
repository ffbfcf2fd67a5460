"""The contract of a task, held over every task that is found: shapes, determinism, distance, chance, no leaks, worked example."""

import re
import sys
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Generator

from rnnbench import catalog
from rnnbench.errors import UserError
from rnnbench.task import Task

TASKS = list(catalog.tasks())
VARIANTS = [(name, {}) for name in TASKS] + [
    ("copy", {"symbols": 3, "alphabet": 5}),
    ("beijing", {"distractors": 2}),
    ("recall", {"cues": 3}),
    ("tracking", {"group": "Z2"}),
    ("tracking", {"group": "A4"}),
    ("overwrite", {"earlier": 0, "before": 0}),
    ("selective-copy", {"symbols": 3, "alphabet": 5, "blanks": 6}),
]


def variant_id(value: object) -> str:
    return str(value)


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


def window_features(task: Task, inputs: torch.Tensor) -> torch.Tensor:
    """(B, steps * D) float64 features of (steps, B) tokens or (steps, B, D) values."""
    if not inputs.is_floating_point():
        inputs = torch.nn.functional.one_hot(inputs, task.input_size)
    return inputs.double().transpose(0, 1).flatten(1)


def r_squared(features: torch.Tensor, answers: torch.Tensor) -> float:
    """Share of the answers' variance that the best linear predictor explains on fresh examples."""
    features = torch.cat((features, torch.ones(len(features), 1, dtype=torch.float64)), dim=1)
    half = len(features) // 2
    eye = 1e-3 * half * torch.eye(features.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(features[:half].T @ features[:half] + eye, features[:half].T @ answers[:half])
    error = (features[half:] @ weights - answers[half:]).square().sum()
    return 1 - float(error / (answers[half:] - answers[half:].mean(dim=0)).square().sum())


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=variant_id)
@settings(max_examples=15, deadline=None)
@given(gap=st.integers(0, 40), batch_size=st.integers(1, 7), seed=st.integers(0, 2**31))
def test_shapes_and_ranges(name: str, options: dict, gap: int, batch_size: int, seed: int) -> None:
    task = catalog.make_task(name, options)
    try:
        task.check_gap(gap)
    except ValueError:
        return
    batch = task.sample(gap, batch_size, seeded(seed))
    T = task.length(gap)
    assert batch.scored.shape == (T, batch_size)
    assert batch.scored.dtype == torch.bool
    assert batch.targets.shape == (T, batch_size)
    assert batch.inputs.shape[:2] == (T, batch_size)
    assert (batch.scored.sum(dim=0) == task.scored_answers(gap)).all()
    if batch.inputs.is_floating_point():
        assert batch.inputs.shape[2] == task.input_size
        assert batch.inputs.dtype == torch.float32
    else:
        assert batch.inputs.dtype == torch.int64
        assert 0 <= int(batch.inputs.min()) <= int(batch.inputs.max()) < task.input_size
        assert 0 <= int(batch.answers.min()) <= int(batch.answers.max()) < task.output_size
    again = task.sample(gap, batch_size, seeded(seed))
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=variant_id)
def test_sampling_leaves_the_global_stream_alone_and_moves_its_own(name: str, options: dict) -> None:
    task, generator = catalog.make_task(name, options), seeded()
    before = torch.get_rng_state()
    first, second = task.sample(8, 64, generator), task.sample(8, 64, generator)
    assert torch.equal(before, torch.get_rng_state())
    assert not torch.equal(first.inputs, second.inputs)


@pytest.mark.parametrize("gap", [1, 6])
@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=variant_id)
def test_answers_need_inputs_at_least_gap_steps_earlier(name: str, options: dict, gap: int) -> None:
    """All inputs together give the answer; those nearer than ``gap`` steps do not (measured from the tensors)."""
    task = catalog.make_task(name, options)
    if gap == 1 and options.get("distractors"):
        pytest.skip("no room for distractors")
    batch = task.sample(gap, 6000, seeded(1))
    for t in batch.scored[:, 0].nonzero().flatten().tolist():
        answers = batch.targets[t]
        if not answers.is_floating_point():
            answers = torch.nn.functional.one_hot(answers, task.output_size)
        answers = answers.double().reshape(len(answers), -1)
        near = r_squared(window_features(task, batch.inputs[max(0, t - gap + 1) : t + 1]), answers)
        # adding: the second of the two numbers may be near, and is half of the variance
        allowed = 0.55 if name == "adding" else 0.02
        assert near < allowed, f"the last {gap} inputs tell {near:.2f} of the answer at step {t}"
        if name in ("copy", "beijing", "overwrite") or (name == "recall" and not options):
            everything = r_squared(window_features(task, batch.inputs[: t + 1]), answers)
            assert everything > 0.97, f"all inputs tell only {everything:.2f} of the answer at step {t}"


@pytest.mark.parametrize(("name", "options"), VARIANTS, ids=variant_id)
def test_chance_is_what_the_best_memoryless_predictor_reaches(name: str, options: dict) -> None:
    """Tabulate the answers by the current input alone on one half of the data, predict the other half."""
    task, gap = catalog.make_task(name, options), 5
    batch = task.sample(gap, 40_000, seeded(2))
    answers = batch.answers
    if batch.inputs.is_floating_point():
        value, mark = batch.inputs[batch.scored].T  # (N,), (N,)
        current = ((value * 50).long() * 2 + mark.long()).clamp(0, 101)  # (N,)
    else:
        current = batch.inputs[batch.scored]  # (N,)
    half = torch.arange(len(answers)) % 2 == 0
    outputs = torch.zeros(len(answers), task.output_size)
    for key in current.unique():
        seen = answers[half & (current == key)]
        if answers.is_floating_point():
            outputs[current == key] = seen.mean()
        else:
            outputs[current == key] = (torch.bincount(seen, minlength=task.output_size) / len(seen)).clamp(1e-6).log()
    fresh = batch._replace(scored=torch.zeros_like(batch.scored))
    fresh.scored[tuple(batch.scored.nonzero()[~half].T)] = True
    chance, n = task.chance(gap), int((~half).sum())
    assert task.accuracy(outputs[~half], fresh) == pytest.approx(chance.accuracy, abs=4 * (chance.accuracy / n) ** 0.5)
    assert float(task.loss(outputs[~half], fresh)) == pytest.approx(chance.loss, rel=0.03)


@pytest.mark.parametrize("name", TASKS)
def test_the_worked_example_is_what_the_code_makes(name: str, capsys: pytest.CaptureFixture) -> None:
    from rnnbench.cli import main

    doc = sys.modules[catalog.tasks()[name].__module__].__doc__ or ""
    command = re.search(r"``rnnbench (show [^`]*)``", doc)
    assert command, "the docstring shows no `rnnbench show ...` example"
    with pytest.raises(SystemExit) as stop:
        main(command[1].split())
    assert stop.value.code == 0
    shown = [line.split() for line in capsys.readouterr().out.splitlines()]
    example = [line.split() for line in doc.splitlines() if line.startswith(("    input", "    due"))]
    assert shown[:2] == example


@pytest.mark.parametrize("name", TASKS)
def test_words_agree_with_the_tensors(name: str) -> None:
    task = catalog.make_task(name)
    batch = task.sample(7, 5, seeded(3))
    for language in task.languages:
        for b in range(5):
            words = task.words(batch, b, language)
            assert len(words) == task.length(7)
            assert [word.answer is not None for word in words] == batch.scored[:, b].tolist()


def test_recall_asks_about_one_of_the_people_named() -> None:
    task = catalog.make_task("recall", {"cues": 3})
    batch = task.sample(4, 50, seeded())
    for b in range(50):
        words = [word.text for word in task.words(batch, b)]
        country = words[words.index(words[-2]) + 2]
        assert task.words(batch, b)[-1].answer is not None
        assert int(batch.inputs[words.index(words[-2]) + 2, b]) == int(batch.targets[-1, b]), country


def test_beijing_distractors_never_overlap_and_are_other_cities() -> None:
    task = catalog.make_task("beijing", {"distractors": 3})
    batch = task.sample(6, 200, seeded())
    for b in range(200):
        words = [word.text for word in task.words(batch, b)]
        assert words.count("beijing") == 1
        assert [i for i, word in enumerate(words[1:-1]) if word in ("arrive", "leave")] == [0, 2, 4]


def test_adding_marks_one_value_in_each_half() -> None:
    task = catalog.make_task("adding")
    values, marks = task.sample(9, 300, seeded()).inputs.unbind(dim=2)
    assert (marks[:9].sum(dim=0) == 1).all()
    assert (marks[9:].sum(dim=0) == 1).all()
    assert float(values.min()) >= 0
    assert float(values.max()) < 1


@pytest.mark.parametrize(("group", "order", "commutes"), [("Z2", 2, True), ("S3", 6, False), ("A5", 60, False), ("S5", 120, False)])
def test_tracking_multiplies_in_a_group(group: str, order: int, commutes: bool) -> None:
    """A table whose rows and columns hold every element once, associative, with the first element as identity."""
    task = catalog.make_task("tracking", {"group": group})
    law = sys.modules[type(task).__module__].table(group)  # (N, N)
    N = torch.arange(order)
    assert law.shape == (order, order)
    assert torch.equal(law.sort(dim=0).values, N.unsqueeze(1).expand(order, order))
    assert torch.equal(law.sort(dim=1).values, N.expand(order, order))
    assert torch.equal(law[0], N)
    assert torch.equal(law[:, 0], N)
    a, b, c = torch.randint(order, (3, 500), generator=seeded())
    assert torch.equal(law[law[a, b], c], law[a, law[b, c]])
    assert torch.equal(law, law.T) == commutes


@pytest.mark.parametrize("gap", [1, 2, 3, 6, 12])
def test_tracking_answers_with_the_moves_made_one_after_the_other(gap: int) -> None:
    task = catalog.make_task("tracking")
    for b in range(20):
        words = task.words(task.sample(gap, 20, seeded(b)), b)
        things = ["1", "2", "3"]
        for word in words:
            things = [word.text[int(thing) - 1] for thing in things]
        assert words[-1].answer == "".join(things)


def test_tracking_refuses_what_is_no_group() -> None:
    for group in ("D3", "S9", "Z1", "A2", "5", ""):
        with pytest.raises(UserError, match="option group must be"):
            catalog.make_task("tracking", {"group": group})


def test_overwrite_asks_for_the_last_place_and_earlier_ones_say_nothing() -> None:
    task, gap = catalog.make_task("overwrite", {"earlier": 3, "before": 9}), 4
    inputs, targets, _ = task.sample(gap, 4000, seeded())
    places = inputs < task.output_size  # (T, B)
    assert (places.sum(dim=0) == 4).all()
    assert places[0].all()
    assert places[9].all()
    assert not places[10:].any()
    assert torch.equal(inputs[9], targets[-1])
    assert float((inputs[0] == targets[-1]).double().mean()) == pytest.approx(1 / 8, abs=0.02)


def test_selective_copy_recalls_in_order_what_stands_anywhere() -> None:
    task, gap = catalog.make_task("selective-copy", {"symbols": 3, "blanks": 5}), 4
    inputs, targets, _ = task.sample(gap, 4000, seeded())
    T, B = inputs.shape
    written = inputs < task.output_size  # (T, B)
    assert not written[8:].any()
    assert (written.sum(dim=0) == 3).all()
    assert torch.equal(inputs.T[written.T].view(B, 3).T, targets[-3:])
    assert (written[:8].double().mean(dim=1) - 3 / 8).abs().max() < 0.04  # every place is equally likely
    for k in range(3):
        times = torch.where(written & (written.cumsum(dim=0) == k + 1), torch.arange(T).unsqueeze(1), 0).sum(dim=0)  # (B,)
        assert int((T - 3 + k - times).min()) == gap + 3


def test_the_template_in_the_readme_is_a_task(tmp_path: Path) -> None:
    readme = (Path(__file__).parents[1] / "tasks" / "README.md").read_text(encoding="utf-8")
    path = tmp_path / "echo.py"
    path.write_text(readme.split("```python\n")[1].split("```")[0], encoding="utf-8")
    task = catalog.make_task(str(path))
    words = task.words(task.sample(2, 1, seeded()), 0)
    assert words[-1].answer == words[0].text
