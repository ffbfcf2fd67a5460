"""Tests of study.toml: plot, table and report show a study's headline unless other runs are selected."""

import io
from pathlib import Path

import pandas as pd
import pytest

from rnnbench._cli.terminal import studies as terminal_studies
from rnnbench._study import StudyFolder
from rnnbench._sweep.grid import grid
from rnnbench._sweep.sweep_file import read_sweep
from tests.test_tune import outcome

REFERENCE = Path(__file__).parents[2] / "results" / "reference"
SWEEP = 'cell = ["rnn", "gru"]\ntask = "recall"\ngap = [5, 9]\nhidden_size = {}\nmax_steps = 2\neval_every = 1\n'


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """Make a study with two sweeps, of 8 and of 16 units; its headline names the first."""
    study = StudyFolder.create(tmp_path / "study").folder
    for units in (8, 16):
        (study / f"units{units}.toml").write_text(SWEEP.format(units))
    (study / "study.toml").write_text('headline = ["units8.toml"]\n')
    runs = [run for units in (8, 16) for run in grid(read_sweep(study / f"units{units}.toml", {}))]
    StudyFolder(study).finished_table.write(outcome(run, None, 0.5) for run in runs)
    return study


def labels(rnnbench, *words: str) -> set[str]:
    return set(pd.read_csv(io.StringIO(rnnbench("table", "study", "--format", "csv", *words).out))["label"])


def test_the_headline_is_shown_and_other_runs_are_reachable(rnnbench, study: Path) -> None:
    assert labels(rnnbench) == {"rnn", "gru"}
    assert labels(rnnbench, "--sweep", "study/units16.toml") == {"rnn", "gru"}
    assert "rnn (hidden_size 16)" in labels(rnnbench, "--all")
    line = "study: 4 of 8 runs, the headline of study/study.toml; --all shows all\n"
    assert rnnbench("table", "study").err == line
    assert rnnbench("table", "study", "--all").err == ""
    (study / "logs").rmdir()
    assert rnnbench("plot", "study", "--figure", "accuracy_by_gap").err == line
    assert rnnbench("report", "study", "--static").err == line
    wrong = rnnbench("table", "study", "--cell", "lstm")
    assert (wrong.code, wrong.out) == (2, "")
    assert wrong.err.endswith("there are gru, rnn; --all also reads the runs that are not in the headline\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("headline", "is not TOML"),
        ('headlines = ["units8.toml"]', "must have the one key headline"),
        ("headline = []", "must have the one key headline"),
        ('headline = ["../other.toml"]', "'../other.toml' is not a file in study"),
        ('headline = ["none.toml"]', "'none.toml' is not a file in study"),
        ('headline = ["link.toml"]', "is a link"),
        ('headline = ["elsewhere.toml"]', "tuned names a table outside study"),
        ('headline = ["endless.toml"]', "more than 100,000 runs"),
        ('headline = ["plugin.toml"]', "names the cell ./mine.py"),
        ('headline = ["not-run.toml"]', "no run of the headline of study/study.toml has finished"),
    ],
)
def test_a_headline_that_leads_elsewhere_or_is_damaged_is_refused(rnnbench, study: Path, text: str, message: str) -> None:
    (study / "link.toml").symlink_to(study / "units8.toml")
    (study / "elsewhere.toml").write_text(SWEEP.format(8) + f'tuned = "{REFERENCE / "tuning.csv"}"\n')
    (study / "endless.toml").write_text(SWEEP.format(8) + f"seed = {list(range(30_000))}\n")
    (study / "plugin.toml").write_text(SWEEP.format(8).replace('["rnn", "gru"]', '"./mine.py"'))
    (study / "mine.py").write_text("open('ran', 'w')")
    (study / "not-run.toml").write_text(SWEEP.format(4))
    (study / "study.toml").write_text(text)
    rnnbench("table", "study").refused(message)
    assert rnnbench("table", "study", "--all").code == 0
    assert not Path("ran").exists()


def test_the_reference_shows_the_four_curves_of_the_readme() -> None:
    runs = terminal_studies.read_runs([REFERENCE], terminal_studies.Selection(None, None, None))
    assert {tuple(pair) for pair in runs[["cell", "init"]].drop_duplicates().to_numpy()} == {
        ("rnn", "uniform"), ("rnn", "orthogonal"), ("lstm", "chrono"), ("gru", "chrono")
    }  # fmt: skip
    assert len(runs) < len(StudyFolder.open(REFERENCE).records())
