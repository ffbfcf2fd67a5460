"""The committed tables of the analysis commands, of tuning and of verdicts are read, and written again byte for byte."""

from pathlib import Path

import pytest

from rnnbench._claims.claim import VerdictRow
from rnnbench._study import Record, Table, insight_tables
from rnnbench._sweep.recipes import Tuned

RESULTS = Path(__file__).parents[2] / "results"
TABLES = {
    "why/gradients_*.csv": insight_tables.GradientRow,
    "why/gates_*.csv": insight_tables.GateRow,
    "why/half_lives_*.csv": insight_tables.HalfLifeRow,
    "why/constructions.csv": insight_tables.ConstructionRow,
    "why/train_from.csv": insight_tables.TrainFromRow,
    "why/sensitivity_*.csv": insight_tables.SensitivityRow,
    "*/tuning.csv": Tuned,
    "reference/verdicts.csv": VerdictRow,
}


@pytest.mark.parametrize("pattern", TABLES)
def test_committed_tables_are_read_and_written_byte_for_byte(tmp_path: Path, pattern: str) -> None:
    cls: type[Record] = TABLES[pattern]
    paths = sorted(RESULTS.glob(pattern))
    assert paths
    for path in paths:
        copy = Table(tmp_path / "copy.csv", cls)
        copy.write(Table(path, cls).rows())
        assert copy.path.read_bytes() == path.read_bytes()
        if "option" not in cls.columns():  # DataFrames hold options as text
            copy.write_frame(Table(path, cls).frame())
            assert copy.path.read_bytes() == path.read_bytes()


def test_a_guess_is_found_by_its_options_in_any_order() -> None:
    (path,) = RESULTS.glob("why/guess.csv")
    rows = Table(path, insight_tables.GuessRow).rows()
    assert len(rows) == 80
    values = rows[0].model_dump()
    assert insight_tables.GuessRow.key_of(values | {"option": dict(reversed(values["option"].items()))}) == rows[0].key
