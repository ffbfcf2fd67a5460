"""Tests of tables in the terminal: results by gap first, and numbers that are whole at any width; and of the help."""

import re
from pathlib import Path

import pytest

from rnnbench._analysis.summary import summarise
from rnnbench._analysis.tables import by_gap
from rnnbench._cli import GROUPS
from tests.cli.test_docs import COMMANDS
from tests.plots.study import made_up

REFERENCE = str(Path(__file__).parents[2] / "results" / "reference")


def test_the_table_by_gap_has_solved_seeds_and_the_median_accuracy() -> None:
    rows = [{"gap": 5, "seed": seed, "steps_to_solve": 10.0, "accuracy": 0.9996} for seed in range(5)]
    rows += [{"gap": 1000, "seed": 0, "accuracy": 0.2}, {"gap": 5, "cell": "lstm", "steps_to_solve": 10.0, "accuracy": 1.0}]
    expected = [["copy (chance 12.5 %)", "lstm", "1/1 100", ""], ["copy (chance 12.5 %)", "rnn", "5/5 99.9", "0/1 20.0"]]
    table = by_gap(summarise(made_up(rows)))
    assert (list(table.columns), table.to_numpy().tolist()) == (["task", "curve", "5", "1,000"], expected)


def test_a_table_starts_with_the_results_by_gap_and_ends_with_the_details_on_request(rnnbench) -> None:
    first = rnnbench("table", REFERENCE, "--only", "copy").out
    heading, gaps, _, gru = first.splitlines()[:4]
    assert (heading, gaps.split()) == ("copy (chance 12.5 %)", ["gap", "10", "20", "50", "100", "200", "1,000"])
    assert gru.split()[:5] == ["gru", "4/5", "99.1", "4/5", "99.2"]
    assert "tuning of gru, lstm: chosen from 3 recipes (lr 0.05 0.02 0.01) on" in first
    assert len(first.splitlines()) < 24
    assert "tuning of gru, lstm on adding, copy: chosen from 3" in " ".join(rnnbench("table", REFERENCE).out.split())
    details = rnnbench("table", REFERENCE, "--only", "copy", "--details").out
    assert details.startswith(heading)
    assert "span 20; chosen from 3 recipes" in " ".join(details.split())
    rnnbench("table", REFERENCE, "--details", "--spans").refused("are different tables")
    assert rnnbench("table", REFERENCE, "--only", "copy", "--format", "markdown").out.startswith("| task | curve | 10 | 20 |")
    assert r"4/5 99.1 & 4/5 99.2" in rnnbench("table", REFERENCE, "--only", "copy", "--format", "latex").out


@pytest.mark.parametrize(
    "words",
    [
        ("table", REFERENCE, "--only", "copy"),
        ("table", REFERENCE, "--details", "--only", "copy"),
        ("table", REFERENCE, "--spans", "--only", "copy"),
        ("table", REFERENCE, "--compare", "lstm,gru", "--only", "copy"),
        ("cells", "gru", "lstm"),
        ("tasks",),
    ],
    ids=lambda words: " ".join(words[::2]).replace(REFERENCE, ""),
)
def test_numbers_are_whole_at_any_width(rnnbench, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]) -> None:
    numbers = {}
    for width in (300, 80, 40):
        monkeypatch.setenv("COLUMNS", str(width))
        out = rnnbench(*words).out
        numbers[width] = set(re.findall(r"\d[\d,./]*\d", out))
        assert "…" not in out
        assert max(len(line) for line in out.splitlines() if not line.startswith("compiled:")) <= width
    assert numbers[40] == numbers[80] == numbers[300]


def test_help_shows_every_command_in_a_terminal_of_80_by_24(rnnbench) -> None:
    lines = rnnbench("--help").out.rstrip("\n").splitlines()
    assert len(lines) <= 23  # the prompt takes one more
    assert max(map(len, lines)) <= 80
    assert [line.split()[0] for line in lines if not line.startswith((" ", "Example"))] == [*GROUPS]
    listed = [name for group in GROUPS.values() for name in group]
    assert sorted(listed) == sorted(COMMANDS)
    assert list(GROUPS) == ["train", "look", "explain", "check"]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_shows_no_range_of_a_type(rnnbench, name: str) -> None:
    assert "<=x" not in rnnbench(name, "--help").out
    assert str(2**63 - 1) not in rnnbench(name, "--help").out
