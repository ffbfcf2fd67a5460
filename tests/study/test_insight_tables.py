"""The committed tables of the analysis commands and of verdicts are read, and written again byte for byte."""

import csv
from pathlib import Path

import pytest

from rnnbench._claims.claim import VerdictRow
from rnnbench._study import Record, Table, Tuned, insight_tables

RESULTS = Path(__file__).parents[2] / "results"
TABLES = {
    "why/gradients_*.csv": insight_tables.GradientRow,
    "why/gates_*.csv": insight_tables.GateRow,
    "why/half_lives_*.csv": insight_tables.HalfLifeRow,
    "why/constructions.csv": insight_tables.ConstructionRow,
    "why/train_from.csv": insight_tables.TrainFromRow,
    "why/sensitivity_*.csv": insight_tables.SensitivityRow,
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


def test_tuning_tables_of_earlier_versions_keep_their_values(tmp_path: Path) -> None:
    paths = sorted(RESULTS.glob("*/tuning.csv"))
    assert paths
    for path in paths:
        copy = Table(tmp_path / "copy.csv", Tuned)
        copy.write(Table(path, Tuned).rows())
        with copy.path.open() as written, path.open() as committed:
            pairs = list(zip(csv.DictReader(written), csv.DictReader(committed), strict=True))
        assert all(new.items() >= old.items() for new, old in pairs)


def test_a_guess_is_found_by_its_options_in_any_order() -> None:
    (path,) = RESULTS.glob("why/guess.csv")
    rows = Table(path, insight_tables.GuessRow).rows()
    assert len(rows) == 80
    values = rows[0].model_dump()
    assert insight_tables.GuessRow.key_of(values | {"option": dict(reversed(values["option"].items()))}) == rows[0].key
