"""Properties of single tasks beyond the common contract: questions, distractors, marks."""

import sys

import pytest
import torch
from torch import Generator

from rnnbench._errors import UserError
from rnnbench._plugins import registry
from rnnbench.testing import check_task


def seeded(seed: int = 0) -> Generator:
    return Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("copy", {"symbols": 3, "alphabet": 5}),
        ("beijing", {"distractors": 2}),
        ("beijing", {"fillers": 1}),
        ("recall", {"cues": 3}),
        ("recall", {"fillers": 2}),
        ("tracking", {"group": "Z2"}),
        ("tracking", {"answers": 4}),
        ("overwrite", {"earlier": 0, "before": 0}),
        ("selective-copy", {"symbols": 3, "alphabet": 5, "blanks": 6}),
        ("mqar", {"pairs": 2, "keys": 2, "values": 3, "rounds": 3}),
    ],
    ids=str,
)
def test_tasks_with_options_pass_the_contract(name: str, options: dict[str, int | str]) -> None:
    check_task(name, options)


@pytest.mark.parametrize("name", ["copy", "beijing", "recall"])
def test_the_whole_input_determines_the_answer(name: str) -> None:
    """A linear rule on the whole input finds the answer, so the question can be answered."""
    task = registry.make_task(name)
    batch = task.sample(6, 6000, seeded(1))
    seen = torch.nn.functional.one_hot(batch.inputs, task.input_size).double().transpose(0, 1).flatten(1)  # (B, T * D)
    seen = torch.cat((seen, torch.ones(len(seen), 1)), dim=1)
    for t in batch.scored[:, 0].nonzero().flatten().tolist():
        expected = torch.nn.functional.one_hot(batch.targets[t], task.output_size).double()  # (B, classes)
        rule = torch.linalg.lstsq(seen[:3000], expected[:3000], driver="gelsd").solution
        right = (seen[3000:] @ rule).argmax(dim=1) == batch.targets[t, 3000:]
        assert right.double().mean() > 0.97


def test_recall_asks_about_a_named_person() -> None:
    task = registry.make_task("recall", {"cues": 3})
    batch = task.sample(4, 50, seeded())
    for b in range(50):
        words = [word.text for word in task.words(batch, b)]
        country = words[words.index(words[-2]) + 2]
        assert task.words(batch, b)[-1].answer is not None
        assert int(batch.inputs[words.index(words[-2]) + 2, b]) == int(batch.targets[-1, b]), country


def test_beijing_distractors_never_overlap_and_are_other_cities() -> None:
    task = registry.make_task("beijing", {"distractors": 3})
    batch = task.sample(6, 200, seeded())
    for b in range(200):
        words = [word.text for word in task.words(batch, b)]
        assert words.count("beijing") == 1
        assert [i for i, word in enumerate(words[1:-1]) if word in ("arrive", "leave")] == [0, 2, 4]


def test_adding_marks_one_value_in_each_half() -> None:
    task = registry.make_task("adding")
    values, marks = task.sample(9, 300, seeded()).inputs.unbind(dim=2)
    assert (marks[:9].sum(dim=0) == 1).all()
    assert (marks[9:].sum(dim=0) == 1).all()
    assert float(values.min()) >= 0
    assert float(values.max()) < 1


@pytest.mark.parametrize(("group", "order", "commutes"), [("Z2", 2, True), ("S3", 6, False), ("A5", 60, False), ("S5", 120, False)])
def test_tracking_multiplies_in_a_group(group: str, order: int, commutes: bool) -> None:
    """A table whose rows and columns hold every element once, associative, with the first element as identity."""
    task = registry.make_task("tracking", {"group": group})
    law = sys.modules[type(task).__module__].product_table(group)  # (N, N)
    N = torch.arange(order)
    assert law.shape == (order, order)
    assert torch.equal(law.sort(dim=0).values, N.unsqueeze(1).expand(order, order))
    assert torch.equal(law.sort(dim=1).values, N.expand(order, order))
    assert torch.equal(law[0], N)
    assert torch.equal(law[:, 0], N)
    a, b, c = torch.randint(order, (3, 500), generator=seeded())
    assert torch.equal(law[law[a, b], c], law[a, law[b, c]])
    assert torch.equal(law, law.T) == commutes


@pytest.mark.parametrize("answers", [1, 3])
@pytest.mark.parametrize("gap", [1, 2, 3, 6, 12])
def test_tracking_applies_the_moves_in_order(gap: int, answers: int) -> None:
    task = registry.make_task("tracking", {"answers": answers})
    for b in range(20):
        words = task.words(task.sample(gap, 20, seeded(b)), b)
        things = ["1", "2", "3"]
        assert len(words) == gap + answers
        for t, word in enumerate(words):
            things = [word.text[int(thing) - 1] for thing in things]
            assert word.answer == ("".join(things) if t >= gap else None)


def test_tracking_rejects_an_unknown_group() -> None:
    for group in ("D3", "S9", "Z1", "A2", "5", ""):
        with pytest.raises(UserError, match="option group must be"):
            registry.make_task("tracking", {"group": group})


def test_overwrite_asks_for_the_last_place_only() -> None:
    task, gap = registry.make_task("overwrite", {"earlier": 3, "before": 9}), 4
    inputs, targets, _ = task.sample(gap, 4000, seeded())
    places = inputs < task.output_size  # (T, B)
    assert (places.sum(dim=0) == 4).all()
    assert places[0].all()
    assert places[9].all()
    assert not places[10:].any()
    assert torch.equal(inputs[9], targets[-1])
    assert float((inputs[0] == targets[-1]).double().mean()) == pytest.approx(1 / 8, abs=0.02)


def test_selective_copy_asks_for_scattered_symbols_in_order() -> None:
    task, gap = registry.make_task("selective-copy", {"symbols": 3, "blanks": 5}), 4
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


@pytest.mark.parametrize("rounds", [1, 3])
def test_mqar_asks_every_key_once_a_round_for_its_value(rounds: int) -> None:
    task, gap = registry.make_task("mqar", {"pairs": 3, "keys": 6, "rounds": rounds}), 4
    batch = task.sample(gap, 60, seeded())
    orders = set()
    for b in range(60):
        words = task.words(batch, b)
        value_of = {words[k].text: words[k + 1].text for k in (0, 2, 4)}
        assert len(value_of) == 3
        assert [word.text for word in words[6 : 6 + gap]] == ["_"] * gap
        questions = words[6 + gap :]
        assert [word.answer for word in questions] == [value_of[word.text] for word in questions]
        asked = [[word.text for word in questions[k : k + 3]] for k in range(0, 3 * rounds, 3)]
        assert all(sorted(one) == sorted(value_of) for one in asked)
        orders |= {tuple(list(value_of).index(key) for key in one) for one in asked}
    assert len(orders) == 6  # all orders of three keys


def test_mqar_refuses_fewer_keys_than_pairs() -> None:
    with pytest.raises(UserError, match="option pairs must be at most 4, the number of keys, not 5"):
        registry.make_task("mqar", {"pairs": 5, "keys": 4})


@pytest.mark.parametrize(
    ("name", "option", "baseline", "drawn", "classes"),
    [
        *[("copy", {"symbols": S, "alphabet": K}, "order-free", S, K) for S, K in ((10, 8), (1, 2), (7, 3), (40, 26))],
        ("selective-copy", {"symbols": 5, "alphabet": 3}, "order-free", 5, 3),
        ("mqar", {"pairs": 3, "values": 4, "rounds": 2}, "key-free", 3, 4),
    ],
)
def test_a_baseline_is_the_share_of_the_most_frequent_symbol(
    name: str, option: dict[str, int], baseline: str, drawn: int, classes: int
) -> None:
    task = registry.make_task(name, option)
    answers = task.sample(5, 20_000, torch.Generator().manual_seed(0)).answers.view(-1, 20_000).T  # (n, answers)
    assert answers.shape[1] % drawn == 0
    counts = torch.nn.functional.one_hot(answers, classes).sum(dim=1)  # (n, K)
    simulated = counts.max(dim=1).values.double().mean() / answers.shape[1]
    assert task.baselines(5) == {baseline: pytest.approx(float(simulated), abs=0.005)}


def test_the_baselines_of_the_default_tasks() -> None:
    assert registry.make_task("copy").baselines(200)["order-free"] == pytest.approx(0.30198, abs=1e-5)
    assert registry.make_task("mqar").baselines(200)["key-free"] == pytest.approx(0.33716, abs=1e-5)
    assert registry.make_task("copy", {"symbols": 100_000}).baselines(5) == {}
