"""Which commit wrote a finding, and which one its runs: what makes a prediction one. Read from git, where there is a checkout."""

from __future__ import annotations

import ast
import inspect
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rnnbench._claims import findings
from rnnbench._claims.claim import Finding
from rnnbench._study import Study

SOURCE = Path(findings.__file__)


class Commit(NamedTuple):
    """A commit: its full name and its day."""

    name: str
    day: str

    def __str__(self) -> str:
        return f"{self.name[:9]} ({self.day})"


class Registration(NamedTuple):
    """When a finding was written, and when its runs were.

    Attributes:
        finding: the commit from which on its sentence, its runs and its rule stand as they do now; None: not committed, or no git.
        runs: the first commit of a study that has one of its runs; None: none has.
        told: both in words.
        valid: whether the finding is older than its runs; None where that is not known.
    """

    finding: Commit | None
    runs: Commit | None
    told: str
    valid: bool | None


def registration(finding: Finding, study: Study) -> Registration:
    """Read from git when a finding and its runs were committed."""
    if _git(SOURCE.parent, "ls-files", SOURCE.name) is None:
        return Registration(None, None, "registered: not available, as this is no git checkout", None)
    written = [_first(SOURCE, text) for text in texts_of(SOURCE.read_text(encoding="utf-8"), finding)]
    known = [commit for commit in written if commit is not None]
    if len(known) < len(written):
        return Registration(None, None, "registered: not yet, as it is not committed as it stands", None)
    latest = max(known, key=lambda commit: len(_git(SOURCE.parent, "rev-list", commit.name) or ""))
    runs = _first_of(study.runs_file, [run.run_id for run in finding.runs()])
    if runs is None:
        return Registration(latest, None, f"registered {latest}; its runs are not committed", None)
    same = _git(SOURCE.parent, "rev-parse", "--show-toplevel") == _git(study.folder, "rev-parse", "--show-toplevel")
    older = latest.name != runs.name and _git(SOURCE.parent, "merge-base", "--is-ancestor", latest.name, runs.name) is not None
    if not same:
        return Registration(latest, runs, f"registered {latest}; its runs are in another repository", None)
    order = "before" if older else "NOT before"
    return Registration(latest, runs, f"registered {latest}, {order} its runs of {runs}", older)


def texts_of(source: str, finding: Finding) -> list[str]:
    """The parts of a file that are a finding: the call that makes it, and its rule."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == Finding.__name__:
            names = [word.value.value for word in node.keywords if word.arg == "name" and isinstance(word.value, ast.Constant)]
            if names == [finding.name]:
                return [str(ast.get_source_segment(source, node)), inspect.getsource(finding.rule)]
    raise ValueError(f"finding {finding.name} is not written in {SOURCE.name}")


def _first_of(file: Path, words: Sequence[str]) -> Commit | None:
    """The earliest commit of a file that has one of these words."""
    if not file.exists() or not words:
        return None
    pattern = "|".join(word.replace(".", r"\.").replace("+", r"\+") for word in words)
    return _earliest(file, "--pickaxe-regex", f"-S{pattern}")


def _first(file: Path, text: str) -> Commit | None:
    """The commit that wrote a text into a file."""
    return _earliest(file, f"-S{text}")


def _earliest(file: Path, *pickaxe: str) -> Commit | None:
    lines = (_git(file.parent, "log", "--reverse", "--format=%H %cs", *pickaxe, "--", file.name) or "").splitlines()
    return Commit(*lines[0].split()) if lines else None


def _git(folder: Path, *words: str) -> str | None:
    """What git says; None if it refuses, or is not there."""
    try:
        done = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip() if words[0] != "ls-files" or done.stdout.strip() else None
