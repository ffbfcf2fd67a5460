"""Tests of ``sweep``, ``status`` and ``table`` on the command line."""

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from rnnbench._cli import main

ROOT = Path(__file__).parents[2]
SMALL = ["--hidden-size", "8", "--batch-size", "8", "--max-steps", "20", "--eval-every", "10", "--engine", "torch"]
SWEEP = ["sweep", "--cell", "memoryless,rnn", "--task", "beijing", "--gap", "5,10", "--lr", "0.01", *SMALL, "--out", "study"]


@pytest.fixture
def rnnbench(capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command in an empty folder: (exit code, stdout, stderr)."""
    monkeypatch.chdir(tmp_path)

    def call(*argv: object) -> tuple[object, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in argv])
        captured = capsys.readouterr()
        return stop.value.code, captured.out, captured.err

    return call


@pytest.mark.parametrize("command", ["sweep", "status", "table"])
def test_help_shows_an_example(rnnbench, command: str) -> None:
    code, out, _ = rnnbench(command, "--help")
    assert code == 0
    assert f"Example: rnnbench {command}" in out


def test_help_of_a_sweep_imports_nothing_heavy() -> None:
    code = (
        "import sys; from rnnbench._cli import main\n"
        "try: main(['sweep', '--help'])\n"
        "except SystemExit: pass\n"
        "print(sorted({'torch', 'pandas', 'matplotlib', 'dask', 'distributed'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert out.splitlines()[-1] == "[]"


def test_a_study_from_dry_run_to_table(rnnbench) -> None:
    code, out, _ = rnnbench(*SWEEP, "--dry-run")
    assert code == 0
    assert out.startswith("4 runs: 0 done, 0 failed before, 4 to do\nabout ")
    assert "4 from training steps timed now, for the whole budget" in out
    assert not Path("study").exists()

    code, out, err = rnnbench(*SWEEP)
    assert code == 0
    assert out.startswith("4 of 4 runs done (")
    assert out.endswith("in study/runs.csv\nnext: rnnbench table study, rnnbench plot study or rnnbench report study\n")
    assert "[4/4] " in err  # which run ends last depends on the machine
    assert err.count("rnn (uniform) on beijing, gap 10, seed 0, lr 0.01: ") == 1
    assert rnnbench(*SWEEP, "--quiet") == (0, out, "")
    assert "4 done, 0 failed before, 0 to do" in rnnbench(*SWEEP, "--dry-run")[1]
    assert "4 from finished runs of the same kind" in rnnbench(*SWEEP, "--seed", "1", "--dry-run")[1]

    assert json.loads(Path("study/sweep.json").read_text())["gap"] == [5, 10]
    status = rnnbench("status", "study")[1]
    assert status.startswith("done         4 (")
    assert "to do        0" in status
    assert "to do        4" in rnnbench("status", "study", *SWEEP[1:-2], "--seed", "1")[1]

    table = rnnbench("table", "study")[1]
    assert "memoryless" in table
    assert "span: the largest gap" in table
    rows = list(csv.DictReader(io.StringIO(rnnbench("table", "study", "--format", "csv")[1])))
    assert [(row["cell"], row["gap"]) for row in rows] == [("memoryless", "5"), ("memoryless", "10"), ("rnn", "5"), ("rnn", "10")]
    markdown = rnnbench("table", "study", "--format", "markdown")[1].splitlines()
    assert markdown[1] == "|" + " --- |" * 11
    latex = rnnbench("table", "study", "--format", "latex")[1]
    assert r"95 \%" in latex
    assert "accuracy_by_gap.png" in rnnbench("plot", "study")[1]


def test_a_search_for_the_span_trains_few_gaps(rnnbench) -> None:
    gaps = ["--cell", "memoryless", "--gap", "1,2,3,4,5,6,7"]
    assert rnnbench(*SWEEP, *gaps, "--search-span", "--dry-run")[1].startswith("at most 3 of 7 runs")
    _, out, err = rnnbench(*SWEEP, *gaps, "--search-span", "--jobs", "1")
    assert out.startswith("3 of 3 runs done")
    assert [line.split("gap ")[1].split(",")[0] for line in err.splitlines() if "gap " in line] == ["4", "2", "1"]
    assert rnnbench(*SWEEP, *gaps, "--search-span", "--quiet")[1].startswith("3 of 3 runs done")
    assert rnnbench("status", "study")[1].splitlines()[-1].split() == ["to", "do", "0"]


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--gap", "5,x"], "--gap takes whole numbers separated by commas, as in --gap 10,20,50, not '5,x'"),
        (["--gap", ""], "--gap takes whole numbers"),
        (["--lr", "0"], "--lr must be above 0, not 0.0"),
        (["--cell", "rnm"], "unknown cell 'rnm': did you mean 'rnn'?"),
        (["--task", "copy", "--gap", "0"], "gap 0 is too small for task copy"),
        (["--init", "chrono"], "init chrono sets a forgetting gate, which cell memoryless does not have"),
        (["none.toml"], "cannot read sweep file none.toml: No such file or directory"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(rnnbench, argv: list[str], message: str) -> None:
    code, _, err = rnnbench(*SWEEP, *argv)
    assert code == 2
    assert err.count("\n") == 1
    assert message in err


def test_status_of_a_missing_study_explains_how_to_make_one(rnnbench) -> None:
    code, _, err = rnnbench("status", "nowhere")
    assert code == 2
    assert "rnnbench run --out nowhere" in err
