"""Fixtures: two studies with two cells on two tasks; the name of one cell is HTML."""

from pathlib import Path

import pandas as pd
import pytest

from rnnbench._report import build_page
from tests.plots.study import made_up

HOSTILE = "<script>alert(1)"
"""The name of a cell; the run_ids also close the surrounding tag."""


@pytest.fixture(scope="session")
def runs() -> pd.DataFrame:
    rows = [
        {"task": task, "cell": cell, "gap": gap, "seed": seed, "lr": lr, "option": '{"symbols": 3}' if task == "copy" else "{}"}
        | {"steps_to_solve": 10.0 * gap if cell == "lstm" or gap == 5 else None, "study": study}
        | {"accuracy": None if cell == "lstm" or gap == 5 else 0.2 + 0.1 * seed}
        for task in ("copy", "recall")
        for cell, study in (("lstm", "one"), (HOSTILE, "two"))
        for gap in (5, 10, 20)
        for seed in range(3)
        for lr in (0.01, 0.001)
    ]
    runs = made_up(rows)
    return runs.assign(run_id="</script><script>alert(2)</script>" + runs["run_id"])


@pytest.fixture(scope="session")
def logs(runs: pd.DataFrame) -> pd.DataFrame:
    return pd.concat([runs.assign(step=10 * k, accuracy=0.1 * k) for k in range(1, 10)], ignore_index=True)


@pytest.fixture(scope="session")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two studies; the first has a table of an analysis command."""
    home = tmp_path_factory.mktemp("studies")
    for name in ("one", "two"):
        (home / name).mkdir()
    gradients = pd.DataFrame({"distance": range(6), "grad_state": [0.5**k for k in range(6)]})
    gradients = gradients.assign(
        cell=HOSTILE, init="uniform", task="copy", gap=5, when="initial", grad_hidden=1.0, grad_input=1.0, bound=float("nan")
    )
    gradients.to_csv(home / "one" / "gradients_copy_gap5.csv", index=False)
    return [home / "one", home / "two"]


@pytest.fixture(scope="session")
def page(folders: list[Path], runs: pd.DataFrame, logs: pd.DataFrame) -> str:
    return build_page(folders, runs, logs)
