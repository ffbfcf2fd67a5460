"""``rnnbench atlas``: a cell's row among the baselines of a protocol. The protocol here is a small one of the same form."""

from io import StringIO
from pathlib import Path

import pandas as pd
import pytest

from rnnbench._study import StudyFolder
from rnnbench._sweep import atlas
from rnnbench._sweep.grid import grid

TINY = """
protocol = "atlas-2"
task = ["recall", "copy"]
gap = [2, 4]
parameters = 200
batch_size = 4
eval_answers = 1000
max_steps = 2
cell = ["rnn"]
"""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return a folder of protocols with four runs per cell and eight pilot runs, one baseline curve among them."""
    (tmp_path / "atlas-2.toml").write_text(TINY + "seed = [0]\n")
    (tmp_path / "atlas-2-tuning.toml").write_text(TINY + "seed = [1000]\nlr = [0.01, 0.001]\n")
    monkeypatch.setattr(atlas, "PROTOCOLS", tmp_path)
    return tmp_path


def test_the_protocols_files_resolve() -> None:
    request = atlas.atlas_request(["lstm", "rnn"], StudyFolder("study"), quick=False)
    runs = grid(request.model_copy(update={"tuned": None, "lr": [0.02]}), {})
    assert {run.protocol for run in runs} == {"atlas-2"}
    assert len(runs) == 2 * 4 * 4 * 5
    quick = atlas.atlas_request(["lstm"], StudyFolder("study"), quick=True)
    part = grid(quick.model_copy(update={"tuned": None, "lr": [0.02]}), {})
    assert {run.run_id for run in part} < {run.run_id for run in runs}


def test_a_cell_gets_its_row_among_the_baselines(rnnbench, small: Path) -> None:
    first = rnnbench("atlas", "--cell", "rnn", "--out", "first", "--jobs", "1", "--quiet")
    assert first.code == 0
    assert "no baselines" in first.out
    runs = pd.read_csv("first/runs.csv")
    assert len(runs) == 4
    runs.assign(accuracy=1.0, status="solved", steps_to_solve=2, run_id="b" + runs["run_id"]).to_csv(
        small / "atlas-2.csv.gz", index=False
    )
    out = rnnbench("atlas", "--cell", "mgu", "--out", "second", "--jobs", "1", "--quiet", "--format", "csv").out
    rows = pd.read_csv(StringIO(out[out.index("task,") :]))
    assert [label.split(" (")[0] for label in rows["label"]] == ["rnn", "> mgu"] * 2
    assert rows["memory_score"].iloc[0] == 1
    again = rnnbench("atlas", "--cell", "mgu", "--out", "second", "--dry-run").out
    assert "4 runs: 4 done" in again
