"""Tests of the commands as a whole: each is documented and short, imports no other, and flags are declared once."""

import ast
from pathlib import Path
from typing import get_type_hints

import pytest
from typer.models import OptionInfo

from rnnbench._cli import app
from rnnbench._config import RunRequest, SweepRequest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMANDS = [str(command.name or command.callback.__name__) for command in app.registered_commands]  # type: ignore[union-attr]

FIELDS = tuple(str(field.description) for model in (RunRequest, SweepRequest) for field in model.model_fields.values())


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented(command: str) -> None:
    assert any(f"rnnbench {command}" in page.read_text("utf-8") for page in PAGES)


def test_a_flag_of_several_commands_is_declared_once() -> None:
    declared: dict[tuple[str, str], set[int]] = {}
    for command in app.registered_commands:
        for parameter, hint in get_type_hints(command.callback, include_extras=True).items():
            for flag in getattr(hint, "__metadata__", ()):
                word = (flag.param_decls or (parameter,))[0].removeprefix("--").replace("-", "_")
                if isinstance(flag, OptionInfo) and not str(flag.help).startswith(FIELDS):  # others come from a request
                    declared.setdefault((word, flag.help), set()).add(id(flag))
    assert len(declared) > 20
    assert [names for names, flags in declared.items() if len(flags) > 1] == []


@pytest.mark.parametrize("path", sorted((ROOT / "rnnbench/_cli/commands").glob("*.py")), ids=lambda path: path.stem)
def test_a_command_is_short_and_imports_no_command(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not {module for module in imported if module and module.startswith("rnnbench._cli.commands")}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 46, node.name
