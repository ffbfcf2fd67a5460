"""The lesson runs from top to bottom, and is committed with its outputs and pictures."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

LESSON = Path(__file__).parents[1] / "docs" / "lesson.ipynb"


def test_the_lesson_is_committed_with_its_pictures() -> None:
    cells = [cell for cell in nbformat.read(LESSON, 4).cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(cell.execution_count for cell in cells)
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 3
    assert not any(output.output_type == "error" for output in outputs)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of the kernel's own libraries
def test_the_lesson_runs() -> None:
    lesson = nbformat.read(LESSON, 4)
    NotebookClient(lesson, timeout=300, resources={"metadata": {"path": str(LESSON.parent)}}).execute()
