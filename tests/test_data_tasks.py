"""Tasks and cells that read data: splits, declared files and their place in the identity, and sequences from a data set."""

from pathlib import Path

import pytest
import torch

import rnnbench as api
from rnnbench._config import RunRequest
from rnnbench._plugins.registry import CELLS, TASKS
from rnnbench._plugins.source import digest_of, source_of_file
from rnnbench._spec.resolve import resolve
from rnnbench._training.trainer import Trainer
from rnnbench.task import Task
from rnnbench.testing import cell_findings, task_findings

ROWS = '''
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
import torch
from rnnbench.task import Batch, Task, Word, scored_at, uniform_chance

ROWS = torch.tensor([int(digit) for digit in Path(__file__).with_name("rows.txt").read_text()])

@dataclass(frozen=True)
class Rows(Task):
    """Two symbols and their class, from a file: the first half of the rows is for training."""
    name: ClassVar = "rows"
    question: ClassVar = "Which class do they have?"
    reference: ClassVar = "none"
    files: ClassVar = ("rows.txt",)
    default_gaps: ClassVar = (2,)
    default_max_steps: ClassVar = 40
    input_size: ClassVar = 70
    output_size: ClassVar = 2

    def length(self, gap):
        return gap + 2

    def sample(self, gap, batch_size, generator, split="train"):
        rows = torch.randint(30, (batch_size,), generator=generator) + 30 * (split == "eval")
        inputs = torch.full((gap + 2, batch_size), 65)
        inputs[0], inputs[-1] = rows, 66
        return Batch(inputs, ROWS[rows].expand(gap + 2, -1).contiguous(), scored_at(-1, gap + 2, batch_size))

    def chance(self, gap):
        return uniform_chance(2)

    def words(self, batch, b, language="en"):
        return [Word("x", "y" if due else None) for due in batch.scored[:, b].tolist()]

TASK = Rows
'''
SPLIT = 'generator, split="train"):\n        rows = torch.randint(30, (batch_size,), generator=generator) + 30 * (split == "eval")'
CELL = """
import torch
from pathlib import Path
from rnnbench.cells import Cell

class Fixed(Cell):
    name, summary = "fixed", "reads its rate from a file"
    files = ("rate.txt",)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.rate = float(Path(__file__).with_name("rate.txt").read_text())
        self.stacked_weights(1, ())

    def step(self, x, state):
        (h,) = state
        new = torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T)
        return ((1 - self.rate) * h + self.rate * new,), {}

CELL = Fixed
"""


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    (tmp_path / "rows.txt").write_text("01" * 30)
    (tmp_path / "rows.py").write_text(ROWS)
    return tmp_path / "rows.py"


def messages(path: Path, failing: bool = True) -> list[str]:
    return [finding.message for finding in task_findings(str(path)) if finding.fails == failing]


def test_training_and_evaluation_have_their_split(rows: Path) -> None:
    trainer = Trainer(resolve(RunRequest(task=str(rows), cell="rnn", gap=2, hidden_size=4, max_steps=2, eval_every=1)))
    seen = {"train": set(), "eval": set()}
    draw = type(trainer.task).sample

    def sample(task: Task, *args: object, split: str) -> object:
        batch = draw(task, *args, split)
        seen[split] |= set(batch.inputs[0].tolist())
        return batch

    type(trainer.task).sample = sample
    list(trainer.rows())
    assert seen["train"] <= set(range(30))
    assert seen["eval"] == set(range(30, 60))
    assert len(seen["train"]) > 20


def test_a_task_with_separate_splits_keeps_the_contract(rows: Path) -> None:
    assert messages(rows) == []
    assert not any("training" in note for note in messages(rows, failing=False))


@pytest.mark.parametrize(
    ("old", "new", "failing", "message"),
    [
        ("30 * (split", "29 * (split", True, "held-out sequences are also in training: put each sequence into one split"),
        (
            SPLIT,
            "generator):\n        rows = torch.randint(60, (batch_size,), generator=generator)",
            False,
            "let sample take split",
        ),
        ('files: ClassVar = ("rows.txt",)', "", True, "rows.txt is read and not declared: add files = ('rows.txt',)"),
    ],
)
def test_shared_sequences_and_undeclared_files_are_found(rows: Path, old: str, new: str, failing: bool, message: str) -> None:
    assert old in ROWS
    rows.write_text(ROWS.replace(old, new))
    found = messages(rows, failing)
    assert any(message in line for line in found), found


def test_a_replaced_file_is_a_different_task_and_is_read_again(rows: Path) -> None:
    first = resolve(RunRequest(task=str(rows), cell="rnn", gap=2))
    assert resolve(RunRequest(task=str(rows), cell="rnn", gap=2)).run == first.run
    other = rows.parent / "other"
    other.mkdir()
    (other / "rows.py").write_text(ROWS)
    (other / "rows.txt").write_text("01" * 30)
    assert resolve(RunRequest(task=str(other / "rows.py"), cell="rnn", gap=2)).run == first.run
    (other / "rows.txt").write_text("10" * 30)
    second = resolve(RunRequest(task=str(other / "rows.py"), cell="rnn", gap=2))
    assert second.run.run_id != first.run.run_id
    answers = [one.task.draw(2, 9, torch.Generator().manual_seed(0)).answers for one in (first, second)]
    assert torch.equal(answers[0], 1 - answers[1])
    assert TASKS.get("rows", first.run.task_source).cls is not TASKS.get("rows", second.run.task_source).cls
    again = TASKS.find(str(rows))
    assert (again.source, again.cls) == (first.run.task_source, type(first.task))


def test_weights_of_a_cell_belong_to_its_identity(tmp_path: Path) -> None:
    (tmp_path / "cell.py").write_text(CELL)
    (tmp_path / "rate.txt").write_text("0.5")
    sources = [CELLS.find(str(tmp_path / "cell.py")).source]
    assert [line.message for line in cell_findings(str(tmp_path / "cell.py")) if line.fails] == []
    (tmp_path / "rate.txt").write_text("0.25")
    entry = CELLS.find(str(tmp_path / "cell.py"))
    assert entry.source != sources[0]
    assert entry.cls(2, 3).rate == 0.25
    (tmp_path / "cell.py").write_text(CELL.replace('    files = ("rate.txt",)\n', ""))
    assert CELLS.find(str(tmp_path / "cell.py")).source == digest_of(source_of_file((tmp_path / "cell.py").read_bytes()))
    assert [line.message for line in cell_findings(str(tmp_path / "cell.py")) if line.fails] == [
        "rate.txt is read and not declared: add files = ('rate.txt',) to the class, so that its content is identified"
    ]


def test_a_class_from_python_declares_files_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "weights.bin").write_bytes(b"\0\1")

    class Mine(CELLS.find("gru").cls):
        name = "mine"
        files = (str(tmp_path / "weights.bin"),)

    entry = CELLS.register(Mine)
    assert not entry.changed
    (tmp_path / "weights.bin").write_bytes(b"\0\1\2")
    assert entry.changed
    assert CELLS.register(Mine).source != entry.source


def test_missing_and_malformed_declarations_are_refused(rnnbench, rows: Path) -> None:
    tiny = ["--cell", "rnn", "--gap", "2", "--hidden-size", "4", "--max-steps", "1", "--eval-every", "1"]
    rows.write_text(ROWS.replace('("rows.txt",)', '("rows.txt", "gone.csv")'))
    rnnbench("run", "--task", "./rows.py", *tiny).refused("gone.csv, which cannot be read: there is no such file")
    rows.write_text(ROWS.replace('("rows.txt",)', '"rows.txt"'))
    rnnbench("run", "--task", "./rows.py", *tiny).refused("files must be a tuple of paths, as in files = ('data.csv',)")
    rows.write_text(ROWS)
    assert rnnbench("run", "--task", "./rows.py", *tiny).code == 0
    (rows.parent / "rows.txt").unlink()
    rnnbench("run", "--task", "./rows.py", *tiny).refused("rows.txt")


def test_a_sweep_sends_the_task_to_its_processes(rows: Path) -> None:
    small = {"gap": 2, "hidden_size": 4, "max_steps": 2, "eval_every": 1, "progress": False, "jobs": 1}
    with pytest.warns(UserWarning, match="state outside the identity"):
        assert len(api.sweep("rnn", rows, **small).runs()) == 1
