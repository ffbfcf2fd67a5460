"""The fixture ``start``: commands in separate processes that tests can kill."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sweep.processes import ROOT, Start, group_alive


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
