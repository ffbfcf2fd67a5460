"""Test of docs/research.md: every file and every command of the page, in order, with a tiny budget."""

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "research.md").read_text("utf-8")
TINY = {
    r"gap = \[20, 50\]": "gap = [3]",
    r"gap = 50": "gap = 3",
    r"hidden_size = 32": "hidden_size = 8",
    r"max_steps = 1500": 'max_steps = 4\neval_every = 2\nengine = "torch"',
    r"lr = \[.*\]": "lr = [0.02]",
    r"seed = \[1000, 1001\]": "seed = [1000]",
    r"seed = \[0, 1, 2, 3, 4\]": "seed = [0, 1]",
}
"""What is smaller in the test than on the page."""


@pytest.mark.filterwarnings("ignore:.*:UserWarning")
def test_every_line_of_the_page_runs(rnnbench) -> None:
    for name, text in re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", PAGE, re.DOTALL):
        for pattern, tiny in TINY.items() if name.endswith(".toml") else ():
            text = re.sub(pattern, tiny, text)
        Path(name).write_text(text)
    commands = re.findall(r"^ {4}rnnbench (.*)$", PAGE, re.MULTILINE)
    assert len(commands) >= 9
    printed = {}
    for command in commands:
        words = shlex.split(command.partition("  #")[0].replace("gap50", "gap3"))
        target = words[words.index(">") + 1] if ">" in words else None
        result = rnnbench(*words[: words.index(">")] if target else words)
        assert result.code == 0, (command, result.err)
        printed[command.split()[0]] = result.out
        if target:
            Path(target).write_text(result.out)
    assert "light: keeps its contract; is compiled" in " ".join(printed["check"].split()).replace("./light.py", "light")
    assert Path("table.tex").read_text().startswith(r"\begin{tabular}")
    assert list(Path("figures").glob("*.png"))
    assert Path("report.html").exists()
    assert {path.name.split("_")[0] for path in Path("results/gates").iterdir()} == {"gates", "half"}
