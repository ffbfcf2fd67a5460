"""Fixtures of all tests: one torch thread (two test workers share two cores), a wide terminal, and the command line."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("COLUMNS", "200")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from rnnbench._cli import main


class Result:
    def __init__(self, code: object, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err


@pytest.fixture
def rnnbench(capsys: pytest.CaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Run a command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*argv: str) -> Result:
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(word) for word in argv])
        captured = capsys.readouterr()
        return Result(stop.value.code, captured.out, captured.err)

    return call
