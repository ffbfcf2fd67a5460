"""The environments that people have: narrow encodings, no locks, a notebook's variables, logs, and what only POSIX has."""

import errno
import fcntl
import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rnnbench._cli import main
from rnnbench._cli.terminal.console import stderr_console
from rnnbench._errors import UserError
from rnnbench._spec.resolve import rebuild
from rnnbench._study import StudyFolder
from rnnbench._study.atomic import locked
from rnnbench._sweep.status import run_states
from rnnbench._training.runner import Runner
from tests.sweep.processes import ROOT

NARROW = ["cp1252", "ascii", "cp437", "gbk", "latin-1"]


@pytest.mark.parametrize("encoding", NARROW)
@pytest.mark.parametrize(
    ("command", "similar"),
    [("table good --spans --format markdown", ">="), ("show beijing --gap 2 --language zh", "?"), ("tasks", ""), ("cells", "")],
)
def test_output_in_a_narrow_encoding(
    encoding: str, command: str, similar: str, studies: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(studies.parent)
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True) for _ in range(2))
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    with pytest.raises(SystemExit) as stop:
        main(command.split())
    monkeypatch.undo()
    written, messages = (stream.buffer.getvalue().decode("utf-8" if encoding == "ascii" else encoding) for stream in (out, err))
    assert stop.value.code == 0
    assert written
    if encoding in ("cp1252", "latin-1"):  # typer writes UTF-8 in place of ASCII; the others have some of the characters
        assert similar in written
        assert (f"? stands for characters that {encoding} lacks" in messages) == (similar == "?")


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, 524])
def test_a_file_system_without_locks_is_named_and_no_run_seems_to_be_running(
    number: int, studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = StudyFolder.create(tmp_path / "study")
    run = StudyFolder(studies).records()[0].run
    halfway = Runner(rebuild(run), study)
    halfway.stop()
    list(halfway.rows())

    def without_locks(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", without_locks)
    with pytest.raises(UserError, match=r"has no locks \(.*\), so .*: choose a folder on a local disk with --out"):
        StudyFolder.create(tmp_path / "study")
    states = run_states(StudyFolder.open(tmp_path / "study"), None)
    assert (states.running, states.interrupted) == ([], [run.run_id])


def test_a_lock_that_is_held_is_seen_and_an_absent_one_is_not_created(tmp_path: Path) -> None:
    study = StudyFolder.create(tmp_path)
    with study.claim("a-run"):
        assert study.claimed("a-run")
    assert not study.claimed("a-run")
    assert not locked(tmp_path / "none.lock")
    assert not (tmp_path / "none.lock").exists()


def test_a_notebooks_backend_is_ignored(rnnbench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "module://not_installed_here")
    assert rnnbench("tasks").code == 0
    assert "MPLBACKEND" not in os.environ


@pytest.mark.parametrize(
    ("terminal", "variables", "redraws"),
    [
        (True, {}, True),
        (True, {"CI": "true"}, False),
        (True, {"JPY_PARENT_PID": "1"}, False),
        (False, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_a_log_gets_lines_and_only_a_terminal_a_redrawn_bar(
    terminal: bool, variables: dict[str, str], redraws: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CI", "JPY_PARENT_PID", "FORCE_COLOR", "NO_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert stderr_console().is_terminal == redraws


WITHOUT_POSIX = """
import multiprocessing, os, signal, sys
if __name__ == "__main__":
    sys.modules["fcntl"] = None
    del signal.SIGHUP, signal.pthread_sigmask, signal.SIGKILL
    del os.sched_getaffinity
    multiprocessing.get_all_start_methods = lambda: ["spawn"]
    from rnnbench._cli import main
    main(sys.argv[1:])
"""


def test_a_sweep_without_what_only_posix_has(tmp_path: Path) -> None:
    """Hide forkserver, fcntl, SIGHUP and CPU affinity, as on Windows; the processes of the runs have them."""
    (tmp_path / "script.py").write_text(WITHOUT_POSIX)
    small = ["--hidden-size", "4", "--batch-size", "4", "--max-steps", "2", "--eval-sequences", "1000", "--engine", "torch"]
    command = [sys.executable, "script.py", "sweep", "--cell", "memoryless", "--task", "beijing", "--gap", "2", "--jobs", "1"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, *small, "--out", "study"], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=150, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert len(StudyFolder(tmp_path / "study").records()) == 1
