"""What single tasks promise beyond the contract of all: who is asked about, what distracts, where the marks stand."""

import pytest
import torch
from torch import Generator

from rnnbench import catalog
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
    ],
    ids=str,
)
def test_options_keep_the_contract(name: str, options: dict[str, int]) -> None:
    check_task(name, options)


@pytest.mark.parametrize("name", ["copy", "beijing", "recall"])
def test_all_inputs_together_give_the_answer(name: str) -> None:
    """A linear rule from everything that was seen finds it, so the question can be answered."""
    task = catalog.make_task(name)
    batch = task.sample(6, 6000, seeded(1))
    seen = torch.nn.functional.one_hot(batch.inputs, task.input_size).double().transpose(0, 1).flatten(1)  # (B, T * D)
    seen = torch.cat((seen, torch.ones(len(seen), 1)), dim=1)
    for t in batch.scored[:, 0].nonzero().flatten().tolist():
        wanted = torch.nn.functional.one_hot(batch.targets[t], task.output_size).double()  # (B, classes)
        rule = torch.linalg.lstsq(seen[:3000], wanted[:3000], driver="gelsd").solution
        right = (seen[3000:] @ rule).argmax(dim=1) == batch.targets[t, 3000:]
        assert right.double().mean() > 0.97


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
