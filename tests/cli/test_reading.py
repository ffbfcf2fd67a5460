"""Tests that commands which read studies write nothing: not into a read-only study, and not into a mistyped one."""

import shutil
from pathlib import Path

import pytest

from rnnbench._api import run
from rnnbench._study import StudyFolder
from tests.hardening.watch import watch

RUN = {"cell": "lstm", "task": "beijing", "gap": 2, "hidden_size": 4, "max_steps": 4, "engine": "torch", "progress": False}
GUESS = ["guess", "--task", "beijing", "--gap", "1", "--max-guesses", "2", "--repeats", "1"]
READERS = {
    "status": ["status", "STUDY"],
    "status of a sweep": ["status", "STUDY", "--cell", "lstm", "--task", "beijing"],
    "table": ["table", "STUDY"],
    "plot": ["plot", "STUDY", "--out", "figures"],
    "report": ["report", "STUDY", "--out", "page.html"],
    "published": ["published", "STUDY"],
    "reproduces": ["published", "STUDY", "--reproduces"],
    "gates": ["gates", "beijing", "--study", "STUDY", "--out", "figures"],
    "gradients": ["gradients", "--run", "beijing", "--study", "STUDY", "--out", "figures"],
    "guess": [*GUESS, "--study", "STUDY", "--out", "made"],
    "verify": ["verify", "STUDY", "--check"],
    "list of claims": ["verify", "STUDY", "--list"],
    "sweep, dry": ["sweep", "--cell", "lstm", "--task", "beijing", "--gap", "3", "--max-steps", "4", "--out", "STUDY", "--dry-run"],
    "tune, dry": ["tune", "--cell", "lstm", "--task", "beijing", "--gap", "3", "--max-steps", "4", "--out", "STUDY", "--dry-run"],
}
WITHOUT_STUDY = {"list of claims", "sweep, dry", "tune, dry"}


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a study as it is committed: tables, logs and weights, without the folders that writing needs."""
    study = tmp_path_factory.mktemp("bare") / "study"
    run(out=study, **RUN)
    for folder in (".locks", "checkpoints", "redo"):
        shutil.rmtree(study / folder)
    return study


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in folder.rglob("*")}


@pytest.mark.parametrize("words", READERS.values(), ids=READERS)
def test_a_read_only_study_is_unchanged(rnnbench, bare: Path, words: list[str]) -> None:
    before = content(bare)
    with watch().refusing_writes(bare):
        result = rnnbench(*[str(bare) if word == "STUDY" else word for word in words])
    assert result.code in (0, 3), result.err  # 3: claims that a study of one run leaves undecided
    assert content(bare) == before
    assert len(StudyFolder.open(bare).records()) == 1


@pytest.mark.parametrize("command", READERS)
def test_a_mistyped_study_is_not_created(rnnbench, tmp_path: Path, command: str) -> None:
    result = rnnbench(*["nosuch" if word == "STUDY" else word for word in READERS[command]])
    if command in WITHOUT_STUDY:
        assert result.code == 0, result.err
    else:
        assert (result.code, result.err) == (2, "rnnbench: no study in nosuch: make one with `rnnbench run --out nosuch`\n")
    assert list(tmp_path.iterdir()) == []
