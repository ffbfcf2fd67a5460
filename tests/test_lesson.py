"""Tests of the lesson: it runs from top to bottom, imports nothing internal, and is committed with its outputs."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

LESSON = Path(__file__).parents[1] / "docs" / "lesson.ipynb"


def run_ids(lesson: nbformat.NotebookNode) -> list[str]:
    """Return the run ids that the outputs show."""
    outputs = [output for cell in lesson.cells for output in cell.get("outputs", [])]
    return re.findall(r"<Result (\S+):", "".join(output.get("data", {}).get("text/plain", "") for output in outputs))


def test_the_lesson_is_committed_with_its_pictures() -> None:
    cells = [cell for cell in nbformat.read(LESSON, 4).cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(cell.execution_count for cell in cells)
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert not any(output.output_type == "error" for output in outputs)


def test_the_lesson_imports_nothing_internal() -> None:
    code = "\n".join(cell.source for cell in nbformat.read(LESSON, 4).cells if cell.cell_type == "code")
    assert re.findall(r"^(?:from|import) (rnnbench\S*)", code, re.MULTILINE)
    assert not re.search(r"rnnbench[\w.]*\._|import _", code)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the kernel's libraries
def test_the_lesson_runs_as_committed() -> None:
    lesson = nbformat.read(LESSON, 4)
    committed = run_ids(lesson)
    NotebookClient(lesson, timeout=300, resources={"metadata": {"path": str(LESSON.parent)}}).execute()
    assert len(committed) == 2
    assert run_ids(lesson) == committed
