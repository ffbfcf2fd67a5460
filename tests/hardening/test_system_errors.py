"""What the operating system refuses is one line: paths that are too long, a full disk, files that cannot be written or replaced."""

import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from rnnbench._cli import app
from rnnbench._errors import StorageError, system_error_line
from rnnbench._study import Redo, StudyFolder
from rnnbench._sweep.local import Local
from rnnbench._sweep.run_queue import RunQueue
from tests.hardening.watch import watch

RUN = "--cell rnn --task beijing --gap 2 --hidden-size 4 --max-steps 2 --eval-every 1 --eval-sequences 1000 --engine torch"
READ = "status PATH | table PATH | plot PATH | report PATH | published PATH | verify PATH --check | verify PATH"
READ += " | gates x --study PATH | gradients --run x --study PATH | guess --study PATH | remembrance x --study PATH"
WRITE = "run RUN --quiet --out PATH | plot good --out PATH | report good --static --out PATH"
WRITE += " | guess --task beijing --gap 1 --max-guesses 2 --repeats 1 --out PATH | gates beijing --study good --out PATH"
WRITE += " | gradients --run beijing --study good --out PATH | construct rnn-copy --gap 5 --noise 0 --sequences 8 --out PATH"
WRITE += " | sensitivity --cell rnn --task recall --gap 3,5 --hidden-size 4 --seed 0 --out PATH"
WRITE += " | remembrance beijing --study good --out PATH | explain rnn --html PATH | run RUN --quiet --plot --out PATH"
SWEEPS = "sweep RUN --jobs 1 --quiet --out PATH | tune RUN --lr 0.01 --seed 1000 --jobs 1 --quiet --out PATH"
SWEEPS += " | demo --jobs 1 --quiet --out PATH | atlas --cell rnn --quick --jobs 1 --quiet --out PATH"
IN_PLACE = "run RUN --seed 1 --quiet --out good | verify good --check --record | plot good | sweep RUN --seed 1 --jobs 1 --out good"
IN_PLACE += " | tune RUN --lr 0.01 --seed 1000 --jobs 1 --quiet --out good"
WRITES_NOTHING = {"tasks", "cells", "show", "check", "status", "table", "published"}
NAME = (
    "run RUN --cell PATH.py | run RUN --task PATH.py | check PATH.py | show PATH.py | cells PATH.py | sweep PATH | status good PATH"
)
NAME += " | sweep RUN --tuned PATH | sweep RUN --out PATH | table good --sweep PATH"
NAME += " | tune RUN --lr 0.01 --seed 1000 --table PATH"
COMMANDS = [words for row in (READ, WRITE, NAME) for words in row.split(" | ")]


@pytest.fixture
def good(rnnbench, tmp_path: Path, studies: Path) -> Path:
    shutil.copytree(studies, tmp_path / "good")
    return tmp_path / "good"


@contextmanager
def full_disk() -> Iterator[None]:
    """Limit the size of files to 0 bytes inside the block, so that every write fails as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def words_of(command: str, path: str) -> list[str]:
    return [word.replace("PATH", path) for word in command.replace("RUN", RUN).split()]


@pytest.mark.parametrize("path", ["x" * 300, "x/" * 2500], ids=["name", "path"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_path_that_is_too_long_is_one_line(rnnbench, good: Path, command: str, path: str) -> None:
    rnnbench(*words_of(command, path)).refused()


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and ".locks" not in path.parts}


@pytest.mark.parametrize("command", f"{WRITE} | {SWEEPS} | {IN_PLACE}".split(" | "))
@pytest.mark.parametrize("fault", ["full", "read-only"])
def test_a_disk_that_takes_nothing_is_one_line_and_leaves_all_as_it_was(
    rnnbench, tmp_path: Path, good: Path, fault: str, command: str
) -> None:
    Local(RunQueue(StudyFolder(tmp_path), []), jobs=1)  # its server, started inside, would hand the limit to later tests
    before = files_of(tmp_path)
    with full_disk() if fault == "full" else watch().refusing_writes(tmp_path):
        result = rnnbench(*words_of(command, "made"))
    assert (result.err.count("\n"), "Traceback" in result.err) == (1, False), result.err
    assert result.code in ((1,) if fault == "full" else (1, 2)), result.err
    assert re.search("File too large" if fault == "full" else "cannot (write|use)", result.err), result.err
    after = files_of(tmp_path)
    assert {path: content for path, content in after.items() if content or path in before} == before


def test_every_command_that_writes_is_tested_on_a_disk_that_takes_nothing() -> None:
    tested = {command.split()[0] for command in f"{WRITE} | {SWEEPS} | {IN_PLACE}".split(" | ")}
    assert tested | WRITES_NOTHING == {str(command.name or command.callback.__name__) for command in app.registered_commands}


def test_a_name_in_place_of_a_study_trains_nothing(rnnbench, tmp_path: Path) -> None:
    rnnbench("verify", "reslts").refused("no study in reslts: check the path; to train the runs of a new study")
    assert list(tmp_path.iterdir()) == []


def test_a_table_that_cannot_be_written_is_reported_before_the_pilots(rnnbench, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = rnnbench("tune", *RUN.split(), "--lr", "0.01", "--seed", "1000", "--out", "pilots", "--table", "file/x.csv")
    result.refused("cannot read file/x.csv: Not a directory")
    assert not (tmp_path / "pilots" / "sweep.json").exists()


@pytest.mark.parametrize("command", ["table good", "report good --static --out page.html"])
def test_a_damaged_table_of_recipes_does_not_hide_the_results(rnnbench, tmp_path: Path, good: Path, command: str) -> None:
    (good / "tuning.csv").write_text("task\nbeijing\n")
    result = rnnbench(*command.split())
    shown = result.out + "".join(file.read_text(encoding="utf-8") for file in tmp_path.glob("page.html"))
    assert result.code == 0, result.err
    assert "unknown, as good/tuning.csv, line 1: the first line must name the columns" in " ".join(shown.split())


def test_a_byte_order_mark_is_skipped_in_every_file_of_a_study(rnnbench, good: Path) -> None:
    (good / "sweep.json").write_text('{"runs": {"run_ids": ["rnn-1"]}}', encoding="utf-8-sig")
    (good / "runs.csv").write_text((good / "runs.csv").read_text(), encoding="utf-8-sig")
    assert "to do        1" in rnnbench("status", "good").out


def test_a_replacement_that_fails_is_a_storage_error(good: Path) -> None:
    study = StudyFolder.create(good)
    (record,) = study.records()
    redo = Redo(study, record.run_id)
    redo.log_file.write_text("")
    study.log_file(record.run_id).unlink()
    study.log_file(record.run_id).mkdir()
    with pytest.raises(StorageError, match="cannot write"):
        redo.finish(record)


@pytest.mark.parametrize("folder", ["logs", "weights"])
def test_a_folder_in_place_of_a_runs_file_is_refused_before_it_is_repeated(rnnbench, tmp_path: Path, folder: str) -> None:
    command = ["run", *RUN.split(), "--quiet", "--out", "study"]
    assert rnnbench(*command).code == 0
    (file,) = (tmp_path / "study" / folder).iterdir()
    file.unlink()
    file.mkdir()
    result = rnnbench(*command, "--force")
    assert (result.code, result.out) == (2, "")
    assert f"cannot write study/{folder}/{file.name}: it is a folder; move it away and rerun the command" in result.err
    assert not any((tmp_path / "study" / "redo").iterdir())


def test_a_long_folder_for_temporary_files_is_named() -> None:
    assert "TMPDIR" in system_error_line(OSError("AF_UNIX path too long"))
