"""Tests of numbers and lines as commands print them."""

import warnings
from pathlib import Path

import pytest

from rnnbench._analysis.tables import escaped
from rnnbench._cli import PACKAGE, _warnings_as_lines
from rnnbench._cli.terminal.formatting import duration, percent, print_wrapped
from rnnbench._cli.terminal.run_progress import print_finished, result_line, spark
from rnnbench._plugins.registry import make_task
from rnnbench._study import StudyFolder

LINE = "one two three four five six seven eight nine ten eleven twelve"


def test_a_line_is_wrapped_in_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("rnnbench._cli.terminal.formatting.sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    print_wrapped(LINE, indent=2, hanging=3)
    lines = capsys.readouterr().out.splitlines()
    assert lines == ["  one two three four five six seven", "     eight nine ten eleven twelve"]


def test_the_result_of_a_run_is_wrapped_at_words_and_its_paths_are_not(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reference = StudyFolder.open(Path(__file__).parents[2] / "results" / "reference")
    unsolved = next(record for record in reference.records() if record.status == "unsolved")
    monkeypatch.setattr("rnnbench._cli.terminal.formatting.sys.stdout.isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "40")
    print_finished(unsolved, make_task(unsolved.task), reference, quiet=False)
    lines = capsys.readouterr().out.splitlines()
    words = [line for line in lines if not line.startswith("  /")]
    assert max(map(len, words)) <= 40
    assert " ".join(" ".join(words).split()).startswith(result_line(unsolved, make_task(unsolved.task)))
    assert f"  {reference.runs_file}" in lines


def test_a_line_is_not_wrapped_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    print_wrapped(LINE * 5, indent=2)
    assert capsys.readouterr().out == f"  {LINE * 5}\n"


def test_numbers_and_latex() -> None:
    assert [duration(seconds) for seconds in (12.4, 200, 3720)] == ["12 s", "3 min 20 s", "1 h 02 min"]
    assert percent(0.9918) == "99.2 %"
    assert escaped("~7_0 %") == r"\textasciitilde{}7\_0 \%"


def test_accuracies_are_blocks_that_are_dim_at_chance() -> None:
    line = spark([0.9, 0.0, 0.125, 0.5, 0.51, 1.0], chance=0.5, width=5)
    assert line.plain == "▁▂▅▅█"
    assert [str(span.style) for span in line.spans] == ["dim", "dim", "dim", "green", "green"]


def test_a_warning_of_the_package_is_one_line_and_that_of_other_code_is_left_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    others = []
    monkeypatch.setattr(warnings, "showwarning", lambda message, category, filename, *_: others.append(filename))
    with _warnings_as_lines():
        warnings.simplefilter("always", UserWarning)
        for file in (str(PACKAGE / "plots" / "_style.py"), "mine.py"):
            for _ in range(2):
                warnings.warn_explicit("no font", UserWarning, file, 7)
    assert (capsys.readouterr().err, others) == ("rnnbench: no font\n", ["mine.py", "mine.py"])
