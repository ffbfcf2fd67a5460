"""What the machine does to a command: Ctrl-C before it is loaded, a full disk behind stdout, no folder that may be written to."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rnnbench._study import StudyFolder
from rnnbench._sweep.status import run_states
from tests.sweep.processes import DEADLINE, ROOT, SMALL, Start, group_alive, wait_for

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals and files as POSIX has them")

RUN = ["run", "--cell", "rnn", "--task", "beijing", "--gap", "2", "--max-steps", "4", *SMALL]


def call(folder: Path, *argv: str, stdout: object = subprocess.PIPE, **environment: str) -> subprocess.CompletedProcess:
    """Run a command to its end."""
    env = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"} | environment
    command = [sys.executable, "-m", "rnnbench", *argv]
    return subprocess.run(
        command, cwd=folder, env=env, stdout=stdout, stderr=subprocess.PIPE, text=True, timeout=DEADLINE, check=False
    )


@pytest.mark.parametrize("after", [0.02, 0.05, 0.1, 0.3])
def test_ctrl_c_while_the_command_line_is_loaded_is_one_line(tmp_path: Path, after: float) -> None:
    """Wait for the first import of rnnbench; what Python does before that cannot be handled here."""
    code = (
        "import sys, signal, os, threading\n"
        "from rnnbench.__main__ import main\n"
        f"threading.Timer({after}, os.kill, (os.getpid(), signal.SIGINT)).start()\n"
        "sys.argv = ['rnnbench', 'guess', '--quiet']\n"
        "main()\n"
    )
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=env, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 130
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("rnnbench: stopped")


def test_ctrl_c_at_the_start_of_a_sweep_is_quiet(start: Start, tmp_path: Path) -> None:
    sweeps, long = [], ["--cell", "rnn", "--task", "copy", "--gap", "10", "--max-steps", "100000", *SMALL]
    for wait in (0.4, 0.8, 1.4, 2.0):
        sweep = start("sweep", *long, "--out", f"s{wait}")
        time.sleep(wait + random.uniform(0, 0.2))
        os.killpg(sweep.pid, signal.SIGINT)  # as a terminal does: to the whole group
        sweeps.append(sweep)
    for sweep in sweeps:
        _, err = sweep.communicate(timeout=DEADLINE)
        assert sweep.returncode in (130, -signal.SIGINT), err
        lines = [line for line in err.splitlines() if not line.startswith(("1 run, ", "lr ", "["))]
        assert lines in ([], *([line] for line in lines if line.startswith("rnnbench: stopped"))) or "site" in err, err
        wait_for(lambda sweep=sweep: not group_alive(sweep))


def test_a_forkserver_that_dies_fails_no_run(start: Start, tmp_path: Path) -> None:
    sweep = start("sweep", "--cell", "rnn", "--task", "copy", "--gap", "10", "--max-steps", "500", *SMALL, "--out", "study")
    study = tmp_path / "study"
    wait_for(lambda: study.exists() and run_states(StudyFolder(study), None).running)
    (server,) = [pid for pid in children(sweep.pid) if "forkserver" in Path(f"/proc/{pid}/cmdline").read_text()]
    os.kill(server, signal.SIGKILL)
    _, err = sweep.communicate(timeout=DEADLINE)
    assert sweep.returncode in (0, 1), err
    assert "Traceback" not in err
    assert StudyFolder(study).failures.rows() == []


def children(pid: int) -> list[int]:
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device of Linux")
@pytest.mark.parametrize("argv", [["table", "good", "--format", "csv"], ["tasks"]], ids=" ".join)
def test_a_full_disk_behind_stdout_is_one_line(studies: Path, argv: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = call(studies.parent, *argv, stdout=full)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1, done.stderr
    assert "No space left" in done.stderr


def test_a_closed_pipe_is_quiet(studies: Path, tmp_path: Path) -> None:
    plot = ["plot", "good", "--out", str(tmp_path)]  # which reports other errors as those of the folder
    for argv in (["table", "good"], plot):
        reading, writing = os.pipe()
        os.close(reading)
        done = call(studies.parent, *argv, stdout=writing, PYTHONUNBUFFERED="1" if argv == plot else "")
        os.close(writing)
        assert done.stderr == ""
        assert done.returncode == 1


@pytest.mark.parametrize(("engine", "messages"), [("auto", 1), ("torch", 0)])
def test_a_user_who_may_write_to_the_study_alone(tmp_path: Path, engine: str, messages: int) -> None:
    """No home, and a package whose folders take nothing: a file stands where each would have its cache, which stops root too."""
    for name in ("rnnbench", "tasks"):
        shutil.copytree(ROOT / name, tmp_path / "lib" / name, ignore=shutil.ignore_patterns("__pycache__"))
        for folder in (tmp_path / "lib" / name, *(path for path in (tmp_path / "lib" / name).rglob("*") if path.is_dir())):
            (folder / "__pycache__").write_text("")
    nowhere = dict.fromkeys(("HOME", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME"), "/dev/null")
    home = {"PYTHONPATH": str(tmp_path / "lib"), "PYTHONDONTWRITEBYTECODE": "1"}
    done = call(tmp_path, *RUN, "--engine", engine, "--quiet", "--out", "study", **nowhere, **home)
    assert done.returncode == 0, done.stderr
    assert sum("no cache folder" in line for line in done.stderr.splitlines()) == messages
    assert "Traceback" not in done.stderr
    assert len(StudyFolder(tmp_path / "study").records()) == 1


def test_status_never_keeps_a_run_from_starting(tmp_path: Path) -> None:
    study = StudyFolder.create(tmp_path / "study")
    code = "import sys\nfrom rnnbench._study import StudyFolder\ns = StudyFolder(sys.argv[1])\nwhile True: s.claimed('a-run')\n"
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    hammers = [subprocess.Popen([sys.executable, "-c", code, study.folder], env=env) for _ in range(2)]
    try:
        end = time.monotonic() + 2
        claims = 0
        while time.monotonic() < end or not claims:
            with study.claim("a-run"):  # BusyError if a look were in its way
                claims += 1
    finally:
        for hammer in hammers:
            hammer.kill()
            hammer.wait()
