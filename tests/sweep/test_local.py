"""Tests that a sweep survives a kill, crashing runs, and Ctrl-C."""

import errno
import itertools
import os
import random
import signal
import time
from pathlib import Path

import pytest

from rnnbench._config import SweepRequest
from rnnbench._errors import StorageError
from rnnbench._study import StudyFolder
from rnnbench._sweep.grid import grid
from rnnbench._sweep.local import Local
from rnnbench._sweep.run_queue import RunQueue
from rnnbench._sweep.status import run_states
from rnnbench._training.interrupt import interruptible
from tests.sweep.processes import DEADLINE, SMALL, Start, group_alive, plain, runs, wait_for

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

TWELVE = ["--cell", "rnn,lstm", "--task", "beijing", "--gap", "5,10", "--seed", "0,1,2", "--jobs", "2", *SMALL]
TWELVE += ["--max-steps", "120", "--eval-every", "10", "--eval-sequences", "1024"]
TWELVE += ["--lr", "0.0001"]  # too low to solve any before its budget is used up


def lines(folder: Path) -> int:
    """Return the number of evaluations in the logs."""
    return sum(path.read_bytes().count(b"\n") for path in (folder / "logs").glob("*.csv"))


def logs(folder: Path) -> dict:
    return {path.stem: plain(StudyFolder(folder).log(path.stem)) for path in (folder / "logs").glob("*.csv")}


def test_a_sweep_that_is_killed_repeatedly_ends_with_the_same_runs(rnnbench, start: Start, tmp_path: Path) -> None:
    assert rnnbench("sweep", *TWELVE, "--out", "calm").code == 0
    chance, killed = random.Random(5), tmp_path / "killed"
    for wait in (False, True):
        sweep = start("sweep", *TWELVE, "--out", "killed")
        moment = lines(killed) + chance.randint(20, 40)  # of 156 lines in all
        wait_for(lambda moment=moment: lines(killed) >= moment)
        time.sleep(chance.uniform(0, 0.05))
        sweep.kill()
        sweep.wait()
        if wait:  # else the next sweep may meet the old workers
            wait_for(lambda sweep=sweep: not group_alive(sweep))
    assert 0 < len(runs(killed)) < 12, "the kills should come in the middle"
    assert rnnbench("sweep", *TWELVE, "--out", "killed").code == 0
    assert runs(killed) == runs(tmp_path / "calm")
    assert len(runs(killed)) == 12
    assert logs(killed) == logs(tmp_path / "calm")
    assert not list((killed / "checkpoints").iterdir())


def bad_cell(folder: Path, name: str, body: str) -> str:
    """Write a cell file whose network fails in the given way as soon as it is used."""
    path = folder / f"{name}.py"
    path.write_text(
        "import os, resource, signal, torch\nfrom rnnbench.cells.rnn import CELL as Rnn\n"
        f"class Bad(Rnn):\n    name = '{name}'\n"
        f"    def states(self, inputs, first=0):\n        {body}\n        return super().states(inputs, first)\nCELL = Bad\n"
    )
    return str(path)


def test_runs_that_crash_are_recorded_and_do_not_affect_others(rnnbench, tmp_path: Path) -> None:
    fixed = tmp_path / "fixed"
    cells = [
        bad_cell(tmp_path, "segv", f"os.path.exists({str(fixed)!r}) or os.kill(os.getpid(), signal.SIGSEGV)"),
        bad_cell(tmp_path, "kill", "os.kill(os.getpid(), signal.SIGKILL)"),
        bad_cell(tmp_path, "memory", "raise MemoryError"),
        bad_cell(tmp_path, "limit", "resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33)); torch.ones(2**33)"),
        bad_cell(tmp_path, "error", "raise RuntimeError('two\\n words')"),
        bad_cell(tmp_path, "exit", "os._exit(0)"),
    ]
    flags = ["--task", "beijing", "--gap", "5", "--max-steps", "20", "--eval-every", "10", *SMALL, "--out", "study"]
    sweep = rnnbench("sweep", "--cell", ",".join([*cells, "rnn", "lstm"]), "--jobs", "2", *flags)
    study = tmp_path / "study"
    assert sweep.code == 3
    assert {row.cell for row in StudyFolder(study).records()} == {"rnn", "lstm"}
    failed = {row.cell: row for row in StudyFolder(study).failures.rows()}
    assert {name: row.reason.split(":")[0] for name, row in failed.items()} == {
        "segv": "segmentation fault (signal 11)",
        "kill": "killed (signal 9)",
        "memory": "out of memory",
        "limit": "out of memory",
        "error": "error",  # the cell's name: the checks before the run failed
        "exit": "ended with exit code 0 before it had a result",
    }
    assert failed["error"].reason == "error: error.py, line 6: RuntimeError: two words"
    assert (failed["segv"].exit_code, failed["kill"].exit_code) == (-11, -9)
    assert "6 failed" in sweep.out
    assert "failed: segmentation fault" in sweep.err

    status = rnnbench("status", "study").out
    assert "done         2" in status
    assert "segmentation fault (signal 11)" in status
    assert "to do        0" in status

    fixed.touch()
    again = rnnbench("sweep", "--cell", ",".join([cells[0], "rnn"]), *flags)
    assert "--retry-failed tries them again" in again.out
    assert again.code == 3
    assert rnnbench("sweep", "--cell", ",".join([cells[0], "rnn"]), *flags, "--retry-failed").code == 0
    assert len(runs(study)) == 3
    assert len(StudyFolder(study).failures.rows()) == 5


def test_fail_fast_stops_at_the_first_failure(rnnbench, tmp_path: Path) -> None:
    cell = bad_cell(tmp_path, "error", "raise RuntimeError('no')")
    flags = ["--task", "beijing", "--gap", "5,10", "--max-steps", "20", *SMALL, "--out", "study", "--jobs", "1"]
    assert rnnbench("sweep", "--cell", f"{cell},rnn", *flags, "--fail-fast").code == 3
    assert len(StudyFolder(tmp_path / "study").failures.rows()) == 1
    assert runs(tmp_path / "study") == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_sweep_stopped_by_ctrl_c_can_resume(rnnbench, start: Start, tmp_path: Path, number: int, code: int) -> None:
    long = ["--cell", "memoryless,rnn", "--task", "copy", "--gap", "10", "--max-steps", "100000", "--eval-every", "30", *SMALL]
    sweep = start("sweep", *long, "--jobs", "2", "--out", "study")
    study = tmp_path / "study"
    wait_for(lambda: len(list((study / "checkpoints").glob("*.pt"))) == 2)
    if number in (signal.SIGINT, signal.SIGHUP):
        os.killpg(sweep.pid, number)  # as a terminal does: to the whole group
    else:
        sweep.send_signal(number)
    assert sweep.wait(DEADLINE) == code
    assert "the same command resumes from here" in sweep.communicate()[0]
    wait_for(lambda: not group_alive(sweep))
    ends = [StudyFolder(study).log(path.stem)[-1] for path in (study / "logs").glob("*.csv")]
    assert [row.status for row in ends] == ["interrupted", "interrupted"]
    assert "interrupted  2" in rnnbench("status", "study").out


def test_a_file_of_the_users_folder_replaces_no_module_of_a_sweep(start: Start, tmp_path: Path) -> None:
    for name in ("random", "signal", "socket", "tempfile"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('imported')\n")
    flags = ["--task", "beijing", "--gap", "2", "--max-steps", "2", *SMALL, "--out", "study"]
    sweep = start("sweep", "--cell", "memoryless", *flags)
    _, err = sweep.communicate(timeout=DEADLINE)
    assert sweep.returncode == 0, err
    assert "imported" not in err


def test_a_sweep_that_cannot_start_a_process_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))

    runs = grid(SweepRequest.model_validate({"cell": "memoryless", "task": "beijing", "gap": [2, 3]}))
    workers = Local(RunQueue(StudyFolder.create(tmp_path / "study"), runs), jobs=2)
    monkeypatch.setattr("rnnbench._sweep.local._check_descriptors", full)
    with pytest.raises(StorageError, match=r"cannot start a process for a run .*: use fewer --jobs, or raise `ulimit -n`"):
        list(itertools.islice(workers.events(), 100))
    assert len(workers.run_queue.queue) == 2


def test_a_signal_that_nohup_ignores_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible(lambda: None) as seen:
            os.kill(os.getpid(), signal.SIGHUP)
            assert seen == []
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        with interruptible(lambda: None) as seen:
            for _ in range(2):  # the shell and the terminal both send it
                os.kill(os.getpid(), signal.SIGHUP)
            assert seen == [signal.SIGHUP]
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def test_workers_end_when_the_driver_is_killed(start: Start, tmp_path: Path) -> None:
    silent = ["--cell", "rnn", "--task", "copy", "--gap", "10", "--seed", "0,1", "--max-steps", "10000000", *SMALL]
    sweep = start("sweep", *silent, "--eval-every", "10000000", "--jobs", "2", "--out", "study")
    study = StudyFolder(tmp_path / "study")
    wait_for(lambda: len(run_states(study, None).running) == 2)
    sweep.kill()
    sweep.wait()
    wait_for(lambda: not group_alive(sweep))


def test_two_sweeps_share_a_study(rnnbench, start: Start, tmp_path: Path) -> None:
    other = start("sweep", *TWELVE, "--max-steps", "20", "--out", "study")
    wait_for(lambda: lines(tmp_path / "study"))
    assert rnnbench("sweep", *TWELVE, "--max-steps", "20", "--out", "study").code == 0
    assert other.wait(DEADLINE) == 0
    assert len(runs(tmp_path / "study")) == 12
