"""The committed sweep files, findings and protocols: they resolve to their runs, whatever the defaults of a release are."""

import hashlib
from pathlib import Path

import pytest

from rnnbench import _config
from rnnbench._claims import FINDINGS
from rnnbench._claims.claim import Finding
from rnnbench._study import StudyFolder
from rnnbench._sweep.grid import grid
from rnnbench._sweep.launch import requested_runs
from rnnbench._sweep.status import ids_so_far
from rnnbench._sweep.sweep_file import read_sweep

RESULTS = Path(__file__).parents[1] / "results"
FILES = sorted(file for file in RESULTS.rglob("*.toml") if file.name != "study.toml")
NOT_COMMITTED = {  # pilot runs: how many, and a digest of their run_ids
    "reference/tuning.toml": (144, "fc584241cd18"),
    "atlas/tuning.toml": (480, "fffe0bbd2d25"),
}


@pytest.fixture(autouse=True)
def other_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change a default, as a later release may do."""
    monkeypatch.setattr(_config, "HORIZON_PER_GAP", 3.0)


def file_parameter(file: Path) -> object:
    """Return the parameter of a sweep file; the atlas resolves 1,160 runs."""
    name = str(file.relative_to(RESULTS))
    return pytest.param(file, id=name, marks=[pytest.mark.slow] if name == "atlas/atlas.toml" else [])


@pytest.mark.parametrize("file", [file_parameter(file) for file in FILES])
def test_a_committed_sweep_file_finds_its_runs(file: Path) -> None:
    sweep, name = read_sweep(file, {}), str(file.relative_to(RESULTS))
    if name in NOT_COMMITTED:
        ids = sorted(run.run_id for run in grid(sweep))
        assert (len(ids), hashlib.sha256("\n".join(ids).encode()).hexdigest()[:12]) == NOT_COMMITTED[name]
        return
    study = StudyFolder.open(file.parent / "pilots" if file.name == "tuning.toml" else file.parent)
    run_ids = ids_so_far(study, requested_runs(sweep))
    assert run_ids
    assert [run_id for run_id in run_ids if study.finished(run_id) is None] == []


@pytest.mark.parametrize("finding", [finding for finding in FINDINGS if finding.runs_added], ids=lambda finding: finding.name)
def test_a_finding_finds_its_runs(finding: Finding) -> None:
    study = StudyFolder.open(RESULTS / "reference")
    assert [run.run_id for run in finding.runs() if study.finished(run.run_id) is None] == []
