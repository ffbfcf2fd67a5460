"""``rnnbench atlas``: a cell's row among the baselines of a protocol. The protocol here is a small one of the same form."""

from collections import Counter
from hashlib import sha256
from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from rnnbench._study import StudyFolder
from rnnbench._sweep import atlas
from rnnbench._sweep.grid import grid

LENGTHS = (8, 16, 32, 64, 128)
IDS = "06a4ebebf90875ba"
"""Digest of the ids of the runs of lstm and rnn on the tasks with gaps."""

TINY = """
protocol = "atlas-2"
task = ["recall", "copy", "tracking"]
gap = [2, 4]
parameters = 200
batch_size = 4
eval_answers = 1000
max_steps = 2
cell = ["rnn"]
SEEDS
[tasks.tracking]
gap = [1]
option = { length = [3, 5] }
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder of protocols with six runs per cell and twelve pilot runs."""
    (tmp_path / "atlas-2.toml").write_text(TINY.replace("SEEDS", "seed = [0]"))
    (tmp_path / "atlas-2-tuning.toml").write_text(TINY.replace("SEEDS", "seed = [1000]\nlr = [0.01, 0.001]"))
    monkeypatch.setattr(atlas, "PROTOCOLS", tmp_path)
    return tmp_path


def test_the_protocols_files_resolve() -> None:
    request = atlas.atlas_request(["lstm", "rnn"], StudyFolder("study"), quick=False)
    runs = grid(request.model_copy(update={"tuned": None, "lr": [0.02]}), {})
    assert {run.protocol for run in runs} == {"atlas-2"}
    by_gap = [run for run in runs if run.task != "tracking"]
    assert len(by_gap) == 2 * 4 * 4 * 5
    assert Counter(run.option["answers"] + run.gap for run in runs if run.task == "tracking") == dict.fromkeys(LENGTHS, 2 * 5)
    ids = " ".join(sorted(run.run_id for run in by_gap))
    assert sha256(ids.encode()).hexdigest()[:16] == IDS, "runs of a published protocol keep their ids"
    quick = atlas.atlas_request(["lstm"], StudyFolder("study"), quick=True)
    part = grid(quick.model_copy(update={"tuned": None, "lr": [0.02]}), {})
    assert {run.run_id for run in part} < {run.run_id for run in runs}


def test_a_cell_gets_its_row_among_the_baselines(rnnbench, small: Path) -> None:
    first = rnnbench("atlas", "--cell", "rnn", "--out", "first", "--jobs", "1", "--quiet")
    assert first.code == 0
    assert "no baselines" in first.out
    runs = pd.read_csv("first/runs.csv")
    assert len(runs) == 6
    assert pd.read_csv("first/tuning.csv").query("task == 'tracking'")[["axis", "gap"]].to_numpy().tolist() == [["length", "3 5"]]
    runs.assign(accuracy=1.0, status="solved", steps_to_solve=2, run_id="b" + runs["run_id"]).to_csv(
        small / "atlas-2.csv.gz", index=False
    )
    out = rnnbench("atlas", "--cell", "mgu", "--out", "second", "--jobs", "1", "--quiet", "--format", "csv").out
    rows = pd.read_csv(StringIO(out[out.index("task,") :]))
    assert [label.split(" (")[0] for label in rows["label"]] == ["rnn", "> mgu"] * 3
    assert rows["memory_score"].tolist()[::2] == [1, 1, 1]
    assert rows["grid"].tolist() == ["2 4"] * 4 + ["3 5"] * 2
    again = rnnbench("atlas", "--cell", "mgu", "--out", "second", "--dry-run").out
    assert "6 runs: 6 done" in again
