"""Tasks and cells that read data: splits, declared files and their place in the identity, and sequences from a data set."""

import sys
from collections import Counter
from pathlib import Path

import pytest
import torch

import rnnbench as api
from rnnbench import UserError
from rnnbench._config import RunRequest
from rnnbench._plugins import registry
from rnnbench._plugins.registry import CELLS, TASKS
from rnnbench._plugins.source import digest_of, source_of_file
from rnnbench._spec.resolve import resolve
from rnnbench._training.trainer import Trainer
from rnnbench.task import SequenceData, Task, csv_sequences
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


def test_an_undeclared_file_is_named_beside_a_stored_result_too(rows: Path, rnnbench) -> None:
    rows.write_text(ROWS.replace('files: ClassVar = ("rows.txt",)', ""))
    sizes = ["--gap", "2", "--hidden-size", "4", "--max-steps", "2", "--eval-every", "1"]
    command = ["run", "--cell", "rnn", "--task", str(rows), *sizes]
    first, again = rnnbench(*command), rnnbench(*command)
    assert "already done" in again.err
    for result in (first, again):
        assert "against the contract: rows: rows.txt is read and not declared" in " ".join(result.err.split())


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
    rows.write_text(f"{ROWS}# of this test: processes get the path of a file with the same text that was loaded before\n")
    small = {"gap": 2, "hidden_size": 4, "max_steps": 2, "eval_every": 1, "progress": False, "jobs": 1}
    with pytest.warns(UserWarning, match="state outside the identity"):
        assert len(api.sweep("rnn", rows, **small).runs()) == 1


TABLE = """
from pathlib import Path
from rnnbench.task import SequenceData, csv_sequences, split_rows

class Table(SequenceData):
    name, question, reference = "table", "Which class?", "none"
    files = ("table.csv",)

    def load(self, split):
        inputs, labels = csv_sequences(Path(__file__).with_name("table.csv"), "kind")
        rows = split_rows(len(labels), split)
        return inputs[rows], labels[rows]

TASK = Table
"""


def table_text(values: bool) -> str:
    """Return a CSV file of 100 sequences of 4 steps whose class is the parity of their bits, as texts."""
    lines = ["a,b,c,d,kind,e,f,g"]
    for k in range(100):
        bits = [k >> place & 1 for place in range(7)]
        steps = [bit + 0.5 if values else bit for bit in bits]
        lines.append(",".join(map(str, (*steps[:4], "odd" if sum(bits) % 2 else "even", *steps[4:]))))
    return "\n".join(lines)


@pytest.mark.parametrize("values", [False, True], ids=["tokens", "values"])
def test_a_csv_file_is_a_task(rnnbench, tmp_path: Path, values: bool) -> None:
    (tmp_path / "table.csv").write_text(table_text(values))
    (tmp_path / "task.py").write_text(TABLE)
    assert messages(tmp_path / "task.py") == []
    task = registry.make_task(str(tmp_path / "task.py"))
    assert (task.input_size, task.output_size, task.length(3)) == (2 if values else 4, 2, 11)
    splits = {split: task.draw(3, 400, torch.Generator().manual_seed(0), split) for split in ("train", "eval")}
    for batch in splits.values():
        bits = (batch.inputs[:7, :, 0] if values else batch.inputs[:7]).round().long()  # 0.5 and 1.5 become 0 and 2
        parity = (bits.bool() if values else bits).sum(dim=0) % 2
        assert torch.equal(batch.answers, parity)  # "even" is class 0
    counts = list(Counter(tuple(sequence.flatten().tolist()) for sequence in splits["eval"].inputs.transpose(0, 1)).values())
    assert counts == [20] * 20  # 20 of 100 sequences are held out, and each is used equally often
    assert task.chance(3).accuracy == float(splits["eval"].answers.double().mean().max())
    shown = rnnbench("show", "./task.py", "--gap", "2").out.splitlines()
    assert shown[0].split()[-3:] == ["_", "_", "?"]
    assert len(shown[0].split()) == len(shown[1].split()) == 1 + 7 + 3
    tiny = ["--gap", "2", "--hidden-size", "4", "--max-steps", "4", "--eval-every", "2", "--eval-sequences", "1000"]
    result = rnnbench("run", "--task", "./task.py", "--cell", "gru", *tiny)
    assert (result.code, "of 1,000 labels" in result.out) == (0, True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "has no column 'kind': its columns are a, b"),
        ("a,kind\n1,x\nspam,y\n", "a value of column a is missing or is not a number"),
        ("a,kind\n1,x\n2,\n", "a value of column kind is missing"),
        ("", "table.csv as a CSV file: EmptyDataError"),
    ],
)
def test_a_wrong_csv_file_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "table.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        csv_sequences(tmp_path / "table.csv", "kind")


def test_a_data_set_of_another_shape_is_refused(rnnbench, tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text(TABLE.replace("inputs[rows],", "inputs[rows].float(),").replace("    files", "    f"))
    (tmp_path / "table.csv").write_text(table_text(False))
    rnnbench("run", "--task", "./task.py", "--cell", "gru").refused(
        "load returned (80, 7) torch.float32 and (80,), not (n, T) int64"
    )


def test_data_of_a_notebook_is_loaded_again_when_its_file_changes(tmp_path: Path) -> None:
    class Mine(SequenceData):
        name, question, reference = "mine", "Which class?", "none"
        files = (str(tmp_path / "table.csv"),)

        def load(self, split: str) -> tuple[torch.Tensor, torch.Tensor]:
            inputs, labels = csv_sequences(self.files[0], "kind")
            return inputs, labels

    (tmp_path / "table.csv").write_text(table_text(False))
    assert Mine().length(0) == 8
    (tmp_path / "table.csv").write_text("a,kind\n1,0\n")
    assert Mine().length(0) == 2


@pytest.mark.parametrize("options", [{}, {"by": "pixel"}, {"permuted": True}], ids=str)
def test_digits_shows_every_pixel_and_holds_out_the_same_number_of_each(options: dict[str, object]) -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    task = registry.make_task("digits", options)
    batch = task.draw(5, 360, torch.Generator().manual_seed(0), "eval")
    assert torch.bincount(batch.answers).tolist() == [36] * 10
    known = {
        tuple(sorted(pixels)): digit
        for pixels, digit in zip(datasets.load_digits().data / 16, datasets.load_digits().target, strict=True)
    }
    for b in range(20):
        pixels = batch.inputs[:-6, b, :-1].flatten().double().tolist()
        assert len(pixels) == 64
        assert known[tuple(sorted(pixels))] == batch.answers[b]
    assert not batch.inputs[-6:-1].any()


def test_digits_without_its_pictures_says_what_to_install(rnnbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn", None)
    monkeypatch.setattr(sys.modules[type(registry.make_task("digits")).__module__], "find_spec", lambda name: None)
    rnnbench("run", "--task", "digits", "--cell", "gru", "--gap", "5").refused("pip install 'rnnbench[data]'")
    assert "digits" in rnnbench("tasks").out
