"""Tests that commands which read studies write nothing: not into a read-only study, and not into a mistyped one."""

import shutil
from pathlib import Path

import pytest

from rnnbench._api import load_runs, run
from rnnbench._errors import IncompleteWarning
from rnnbench._results import Study
from rnnbench._study import RunRecord, StudyFolder, Table
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


@pytest.mark.parametrize("words", [["status"], ["table"], ["plot", "--out", "figures"], ["report", "--out", "page.html"]])
def test_an_incomplete_last_row_is_named_once_and_the_others_stay(rnnbench, bare: Path, tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "study").mkdir()
    table, row = tmp_path / "study" / "runs.csv", (bare / "runs.csv").read_bytes().splitlines(keepends=True)[1]
    table.write_bytes((bare / "runs.csv").read_bytes() + row[:-120])
    result = rnnbench(words[0], "study", *words[1:])
    note = "rnnbench: study/runs.csv, line 3 is incomplete and is left out: the command that wrote it trains that run again\n"
    assert result.err.count("incomplete") == result.err.count(note) == 1, result.err
    assert len(Table(table, RunRecord).rows()) == 1
    for read in (lambda: Study(tmp_path / "study").runs(), lambda: load_runs(tmp_path / "study")):
        with pytest.warns(IncompleteWarning, match="line 3") as warned:
            assert len(read()) == 1
        assert warned[0].filename == __file__


def test_an_incomplete_last_row_of_a_log_or_an_extrapolation_is_named(rnnbench, tmp_path: Path) -> None:
    command = "run --cell memoryless --task beijing --gap 2 --hidden-size 4 --max-steps 2 --engine torch --out study"
    assert rnnbench(*command.split(), "--quiet", "--eval-gaps", 3).code == 0
    study = StudyFolder.open("study")
    (record,) = study.records()
    for path, read in ((study.log_file(record.run_id), study.logs), (study.extrapolations.path, study.extrapolation)):
        whole = path.read_bytes()
        path.write_bytes(whole + whole.splitlines(keepends=True)[-1][:-5])
        with pytest.warns(IncompleteWarning, match=rf"{path.name}, line 3 is incomplete and is left out: `rnnbench run"):
            assert len(read()) == 1


def test_the_next_run_names_an_incomplete_row_before_it_is_gone(rnnbench, tmp_path: Path) -> None:
    command = "run --cell memoryless --task beijing --gap 2 --hidden-size 4 --max-steps 2 --engine torch --quiet --out study --seed"
    for seed in (0, 1):
        rnnbench(*command.split(), seed)
    whole = (tmp_path / "study" / "runs.csv").read_bytes()
    (tmp_path / "study" / "runs.csv").write_bytes(whole[:-120])
    result = rnnbench(*command.split(), 1)
    assert (result.code, result.err.count("runs.csv, line 3 is incomplete")) == (0, 1), result.err
    assert [record.seed for record in StudyFolder.open("study").records()] == [0, 1]


@pytest.mark.parametrize("command", READERS)
def test_a_mistyped_study_is_not_created(rnnbench, tmp_path: Path, command: str) -> None:
    result = rnnbench(*["nosuch" if word == "STUDY" else word for word in READERS[command]])
    if command in WITHOUT_STUDY:
        assert result.code == 0, result.err
    else:
        assert (result.code, result.err) == (2, "rnnbench: no study in nosuch: make one with `rnnbench run --out nosuch`\n")
    assert list(tmp_path.iterdir()) == []
