"""Sweep files: TOML that users write, and the JSON copy of the last sweep in a study."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from rnnbench._config import SweepRequest, flag
from rnnbench._errors import UserError, did_you_mean, validation_message
from rnnbench._study import StudyFolder
from rnnbench._sweep import recipes
from rnnbench._sweep.grid import check_tables

SWEEP_FILE = "sweep.json"
"""File of a study's last sweep, in its folder."""


def read_sweep(file: Path | None, flags: dict[str, object], label: Callable[[str], str] = flag) -> SweepRequest:
    """Read a sweep from a TOML file and flags by field name; a flag replaces the file's value.

    Paths in the file are relative to its folder. A wrong value raises UserError with file and line; ``label`` names a flag there.
    """
    text, values = _read(file) if file else ("", {})
    known = SweepRequest.model_fields

    def place(key: str) -> str:
        return label(key) if key in flags or not file else f"{file}, {_line(text, key)}: {key}"

    for key, value in values.items():
        if key not in known:
            raise UserError(f"{file}, {_line(text, key)}: unknown key {key!r}{did_you_mean(key.replace('-', '_'), list(known))}")
        if value == []:
            raise UserError(f"{file}, {_line(text, key)}: {key} is an empty list: give a value, or leave it out for its default")
        if file and key in ("tuned", "tune") and isinstance(value, str):
            values[key] = str(file.parent / value)
    return check_sweep(values | flags, place)


def check_sweep(values: Mapping[str, object], place: Callable[[str], str]) -> SweepRequest:
    """Return the sweep of plain values; raise UserError that starts with ``place(key)``."""
    for name in ("cells", "tasks"):
        if not isinstance(values.get(name, {}), Mapping):
            advice = f"name the {name} with `{name[:-1]} = [...]`"
            raise UserError(f"{place(name)} must be a table of recipes, such as [{name}.NAME]; {advice}")
    try:
        sweep = SweepRequest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        if first["type"] == "missing":
            key = first["loc"][0]
            raise UserError(f"a sweep needs a {key}: give --{key}, or `{key} = [...]` in a sweep file") from error
        raise UserError(validation_message(error, place, SweepRequest.model_fields)) from error
    check_tables(sweep)
    return sweep


def _read(file: Path) -> tuple[str, dict[str, object]]:
    """Return the text of a sweep file, and its values."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"cannot read sweep file {file}: {reason}") from error
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file} is not TOML: {error}; a sweep file has lines such as `gap = [10, 20]`") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, thousands of brackets
        raise UserError(f"{file} is not a sweep file: a number is too long, or brackets are nested too deeply") from error


def _line(text: str, key: str) -> str:
    """Return the line of a key in the file, which tomllib does not report."""
    found = re.search(rf"""^[ \t]*\[?[ \t]*["']?{re.escape(key)}["']?[ \t]*[\]=.]""", text, re.MULTILINE)
    return f"line {text.count(chr(10), 0, found.start()) + 1}" if found else "somewhere"


def save_sweep(sweep: SweepRequest, study: StudyFolder) -> None:
    """Write a sweep as JSON into a study, next to a copy of the tuning table that it names."""
    study.keep(SWEEP_FILE, (json.dumps(sweep.model_dump(), indent=1) + "\n").encode())
    recipes.keep(sweep, study.folder)


def load_sweep(file: Path) -> SweepRequest:
    """Read the file of :func:`save_sweep`; raise UserError if it is damaged."""
    try:
        values = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"cannot read {file}: {error}; delete it, or give the sweep file or its flags") from error
    if not isinstance(values, dict):
        raise UserError(f"{file} is not a sweep: delete it, or give the sweep file or its flags")
    return check_sweep(values, lambda key: f"{file}: {key}")
