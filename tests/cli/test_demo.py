"""Tests of the demo, and of the last lines of a run."""

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from rnnbench._cli.terminal import demo
from rnnbench._cli.terminal.run_progress import fall_lines, next_line
from rnnbench._study import StudyFolder
from rnnbench._sweep.launch import build_queue
from tests.cli.test_cli import RUN


def test_the_demo_ends_with_a_picture_a_page_and_two_commands(rnnbench, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = {"cell": ["rnn", "lstm"], "gap": [1, 2], "hidden_size": [4], "max_steps": 4, "eval_every": 2, "eval_answers": 1000}
    monkeypatch.setattr(demo, "DEMO", demo.DEMO.model_copy(update=tiny | {"engine": "torch"}))
    result = rnnbench("demo", "--jobs", "1")
    assert result.code == 0, result.err
    for path in ("accuracy_by_gap.png", "demo.html"):
        assert f"  {Path('results/demo', path)}\n" in result.out
        assert Path("results/demo", path).stat().st_size > 10_000
    assert re.findall(r"rnnbench (\w+)", result.out[result.out.index("next:") :]) == ["show", "run"]
    assert re.search(r"^lstm .*\d+ % .*\d+ %$", result.out, re.MULTILINE)
    assert len(StudyFolder.open("results/demo").records()) == 4
    before = Path("results/demo/runs.csv").read_bytes()
    assert rnnbench("demo", "--jobs", "1", "--quiet").out.endswith(result.out[result.out.index("accuracy at gap") :])
    assert Path("results/demo/runs.csv").read_bytes() == before


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_chart_fits_the_terminal_with_whole_numbers(tmp_path: Path, width: int) -> None:
    screen = demo.DemoScreen(build_queue(demo.DEMO, StudyFolder(tmp_path)), quiet=True)
    screen.chance = dict.fromkeys(demo.DEMO.gap, 0.1)
    screen.shares = {("lstm", gap): 1.0 for gap in demo.DEMO.gap} | {("rnn", 50): 0.104}
    lines = screen.chart(width).plain.splitlines()
    assert max(map(len, lines)) <= width
    assert [re.findall(r"\d+ %|-", line) for line in lines[1:]] == [["-", "-", "10 %"], ["100 %"] * 3, ["-"] * 3, ["10 %"] * 3]
    assert lines[2].count("█") == 3 * (min(24, (width - 7) // 3) - 7)


def test_a_fall_during_training_is_explained() -> None:
    def rows(*shares: float) -> list[Any]:
        return [SimpleNamespace(step=250 * (k + 1), accuracy=share, status="training") for k, share in enumerate(shares)]

    assert fall_lines(rows(0.1, 0.5, 0.47, 1.0)) == []
    assert fall_lines([]) == []
    (line,) = fall_lines(rows(0.1, 0.96, 0.9, 0.36, 0.99))
    assert line.startswith("accuracy fell from 96.0 % to 36.0 % by step 1,000: one step along a large gradient can undo")


@pytest.mark.parametrize(
    ("status", "change"), [("solved", "--gap 100"), ("unsolved", "--max-steps 80"), ("diverged", "--lr 0.005")]
)
def test_a_run_ends_with_what_to_do_next(tmp_path: Path, status: str, change: str) -> None:
    record = SimpleNamespace(status=status, gap=50, max_steps=40, lr=0.02)
    line = next_line(cast(Any, record), StudyFolder(tmp_path / "my study"))
    assert line.startswith(f"next: rnnbench plot '{tmp_path / 'my study'}' for its learning curve; ")
    assert change in line


def test_a_run_saves_its_learning_curve(rnnbench) -> None:
    result = rnnbench(*RUN, "--plot")
    (picture,) = re.findall(r"^  (results/figures/.*png)$", result.out, re.MULTILINE)
    assert Path(picture).read_bytes().startswith(b"\x89PNG")
    assert result.out.splitlines()[-1].startswith("next: rnnbench plot results")
