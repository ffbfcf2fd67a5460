"""The curse of memory, on a unit with known slopes and on built-in cells."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench._cell import Cell, State
from rnnbench._config import RunRequest
from rnnbench._spec.resolve import Resolved, resolve
from rnnbench._training.model import stream
from rnnbench.insight._load import build_initialised
from rnnbench.insight._sensitivity import SENSITIVITY_COLUMNS, growth_exponents, parameter_sensitivity
from rnnbench.plots import plot_sensitivity


def resolved(cell: str, gap: int, **changes: object) -> Resolved:
    return resolve(RunRequest.model_validate({"task": "recall", "cell": cell, "gap": gap, "hidden_size": 16} | changes))


def measured(cell: str, gap: int, **changes: object) -> dict:
    run = resolved(cell, gap, **changes)
    return parameter_sensitivity(build_initialised(run, torch.float64), run)


class Unit(Cell):
    """The unit of the theory: h = a h + x, with nothing that shuts the input."""

    name = "unit"
    summary = "a linear unit"

    def __init__(self, input_size: int, hidden_size: int, a: float) -> None:
        super().__init__(input_size, hidden_size)
        self.a = nn.Parameter(torch.full((hidden_size,), a, dtype=torch.float64))
        self.embedding = nn.Parameter(torch.randn(hidden_size, input_size, dtype=torch.float64, generator=stream(0, "test")))

    def step(self, x: Tensor, state: State) -> tuple[State, dict[str, Tensor]]:
        return (self.a * state[0] + F.linear(x.double(), self.embedding),), {}


def unit(gap: int) -> dict:
    run = resolved("rnn", gap)
    model = build_initialised(run, torch.float64)
    model.cell = Unit(model.cell.input_size, 16, 1 - 1 / gap)
    return parameter_sensitivity(model, run)


def test_a_long_memory_makes_a_linear_unit_sensitive_though_its_gradient_is_bounded() -> None:
    frame = pd.DataFrame([unit(gap) for gap in (10, 40, 160)])
    assert growth_exponents(frame)["exponent"].item() > 0.8
    assert frame["through_time"].max() < 1.2 * frame["through_time"].min()  # (1 - 1 / gap) ** gap is about 1 / e


def test_chrono_stays_level_and_a_vanilla_rnn_forgets() -> None:
    lstm, rnn = (pd.DataFrame([measured(cell, gap) for gap in (5, 20, 80)]) for cell in ("lstm", "rnn"))
    assert abs(growth_exponents(lstm)["exponent"].item()) < 0.3
    assert lstm["through_time"].iloc[-1] > 0.5 * lstm["through_time"].iloc[0]  # the gradient does not vanish
    assert rnn["through_time"].iloc[-1] < 1e-6 * rnn["through_time"].iloc[0]


def test_a_readout_twice_as_large_is_twice_as_sensitive() -> None:
    run = resolved("gru", 3)
    model = build_initialised(run, torch.float64)
    row = parameter_sensitivity(model, run, sequences=1)
    with torch.no_grad():
        for parameter in model.readout.parameters():
            parameter *= 2
    assert parameter_sensitivity(model, run, sequences=1)["sensitivity"] == pytest.approx(2 * float(row["sensitivity"]))
    assert tuple(row) == SENSITIVITY_COLUMNS


def test_the_memoryless_network_has_no_gradient_through_time() -> None:
    row = measured("memoryless", 10)
    assert row["through_time"] == 0 or math.isnan(row["through_time"])


def test_the_figure_has_a_curve_per_cell() -> None:
    frame = pd.DataFrame([measured(cell, gap) for cell in ("lstm", "rnn") for gap in (3, 9)])
    left, right = plot_sensitivity(frame).axes
    assert {line.get_label() for line in left.lines} - {"_end"} == {"lstm (chrono)", "rnn (uniform)"}
    assert "state" in right.get_title()


def test_the_command_prints_the_growth_and_saves_table_and_figure(rnnbench, tmp_path: Path) -> None:
    result = rnnbench(
        "sensitivity", "--cell", "gru", "--gap", "3,9", "--seed", "0", "--hidden-size", "8", "--out", "made", "--quiet"
    )
    assert result.code == 0
    assert re.search(r"gru \(chrono\): sensitivity (grows|falls) like gap to the power of -?\d", result.out)
    assert pd.read_csv(tmp_path / "made" / "sensitivity_recall.csv")["gap"].tolist() == [3, 9]
    assert (tmp_path / "made" / "sensitivity_recall.svg").exists()


@pytest.mark.parametrize("cell", ["memoryless", "transformer"])
def test_a_cell_without_a_slope_in_the_state_has_a_figure_that_says_so(rnnbench, tmp_path: Path, cell: str) -> None:
    words = ("--cell", cell, "--gap", "3,9", "--seed", "0", "--hidden-size", "8", "--out", "made", "--quiet")
    result = rnnbench("sensitivity", *words)
    assert (result.code, result.err) == (0, "")
    table = pd.read_csv(tmp_path / "made" / "sensitivity_recall.csv")
    assert (table["sensitivity"] > 0).all()
    assert not (table["through_time"] > 0).any()
    left, right = plot_sensitivity(table).axes
    texts = [[text.get_text() for text in panel.texts if "1e-12" in text.get_text()] for panel in (left, right)]
    assert texts == [[], ["no slope above 1e-12"]]
