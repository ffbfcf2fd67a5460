"""The analysis commands with cells and tasks from files whose path has a space."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMANDS = (
    ("gradients", "--gap", "5"),
    ("sensitivity", "--gap", "5,9", "--seed", "0"),
    ("guess", "--gap", "5", "--max-guesses", "1", "--repeats", "1"),
)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_path_with_a_space_names_a_cell_and_a_task(rnnbench, command: tuple[str, ...], tmp_path: Path) -> None:
    folder = tmp_path / "my files"
    folder.mkdir()
    for kind, name in (("rnnbench/cells", "rnn"), ("tasks", "recall")):
        text = (ROOT / kind / f"{name}.py").read_text(encoding="utf-8")
        (folder / f"{name}.py").write_text(text.replace(f'name = "{name}"', f'name = "my-{name}"'), encoding="utf-8")
    files = ("--cell", f"{folder / 'rnn.py'}, lstm", "--task", str(folder / "recall.py"))
    result = rnnbench(*command, *files, "--hidden-size", "4", "--out", "out")
    assert result.code == 0
    assert "my-rnn" in result.out
    assert len(list((tmp_path / "out").glob("*.png"))) >= 1
