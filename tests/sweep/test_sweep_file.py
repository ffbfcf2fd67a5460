"""Tests of sweep files: their content, flags that replace it, and messages about mistakes."""

from pathlib import Path

import pytest

from rnnbench._errors import UserError
from rnnbench._sweep.sweep_file import read_sweep

GOOD = """
cell = ["rnn", "lstm"]
task = "copy"
gap = [10, 20]
max_steps = 50
[option]
symbols = 5
"""


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = Path("study.toml")
    path.write_text(GOOD)
    return path


def test_flags_replace_values_of_the_file(file: Path) -> None:
    sweep = read_sweep(file, {"gap": [30], "lr": [1]})
    assert (sweep.cell, sweep.task, sweep.gap, sweep.lr) == (["rnn", "lstm"], ["copy"], [30], [1.0])
    assert sweep.model_dump()["option"] == {"symbols": 5}
    assert sweep.model_dump()["max_steps"] == 50


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("gaps = [5]", "study.toml, line 9: unknown key 'gaps': did you mean 'gap'?"),
        ("hidden-size = 5", "study.toml, line 9: unknown key 'hidden-size': did you mean 'hidden_size'?"),
        ("[recipes]\nlr = 1", "study.toml, line 9: unknown key 'recipes'"),
        ("seed = [0, 'x']", "study.toml, line 9: seed (value 2) must be a whole number, not 'x'"),
        ("lr = [-1.0]", "study.toml, line 9: lr must be above 0, not -1.0"),
        ("hidden_size = 0", "study.toml, line 9: hidden_size must be at least 1, not 0"),
        ("optimizer = 'adm'", "study.toml, line 9: optimizer must be 'adam', 'rmsprop' or 'sgd', not 'adm'"),
        ("seed = [0", "study.toml is not TOML: Unclosed array (at "),
    ],
)
def test_a_mistake_is_reported_with_key_line_and_suggestion(file: Path, text: str, message: str) -> None:
    file.write_text("\n# a comment\ncell = 'rnn'\ntask = 'copy'\ngap = [10, 20]\nmax_steps = 50\n\n\n" + text)
    with pytest.raises(UserError) as error:
        read_sweep(file, {})
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_a_missing_key_and_a_wrong_flag_are_reported(file: Path) -> None:
    with pytest.raises(UserError, match="a sweep needs a task: give --task, or `task = "):
        read_sweep(None, {"cell": ["rnn"]})
    with pytest.raises(UserError, match=r"^--hidden-size must be at least 1, not 0$"):
        read_sweep(file, {"hidden_size": 0})
    with pytest.raises(UserError, match=r"cannot read sweep file none\.toml: No such file"):
        read_sweep(Path("none.toml"), {})
