"""Two results of one run, and the comparison of two studies."""

import io
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.figure import Figure

from rnnbench._analysis.studies import pair_runs
from rnnbench._study import RunRecord, StudyFolder
from tests.cli.test_studies import BASE
from tests.plots.study import made_up

LOST = {"status": "unsolved", "accuracy": "0.4", "skill": "0.33", "steps_to_solve": "", "machine": "arm64 Darwin"}


def write(folder: Path, changes: dict[int, dict[str, str]], seeds: int = 5, twice: bool = False) -> None:
    """Write a study of five seeds, some of them changed; ``twice``: the changed rows follow the others in the same file."""
    rows = [
        BASE | {"task": "copy", "cell": "lstm", "gap": "10", "seed": str(seed), "run_id": f"run-{seed}"} for seed in range(seeds)
    ]
    solved = {"status": "solved", "accuracy": "1.0", "steps_to_solve": "500", "machine": "x86_64 Linux"}
    rows = [row | solved for row in rows]
    after = [row | changes.get(k, {}) for k, row in enumerate(rows)]
    StudyFolder.create(folder).finished_table.write(RunRecord.parse(row) for row in after)
    if twice:
        other = folder.with_name("other")
        write(other, {}, seeds)
        lines = (other / "runs.csv").read_text().splitlines()
        path = folder / "runs.csv"
        path.write_text("\n".join([*lines, *path.read_text().splitlines()[1:]]) + "\n")


NOTE = "rnnbench: 1 run has two results that differ (run-2: 100.0 % on x86_64 Linux, solved; 40.0 % on arm64 Darwin, unsolved): "


@pytest.mark.parametrize("command", ["table", "plot", "report"])
def test_a_run_with_two_results_is_named(rnnbench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr("rnnbench._report.page.build_page", lambda *_, **__: "")
    monkeypatch.setattr("rnnbench.plots.every_figure", lambda *_: {"a": lambda: Figure()}.items())
    write(tmp_path / "A", {})
    write(tmp_path / "B", {2: LOST})
    write(tmp_path / "merged", {2: LOST}, twice=True)
    for studies in (["A", "B"], ["merged"]):
        result = rnnbench(command, *studies)
        assert (result.code, result.err[: len(NOTE)]) == (0, NOTE), result.err
        assert result.err.count("two results") == 1
    assert "two results" not in rnnbench(command, "A", "A").err
    assert "two results" not in rnnbench(command, "A", "other").err


def test_status_names_it_too(rnnbench, tmp_path: Path) -> None:
    write(tmp_path / "merged", {2: LOST}, twice=True)
    assert rnnbench("status", "merged").err.startswith(NOTE)
    assert rnnbench("status", "other").err == ""


def test_two_studies_are_compared_run_by_run(rnnbench, tmp_path: Path) -> None:
    write(tmp_path / "A", {})
    write(tmp_path / "B", {2: LOST, 3: {"accuracy": "0.99"}}, seeds=4)
    text = rnnbench("table", "A", "B", "--compare-studies").out
    assert "seed 2 lost" in text
    words = " ".join(text.split())
    assert "4 runs in both: 2 equal, 1 with another verdict (solved or not)" in words
    assert "1 only in the first and 0 only in the second study" in words
    assert "machine x86_64 Linux -> arm64 Darwin, x86_64 Linux" in words
    assert "the accuracy of the last evaluation" in words
    table = pd.read_csv(io.StringIO(rnnbench("table", "B", "A", "--compare-studies", "--format", "csv").out), keep_default_na=False)
    assert table["verdict"].tolist() == ["", "", "gained", ""]
    rnnbench("table", "A", "--compare-studies").refused("--compare-studies takes two studies")
    rnnbench("table", "A", "B", "--compare-studies", "--spans").refused("give one of them")


def test_runs_of_another_recipe_are_paired_where_only_one_run_can_be_meant() -> None:
    before = made_up({"seed": seed, "lr": lr, "clip_norm": 1.0} for seed in range(2) for lr in (0.1, 0.01))
    pairs = pair_runs(before, before.assign(clip_norm=0.5, status="solved"))
    assert pairs["recipe"].tolist() == ["clip_norm 1.0 -> 0.5"] * 4
    assert pairs["verdict"].tolist() == ["gained"] * 4
    one_rate = before[before["lr"] == 0.1]
    assert pair_runs(one_rate, one_rate.assign(lr=0.3))["recipe"].tolist() == ["lr 0.1 -> 0.3"] * 2
    assert pair_runs(before, before.assign(lr=before["lr"] * 2)).empty, "two rates of each seed: neither is the other's pair"
    assert pair_runs(before, before.assign(seed=before["seed"] + 7)).empty
