"""A study with one finished run, to be copied and spoilt."""

from pathlib import Path

import pytest

from rnnbench._api import run


@pytest.fixture(scope="session")
def studies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("study") / "good"
    small = {"hidden_size": 4, "batch_size": 4, "max_steps": 2, "eval_sequences": 1000, "engine": "torch"}
    run(cell="rnn", task="beijing", gap=2, out=folder, progress=False, **small)
    return folder
