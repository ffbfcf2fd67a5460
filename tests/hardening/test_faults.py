"""A run killed at every point where it touches the disk: given again, it ends as an undisturbed one, and nothing is left over."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rnnbench._api import run
from rnnbench._study import StudyFolder
from tests.sweep.processes import ROOT, plain

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")

RUN = {"cell": "memoryless", "task": "beijing", "gap": 2, "hidden_size": 4, "batch_size": 4, "lr": 0.001, "engine": "torch"}
RUN |= {"max_steps": 2, "eval_every": 1, "eval_sequences": 1000, "out": "study"}
FORCE = RUN | {"force": True}


def killed(folder: Path, words: dict, *again: dict) -> list[list[Path]]:
    """Return the folders in which a run was killed and resumed, for each way to resume, one folder per touch before the kill."""
    (folder / "first").mkdir(exist_ok=True)
    argv = [sys.executable, "-m", "tests.hardening.killed", json.dumps(words), *map(json.dumps, again)]
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [sorted(folder.glob(f"*-{k}")) for k in range(len(again))]


def contents_of(study: Path) -> tuple:
    """Row, log and weights of the only run of a study; and the files that should not be there."""
    home = StudyFolder.open(study)
    (record,) = home.records()
    files = [path.relative_to(study).as_posix() for path in study.rglob("*") if path.is_file()]
    spare = [name for name in files if name.startswith(("checkpoints/", "redo/")) or name.endswith(".tmp")]
    weights = home.weights_file(record.run_id).read_bytes()
    return plain([record]), plain(home.log(record.run_id)), weights, spare


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a study with the undisturbed run."""
    study = tmp_path_factory.mktemp("calm") / "study"
    run(**RUN | {"out": study}, progress=False)
    return study


def test_a_run_killed_at_any_touch_of_the_disk_ends_as_an_undisturbed_one(tmp_path: Path, calm: Path) -> None:
    (places,) = killed(tmp_path, RUN, RUN)
    assert len(places) >= 40
    for place in places:
        assert contents_of(place / "study") == contents_of(calm), (place / "touch").read_text()


def test_a_forced_run_killed_at_any_touch_leaves_the_old_or_the_new_result(tmp_path: Path, calm: Path) -> None:
    """Old and new differ in row, log and weights; asked without force either is right, but no mixture of them."""
    study = tmp_path / "first" / "study"
    shutil.copytree(calm, study)
    home = StudyFolder.create(study)
    (record,) = home.records()
    home.record(record.model_copy(update={"machine": "old"}))
    home.weights_file(record.run_id).write_bytes(b"old")
    log = home.log_file(record.run_id)
    log.write_text(log.read_text().replace("beijing,", "old,"))
    old, new = contents_of(study), contents_of(calm)
    assert not any(was == now for was, now in zip(old[:3], new[:3], strict=True))
    asked, forced = killed(tmp_path, FORCE, RUN, FORCE)
    assert len(asked) >= 40
    for place in asked + forced:
        *result, spare = contents_of(place / "study")
        about = ((place / "touch").read_text(), spare)
        assert result in ([list(new[:3])] if place in forced else [list(old[:3]), list(new[:3])]), about
        if result == list(new[:3]):
            assert not spare, about
        else:  # what force resumes from
            assert all(name.startswith("redo/") and not name.endswith((".tmp", ".json")) for name in spare), about
