"""Tests of the Markdown pages: every command exists and takes the flags shown with it, and every link has a target."""

import re
import runpy
import shlex
from pathlib import Path

import pytest
import typer.main

from rnnbench import __version__
from rnnbench._cli import app

ROOT = Path(__file__).parents[2]
DOCUMENTS = [path for path in ROOT.rglob("*.md") if not {".venv", ".git", "build"} & set(path.parts)]
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def shown(path: Path) -> list[list[str]]:
    """Return every rnnbench command of a document as words, inline or indented, with continuation lines joined."""
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL).replace("\\\n", " ")
    lines = re.findall(r"^ {4}([^`\n]*\brnnbench [a-z][^`\n]*)$", text, re.MULTILINE) + re.findall(r"`(rnnbench [a-z][^`]*)`", text)
    pieces = [piece for line in lines for piece in re.split(r"\s#\s|;|&&|\|", line.replace("\n", " "))]
    return [
        shlex.split(piece[piece.index("rnnbench ") :])[1:] for piece in pieces if "rnnbench " in piece and "install" not in piece
    ]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_shown_exists(path: Path) -> None:
    assert path != ROOT / "README.md" or len(shown(path)) > 10
    for name, *words in shown(path):
        assert name in COMMANDS, name
        known = {flag for parameter in COMMANDS[name].params for flag in (*parameter.opts, *parameter.secondary_opts)}
        used = {word.partition("=")[0] for word in words if re.match(r"--[a-z]", word)}
        assert used <= known | {"--help"}, (name, used - known)


def anchors(path: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_relative_link_has_a_target(path: Path) -> None:
    for target in re.findall(r"\]\(([^):]+)\)", path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        assert (path.parent / file).exists(), target
        assert not anchor or anchor in anchors(path.parent / file if file else path), target


def test_the_page_of_public_names_is_current() -> None:
    make_api = runpy.run_path(str(ROOT / "docs" / "make_api.py"))
    assert make_api["PAGE"].read_text(encoding="utf-8") == make_api["page"](), "run python docs/make_api.py"


def test_the_changelog_and_the_citation_name_this_version() -> None:
    released = re.search(r"^## (\d[^ ]*) \((.*)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert released
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"version: {__version__}\ndate-released: {released[2]}\n" in citation
    assert released[1] == __version__
