"""Fixtures of all tests: one torch thread (two test workers share two cores), a wide terminal, and the command line."""

import os
import re
from pathlib import Path

import pytest

os.environ.setdefault("COLUMNS", "200")
os.environ.setdefault("OMP_NUM_THREADS", "1")

from rnnbench._cli import main


class Result:
    def __init__(self, code: object, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    def refused(self, message: str = "") -> None:
        """Assert exit code 2, an empty stdout, and one plain line on stderr that contains the message."""
        assert (self.code, self.out, self.err.count("\n")) == (2, "", 1), (self.code, self.out[:300], self.err[-2000:])
        assert message in self.err
        assert not re.search("Traceback|Input should|Value error", self.err), "text of the validation library"
        assert len(self.err) < 1000


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
