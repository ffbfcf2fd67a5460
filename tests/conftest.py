"""Fixtures of all tests: one torch thread (two test workers share two cores), a wide terminal, commands here or in a process."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
import typer.main

os.environ.setdefault("COLUMNS", "200")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from rnnbench._cli import main
from tests.sweep.processes import ROOT, Start, group_alive

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # a shell script starts `pytest &` so, and commands would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


class Result:
    def __init__(self, code: object, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def refused(self, message: str = "") -> None:
        """Assert exit code 2, an empty stdout, and one plain line on stderr that contains the message."""
        assert (self.code, self.out, self.err.count("\n")) == (2, "", 1), (self.code, self.out[:300], self.err[-2000:])
        assert message in self.err
        assert not re.search("Traceback|Input should|Value error", self.err), "text of the validation library"
        assert len(self.err) < 1000


built = cache(typer.main.get_command)
"""Commands with their parameters, which Typer builds again at every call of an app."""


@pytest.fixture
def rnnbench(capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("typer.main.get_command", built)

    def call(*argv: str) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Result(stop.value.code, captured.out, captured.err)

    return call


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Start a command in its own process group, which is killed when the test ends."""
    started = []

    def call(*argv: object, module: str = "rnnbench", path: Path = ROOT) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", module, *map(str, argv)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(path), "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        started.append(process)
        return process

    yield call
    for process in started:
        if group_alive(process):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
