"""Wrong values of every flag of every command: exit code 2 and one line on stderr, or a value that the command accepts."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer

from rnnbench import plots
from rnnbench._cli import app
from tests.hardening.files import write_files

SMALL = "--cell rnn --task beijing --gap 2 --hidden-size 2 --batch-size 2 --max-steps 2 --eval-every 1 --eval-sequences 1000"
SWEEP = f"{SMALL} --jobs 1 --out made"
BASE = {  # the flags with which a command does little
    "demo": "--out made --jobs 1", "run": f"{SMALL} --engine torch --out made --quiet", "sweep": SWEEP,
    "tune": f"{SWEEP} --lr 0.1 --seed 1000",
    "status": "good", "tasks": "", "cells": "rnn", "show": "beijing --gap 2", "plot": "good --out made", "table": "good",
    "report": "good --out made.html", "explain": "lstm", "gradients": "--cell rnn --gap 2 --hidden-size 2 --out made",
    "sensitivity": "--cell rnn --gap 2 --hidden-size 2 --seed 0 --out made", "gates": "beijing --study good --out made",
    "remembrance": "beijing --study good --gap 2 --out made", "construct": "rnn-beijing --gap 2 --noise 0 --sequences 2 --out made",
    "guess": "--task beijing --gap 1 --hidden-size 2 --max-guesses 2 --repeats 1 --out made", "check": "rnn --hidden-size 2",
    "atlas": "--cell rnn --quick --out made --jobs 1",
    "verify": "good --claim no-such --check", "published": "--cell lstm",
}  # fmt: skip
WRONG = {
    "a text": "x?", "empty": "", "NaN": "nan", "inf": "inf", "negative": "-1", "zero": "0", "huge": str(10**30), "fraction": "1.5",
    "long": "x" * 5000, "control": "a\x1b[31m\nb", "NUL": "\0", "folder": ".", "in a file": "/dev/null/x", "list": "1,,2",
    "half": "\udc80",
}  # fmt: skip
FEW = ("a text", "empty", "NaN", "huge", "control")
"""The wrong values for flags that ``run`` has too: one definition stands for all commands."""
HEAVY = [
    "rnnbench._sweep.launch.Local", "rnnbench._sweep.atlas.read_sweep",
    "rnnbench._explain.build_page",
    "rnnbench.insight._remembrance.remembrance", "rnnbench._training.runner.Runner.rows", "rnnbench._report.page.build_page",
    *(f"rnnbench.plots.{name}" for name in plots.__all__ if name not in ("STYLES", "style")),
]  # fmt: skip
GROUP = typer.main.get_command(app)
COMMANDS = GROUP.commands  # type: ignore[attr-defined]


class AcceptedError(BaseException):
    """A call that would have trained, measured or drawn."""


@pytest.fixture
def folder(tmp_path: Path, studies: Path) -> Path:
    write_files(tmp_path, studies)
    return tmp_path


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    def accepted(*args: object, **kwargs: object) -> None:
        raise AcceptedError

    monkeypatch.chdir(folder)
    monkeypatch.setattr("typer.main.get_command", lambda _: GROUP)  # builds all commands at every call
    for name in HEAVY:
        monkeypatch.setattr(name, accepted)


def calls(command: str) -> Iterator[tuple[str, list[str]]]:
    """Yield a name and the words of every call of a command with one wrong value."""
    shared = {one.opts[0] for one in COMMANDS["run"].params} if command in ("sweep", "tune", "status", "atlas") else set()
    base = shlex.split(BASE[command])
    for parameter in COMMANDS[command].params:
        if getattr(parameter, "is_flag", False):
            continue
        flag = parameter.opts[0]
        for label in FEW if flag in shared else WRONG:
            words = [f"{flag}={WRONG[label]}"] if flag.startswith("-") else ["--", WRONG[label]]
            yield f"{flag} {label}", [command, *base, *words]


def wrong(code: object, out: str, err: str) -> str:
    """Return what is wrong with the end of a command."""
    if code == 0:
        return "control characters" if re.search("[\x00-\x08\x0b-\x1f]", out + err) else ""
    if code not in (2, 3) or (code == 2 and err.count("\n") != 1) or (code == 2 and out and "keeps its contract" not in out):
        return f"exit {code}, stdout {out[:100]!r}"
    return "internal text" if re.search("Traceback|Input should|Value error|[\x00-\x08\x0b-\x1f]", err) or len(err) > 1000 else ""


@pytest.mark.usefixtures("nothing_starts")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_value_of_a_flag_is_one_line(rnnbench, monkeypatch: pytest.MonkeyPatch, folder: Path, command: str) -> None:
    monkeypatch.chdir(folder)
    found = []
    for name, words in calls(command):
        try:
            result = rnnbench(*words)
            problem = wrong(result.code, result.out, result.err)
            if problem:
                problem += f": {result.err[-200:]!r}"
        except AcceptedError:
            continue
        except Exception as error:
            problem = f"{error!r:.200}"
        if problem:
            found.append(f"{name}: {problem}")
    assert not found, "\n".join(found)
