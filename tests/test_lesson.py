"""Tests of the lesson in both languages: it runs from top to bottom, imports nothing internal, and has its outputs."""

import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from rnnbench.plots._language import chinese_fonts, has_chinese

DOCS = Path(__file__).parents[1] / "docs"
LESSONS = {"en": "lesson.ipynb", "zh": "lesson.zh.ipynb"}


def read(language: str) -> nbformat.NotebookNode:
    return nbformat.read(DOCS / LESSONS[language], 4)


def markdown(lesson: nbformat.NotebookNode) -> str:
    return "\n".join(cell.source for cell in lesson.cells if cell.cell_type == "markdown")


def run_ids(lesson: nbformat.NotebookNode) -> list[str]:
    """Return the run ids that the outputs show."""
    outputs = [output for cell in lesson.cells for output in cell.get("outputs", [])]
    return re.findall(r"<Result (\S+):", "".join(output.get("data", {}).get("text/plain", "") for output in outputs))


@pytest.mark.parametrize("language", LESSONS)
def test_the_lesson_is_committed_with_its_pictures(language: str) -> None:
    lesson = read(language)
    cells = [cell for cell in lesson.cells if cell.cell_type == "code"]
    outputs = [output for cell in cells for output in cell.outputs]
    assert all(cell.execution_count for cell in cells)
    assert sum("image/png" in output.get("data", {}) for output in outputs) == 5
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
    pictures = re.findall(r"!\[[^]]+\]\(([^)]+)\)", markdown(lesson))
    assert [Path(picture).stem for picture in pictures] == ["rnn", "lstm", "gru"]
    assert all((DOCS / picture).exists() for picture in pictures)


@pytest.mark.parametrize("language", LESSONS)
def test_the_contents_list_names_every_section(language: str) -> None:
    text = markdown(read(language))
    contents = [re.split(r" ?[(（]", line)[0] for line in re.findall(r"^\d\. (.*)$", text, re.MULTILINE)]
    assert contents == [title.split(". ", 1)[1] for title in re.findall(r"^## (\d\. .*)$", text, re.MULTILINE)]


@pytest.mark.parametrize("language", LESSONS)
def test_the_lesson_imports_nothing_internal(language: str) -> None:
    code = "\n".join(cell.source for cell in read(language).cells if cell.cell_type == "code")
    assert re.findall(r"^(?:from|import) (rnnbench\S*)", code, re.MULTILINE)
    assert not re.search(r"rnnbench[\w.]*\._|import _", code)


def test_both_editions_have_the_same_cells_and_results() -> None:
    lessons = [read(language).cells for language in LESSONS]
    assert [cell.cell_type for cell in lessons[0]] == [cell.cell_type for cell in lessons[1]]
    assert run_ids(read("en")) == run_ids(read("zh"))
    assert all(has_chinese(cell.source) for cell in lessons[1] if cell.cell_type == "markdown")


@pytest.mark.slow
@pytest.mark.parametrize("language", LESSONS)
@pytest.mark.filterwarnings("default")  # of the kernel's libraries
def test_the_lesson_runs_as_committed(language: str) -> None:
    if language == "zh" and not chinese_fonts():
        pytest.skip("no font with Chinese characters")
    lesson = read(language)
    committed = run_ids(lesson)
    NotebookClient(lesson, timeout=300, resources={"metadata": {"path": str(DOCS)}}).execute()
    assert len(committed) == 2
    assert run_ids(lesson) == committed
