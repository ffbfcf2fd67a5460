"""Tasks whose answers are vectors, or whose sequences have different numbers of answers: checked, trained and counted."""

from pathlib import Path

import pandas as pd
import pytest

from rnnbench._plugins import registry
from rnnbench._training.model import stream
from rnnbench.testing import task_findings

HEAD = """
from dataclasses import dataclass
from typing import ClassVar
import torch
from torch.nn.functional import binary_cross_entropy_with_logits
from rnnbench.task import Batch, Chance, Task, Word, scored_at, uniform_chance
"""
BITS = (
    HEAD
    + '''
@dataclass(frozen=True)
class Bits(Task):
    """Three bits at once, after a silence."""
    name: ClassVar = "bits"
    question: ClassVar = "Which bits came first?"
    reference: ClassVar = "none"
    default_gaps: ClassVar = (2,)
    default_max_steps: ClassVar = 40
    input_size: ClassVar = 4
    output_size: ClassVar = 3
    min_gap: ClassVar = 1

    def length(self, gap):
        return gap + 1

    def sample(self, gap, batch_size, generator):
        bits = torch.randint(0, 2, (batch_size, 3), generator=generator).float()
        inputs = torch.zeros(gap + 1, batch_size, 4)
        inputs[0, :, :3], inputs[-1, :, 3] = bits, 1
        targets = torch.zeros(gap + 1, batch_size, 3)
        targets[-1] = bits
        return Batch(inputs, targets, scored_at(-1, gap + 1, batch_size))

    def chance(self, gap):
        return Chance(1 / 8, uniform_chance(2).loss)

    def loss(self, outputs, batch):
        return binary_cross_entropy_with_logits(outputs, batch.answers)

    def correct(self, outputs, batch):
        return ((outputs > 0) == (batch.answers > 0.5)).all(dim=1)

    def words(self, batch, b, language="en"):
        return [Word("x", "y" if due else None) for due in batch.scored[:, b].tolist()]

TASK = Bits
'''
)
READS = (
    HEAD
    + '''
@dataclass(frozen=True)
class Reads(Task):
    """The first bit, asked for at random steps after the gap, and at the last one."""
    name: ClassVar = "reads"
    question: ClassVar = "Which bit came first?"
    reference: ClassVar = "none"
    default_gaps: ClassVar = (2,)
    default_max_steps: ClassVar = 40
    input_size: ClassVar = 4
    output_size: ClassVar = 2
    min_gap: ClassVar = 1

    def length(self, gap):
        return gap + 8

    def scored_answers(self, gap):
        return 4.5

    def sample(self, gap, batch_size, generator):
        inputs = torch.full((gap + 8, batch_size), 2)
        inputs[0] = torch.randint(0, 2, (batch_size,), generator=generator)
        reads = torch.rand(gap + 8, batch_size, generator=generator) < 0.5
        reads[:gap], reads[-1] = False, True
        inputs[reads] = 3
        return Batch(inputs, inputs[:1].expand(gap + 8, batch_size).contiguous(), reads)

    def chance(self, gap):
        return uniform_chance(2)

    def words(self, batch, b, language="en"):
        return [Word("x", "y" if due else None) for due in batch.scored[:, b].tolist()]

TASK = Reads
'''
)
LOSS = "    def loss(self, outputs, batch):\n        return binary_cross_entropy_with_logits(outputs, batch.answers)\n"
RANDOM_READS = "torch.rand(gap + 8, batch_size, generator=generator) < 0.5\n        reads[:gap], reads[-1] = False, True\n"
OWN_GAPS = "torch.arange(gap + 8)[:, None] == torch.randint(1, gap + 1, (batch_size,), generator=generator)\n"
BROKEN = {
    "leak": (BITS, "= bits, 1\n", "= bits, 1\n        inputs[-1, :, 1] = bits[:, 0]\n", "chance is 12.5 % at gap 6"),
    "leak before": (BITS, "= bits, 1\n", "= bits, 1\n        inputs[-2, :, :3] = bits\n", "the last 6 inputs give"),
    "chance": (BITS, "Chance(1 / 8", "Chance(1 / 6", "chance is 16.7 %"),
    "chance's loss": (BITS, "uniform_chance(2).loss", "2", "chance has loss 2.000"),
    "no loss": (BITS, LOSS, "", "answers are vectors (N, 3): override loss"),
    "correct per bit": (BITS, ").all(dim=1)", ")", "instead of bool (N,)"),
    "targets": (
        BITS,
        "targets[-1] = bits",
        "targets[-1] = bits\n        targets = targets[:, :, :, None]",
        "(T, B, K) for vectors",
    ),
    "mean": (READS, "4.5", "7", "4.5 scored steps on average, but scored_answers(1) is 7: return the mean"),
    "none": (READS, "reads[-1] = False, True", "reads[-1] = False, inputs[0] > 0", "score at least one step of every sequence"),
    "own gaps": (READS.replace("4.5", "1"), RANDOM_READS, OWN_GAPS, "train with --train-gaps 1..6"),
}


@pytest.mark.parametrize("text", [BITS, READS, READS.replace("4.5", "4")], ids=["vectors", "numbers", "a rounded mean"])
def test_unusual_answers_keep_the_contract(text: str, tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text(text)
    assert [finding.message for finding in task_findings(str(tmp_path / "task.py")) if finding.fails] == []


@pytest.mark.parametrize("broken", BROKEN)
def test_broken_tasks_with_unusual_answers_have_one_finding(broken: str, tmp_path: Path) -> None:
    text, old, new, message = BROKEN[broken]
    assert old in text
    (tmp_path / "task.py").write_text(text.replace(old, new))
    found = [finding.message for finding in task_findings(str(tmp_path / "task.py")) if finding.fails]
    assert len(found) == 1, found
    assert message in found[0]


@pytest.mark.parametrize("text", [BITS, READS], ids=["vectors", "numbers"])
@pytest.mark.parametrize("engine", ["fast", "torch"])
def test_unusual_answers_are_trained_and_counted(rnnbench, text: str, engine: str, tmp_path: Path) -> None:
    (tmp_path / "task.py").write_text(text)
    recipe = ["--hidden-size", "8", "--max-steps", "40", "--eval-every", "20", "--eval-gaps", "4", "--engine", engine]
    recipe += ["--recipe", "v2"]
    result = rnnbench("run", "--task", "task.py", "--cell", "gru", "--gap", "2", *recipe)
    assert result.code == 0, result.err
    row = pd.read_csv(tmp_path / "results" / "runs.csv").iloc[0]
    task, held_out, answers = registry.make_task("task.py"), stream(0, "evaluate"), []
    for _ in range(2):  # evaluations, of 8 times 128 sequences
        answers.append(sum(len(task.sample(2, 128, held_out).answers) for _ in range(8)))
    assert row["answers"] == answers[-1]
    assert f"of {answers[-1]:,} answers" in result.out
    assert row["accuracy"] > row["chance_accuracy"]
    measured = pd.read_csv(tmp_path / "results" / "extrapolation.csv").iloc[0]
    assert (measured["answers"] == 1024) == (text == BITS)
