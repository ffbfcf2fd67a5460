"""The numbers of docs/gpu.md are those of the committed measurement."""

from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "gpu.md").read_text(encoding="utf-8")
TEXT = " ".join(PAGE.split())
WAYS = {"cudnn": "cuDNN"}


@pytest.fixture(scope="module")
def times() -> pd.DataFrame:
    lines = (ROOT / "tests" / "benchmarks" / "cuda_time.txt").read_text(encoding="utf-8").splitlines()
    rows = [line.split() for line in lines]
    names = ("cell", "H", "gap", "cpu", "way", "gpu", "loop", "cpu_ratio", "loop_ratio", "outputs", "gradients")
    frame = pd.DataFrame([row for row in rows if len(row) == len(names) and row[1].isdigit()], columns=names)
    assert len(frame) == 36
    return frame


def test_the_table_is_that_of_gap_200(times: pd.DataFrame) -> None:
    shown = [line for line in PAGE.splitlines() if line.startswith("| `") and line.count("|") == 7]
    rows = times[times["gap"] == "200"].itertuples()
    assert shown == [f"| `{r.cell}` | {r.H} | {r.cpu} | {r.gpu} | {WAYS.get(r.way, r.way)} | {r.loop} |" for r in rows]


def test_the_sentences_fit_the_rows(times: pd.DataFrame) -> None:
    numbers = times.apply(lambda column: pd.to_numeric(column, errors="coerce"))
    cudnn = times["way"] == "cudnn"
    narrow, wide = (numbers[cudnn & (numbers["H"] == H)] for H in (64, 256))
    near = narrow[narrow["gap"] <= 200]["cpu_ratio"]
    assert f"{near.min():.0f} to {near.max():.0f} times as fast" in TEXT
    assert f"and {wide['cpu_ratio'].min():.0f} to {wide['cpu_ratio'].max():.0f} times with 256 units" in TEXT
    assert (
        f"It is {numbers[cudnn]['loop_ratio'].min():.0f} to {numbers[cudnn]['loop_ratio'].max():.0f} times as fast as the loop"
        in TEXT
    )
    loops = numbers.dropna(subset="loop")
    slower = loops["loop"] / loops["cpu"]
    assert f"in all {(slower > 1).sum()} rows, up to {slower[loops['H'] == 64].max():.0f} times with 64 units" in TEXT
    far = numbers[(numbers["H"] == 256) & (numbers["gap"] == 1000)].assign(cell=times["cell"]).set_index("cell")["cpu_ratio"]
    gain = "`mamba` is {:.0f} times as fast as on one core, `deltanet` {:.0f} times and `transformer` {:.0f} times"
    assert gain.format(*far[["mamba", "deltanet", "transformer"]]) in TEXT
    assert numbers["outputs"].max() <= 5e-6
    assert f"gradients by at most {numbers['gradients'].max():.1e}".replace("e-06", "e-6") in TEXT
