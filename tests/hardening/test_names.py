"""Names and options that a table could not hold: refused before a run writes anything; names of every script are accepted."""

from pathlib import Path

import pytest
import torch

import rnnbench
from rnnbench._errors import UserError
from rnnbench._network.initializers import uniform
from rnnbench._plugins.registry import CELLS
from rnnbench._study import StudyFolder
from rnnbench._sweep.run_queue import RunQueue
from rnnbench.cells import Cell, Initializer

SMALL = {"task": "beijing", "gap": 2, "hidden_size": 4, "batch_size": 4, "max_steps": 2, "eval_sequences": 1000, "engine": "torch"}


def cell_named(called: str, init: str = "mine") -> type[Cell]:
    class Named(Cell):
        name = called
        summary = "a cell with a name"
        initializers = {init: Initializer(uniform)}

        def __init__(self, input_size: int, hidden_size: int, note: str = "") -> None:
            super().__init__(input_size, hidden_size)
            self.note = note
            self.stacked_weights(1, ())

        def step(self, x, state):
            (h,) = state
            return (torch.tanh(x @ self.weight_ih.T + h @ self.weight_hh.T),), {}

    return Named


BAD_TEXTS = ["a\0b", "\udc80", "c\rd", "two\nlines", "x" * 140_000, "\x1b[31m"]


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a\\b", "a,b", "a@b", "x" * 61, *BAD_TEXTS], ids=ascii)
def test_a_name_that_cannot_be_a_label_is_refused(name: str, tmp_path: Path) -> None:
    for cell, what in ((cell_named(name), "cell"), (cell_named("good", name), "init")):
        with pytest.raises(UserError, match=rf"Named: {what} '.* cannot be a name: use 1 to 60 printable characters other than"):
            rnnbench.run(cell=cell, out=tmp_path / "study", progress=False, **SMALL)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("option", BAD_TEXTS, ids=lambda text: ascii(text)[:20])
def test_an_option_that_a_table_cannot_hold_is_refused(option: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^option note of cell good must have at most 1,000 printable characters, "):
        rnnbench.run(cell=cell_named("good"), out=tmp_path / "study", progress=False, cell_option={"note": option}, **SMALL)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize("name", ["x" * 60, "长期记忆", "ячейка", "run_id", "a:b*?", "café"])
def test_a_name_of_any_script_runs_and_is_read_back(name: str, tmp_path: Path) -> None:
    result = rnnbench.run(cell=cell_named(name), out=tmp_path, progress=False, cell_option={"note": "a, 'b' \"c\""}, **SMALL)
    (record,) = StudyFolder(tmp_path).records()
    assert (record.cell, record.run, record.cell_option["note"]) == (name, result.run, "a, 'b' \"c\"")
    assert record.run_id.isascii()
    assert not set(record.run_id) & set('<>:"/\\|?*'), "characters that Windows does not allow in a file name"
    assert StudyFolder(tmp_path).log_file(record.run_id).exists()


def test_the_reason_of_a_failure_is_written_in_printable_characters(tmp_path: Path) -> None:
    run = rnnbench.run(cell="memoryless", progress=False, **SMALL).run
    queue = RunQueue(StudyFolder.create(tmp_path), [run])
    queue.next()
    queue.fail(run, "broken \0 \udc80 \x1b[2J 坏", 1)
    (row,) = StudyFolder(tmp_path).failures.rows()
    assert row.reason == r"broken \x00 \udc80 \x1b[2J 坏"


def test_all_built_in_names_keep_the_rule() -> None:
    assert len(CELLS.named()) > 5  # reading them checks each name
