"""Every command is documented: the README or a page of docs/ shows it."""

from pathlib import Path

import pytest

from rnnbench.cli import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = [str(command.name or command.callback.__name__) for command in app.registered_commands]  # type: ignore[union-attr]


@pytest.mark.parametrize("command", COMMANDS)
def test_it_is_documented(command: str) -> None:
    assert any(f"rnnbench {command}" in page.read_text("utf-8") for page in PAGES)
