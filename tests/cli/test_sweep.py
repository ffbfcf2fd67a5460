"""Tests of ``sweep``, ``status`` and ``table`` on the command line."""

import csv
import io
import json
from pathlib import Path

SMALL = ["--hidden-size", "8", "--batch-size", "8", "--max-steps", "20", "--eval-every", "10", "--engine", "torch"]
SWEEP = ["sweep", "--cell", "memoryless,rnn", "--task", "beijing", "--gap", "5,10", "--lr", "0.01", *SMALL, "--out", "study"]


def test_a_study_from_dry_run_to_table(rnnbench) -> None:
    dry = rnnbench(*SWEEP, "--dry-run")
    assert dry.code == 0
    assert dry.out.startswith("4 runs: 0 done, 0 failed before, 4 to do\nabout ")
    assert "4 from training steps timed now, for the whole budget" in dry.out
    assert not Path("study").exists()

    swept = rnnbench(*SWEEP)
    assert swept.code == 0
    assert swept.out.startswith("4 of 4 runs done (")
    assert "in study/runs.csv\nnext: rnnbench table study, rnnbench plot study or rnnbench report study\n" in swept.out
    assert "[4/4] " in swept.err  # which run ends last depends on the machine
    assert swept.err.count("rnn (uniform) on beijing, gap 10, seed 0, lr 0.01: ") == 1
    quiet = rnnbench(*SWEEP, "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (0, swept.out, "")
    assert "4 done, 0 failed before, 0 to do" in rnnbench(*SWEEP, "--dry-run").out
    assert "4 from finished runs of the same kind" in rnnbench(*SWEEP, "--seed", "1", "--dry-run").out

    assert json.loads(Path("study/sweep.json").read_text())["gap"] == [5, 10]
    status = rnnbench("status", "study").out
    assert status.startswith("done         4 (")
    assert "to do        0" in status
    assert "to do        4" in rnnbench("status", "study", *SWEEP[1:-2], "--seed", "1").out
    before = Path("study/sweep.json").read_text()
    rnnbench(*SWEEP, "--seed", "1", "--dask", "nowhere").refused("nowhere")
    assert Path("study/sweep.json").read_text() == before
    stored = json.loads(before)
    stored["runs"]["run_ids"].append("rnn-gone")  # status counts the stored runs, and resolves no name
    Path("study/sweep.json").write_text(json.dumps(stored | {"cell": ["./none.py"]}))
    assert "to do        1" in rnnbench("status", "study").out
    del stored["runs"]
    Path("study/sweep.json").write_text(json.dumps(stored))
    assert "to do        unknown: an earlier version wrote study/sweep.json" in rnnbench("status", "study").out

    assert "\nbeijing (chance 50.0 %)\ngap " in swept.out
    table = rnnbench("table", "study", "--details").out
    assert "memoryless" in table
    assert "span: the largest gap" in table
    rows = list(csv.DictReader(io.StringIO(rnnbench("table", "study", "--format", "csv").out)))
    assert [(row["cell"], row["gap"]) for row in rows] == [("memoryless", "5"), ("memoryless", "10"), ("rnn", "5"), ("rnn", "10")]
    markdown = rnnbench("table", "study", "--details", "--format", "markdown").out.splitlines()
    assert markdown[1] == "|" + " --- |" * 11
    latex = rnnbench("table", "study", "--details", "--format", "latex").out
    assert r"95 \%" in latex
    assert "accuracy_by_gap.png" in rnnbench("plot", "study").out


def test_a_search_for_the_span_trains_few_gaps(rnnbench) -> None:
    gaps = ["--cell", "memoryless", "--gap", "1,2,3,4,5,6,7"]
    assert rnnbench(*SWEEP, *gaps, "--search-span", "--dry-run").out.startswith("at most 3 of 7 runs")
    searched = rnnbench(*SWEEP, *gaps, "--search-span", "--jobs", "1")
    assert searched.out.startswith("3 of 3 runs done")
    assert [line.split("gap ")[1].split(",")[0] for line in searched.err.splitlines() if "gap " in line] == ["4", "2", "1"]
    assert rnnbench(*SWEEP, *gaps, "--search-span", "--quiet").out.startswith("3 of 3 runs done")
    assert rnnbench("status", "study").out.splitlines()[-1].split() == ["to", "do", "0"]


def test_a_flag_gives_an_option_several_values(rnnbench) -> None:
    sweep = (
        "sweep",
        "--cell",
        "gru-torch",
        "--task",
        "beijing",
        "--gap",
        "2",
        "--max-steps",
        "2",
        "--engine",
        "torch",
        "--dry-run",
    )
    assert rnnbench(*sweep, "--cell-option", "bias=true,false").out.startswith("2 runs")
    rnnbench(*sweep, "--cell-option", "bias=true,").refused("--cell-option bias takes names separated by commas, as in")
    rnnbench(*sweep, "--cell-option", "bias=true,5").refused("must be true or false, not '5'")
