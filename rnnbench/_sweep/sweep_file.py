"""Sweep files: TOML that users write, and the JSON copy of the last sweep in a study."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from rnnbench._config import Gap, SweepRequest, flag
from rnnbench._errors import UserError, did_you_mean, validation_message
from rnnbench._plugins.source import is_import, is_path
from rnnbench._study import StudyFolder
from rnnbench._study.atomic import check_regular
from rnnbench._study.schema import checked_run_id
from rnnbench._sweep import recipes
from rnnbench._sweep.grid import check_tables

SWEEP_FILE = "sweep.json"
"""File of a study's last sweep, in its folder."""
LARGEST_FILE = 64 << 20
"""Bytes of a :data:`SWEEP_FILE` that are read at most: about a million runs."""

RunId = Annotated[str, AfterValidator(checked_run_id)]


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


def read_names(file: Path | None, flags: dict[str, object]) -> SweepRequest:
    """Read a sweep as :func:`read_sweep` does, for a command that only reads a study: it loads no plug-in that the file names."""
    sweep = read_sweep(file, flags)
    for name in ("cell", "task"):
        for spec in getattr(sweep, name):
            if name not in flags and (is_path(spec) or is_import(spec)):
                problem = f"{file} names the {name} {spec}, which a command that reads a study does not load"
                raise UserError(f"{problem}: name the {name} on the command line, with {flag(name)}, in place of the file's")
    return sweep


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
            raise UserError(f"a sweep needs a {key}: give --{key}, or `{key} = [...]` in Python or a sweep file") from None
        raise UserError(validation_message(error, place, SweepRequest.model_fields)) from None
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


class StoredRuns(BaseModel):
    """The runs of a study's last sweep in ``sweep.json``. They are stored, so that a reader loads nothing that the sweep names."""

    run_ids: list[RunId] = Field(default_factory=list)
    curves: list[dict[Gap, list[RunId]]] = Field(default_factory=list)  # of a search for the span: the runs of each gap
    skipped: dict[str, str] = Field(default_factory=dict)  # cells and tasks that could not be loaded, with the reason

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        listed = [run_id for curve in self.curves for ids in curve.values() for run_id in ids]
        if len(set(listed)) < len(listed):
            raise ValueError("curves that name each run once")
        return self


def save_sweep(sweep: SweepRequest, runs: StoredRuns, study: StudyFolder) -> None:
    """Write a sweep and its runs as JSON into a study, next to a copy of the tuning table that it names."""
    study.keep(SWEEP_FILE, (json.dumps(sweep.model_dump() | {"runs": runs.model_dump()}, indent=1) + "\n").encode())
    recipes.keep(sweep, study.folder)


def load_runs(file: Path) -> StoredRuns | None:
    """Read the runs of :func:`save_sweep`; None if an earlier version wrote the file. Raise UserError if it is damaged.

    The rest of the file is text for the user: no command resolves the names and paths in it.
    """
    advice = "delete it, or give the sweep file or its flags"
    check_regular(file)
    try:
        if file.stat().st_size > LARGEST_FILE:
            raise UserError(f"{file} is larger than {LARGEST_FILE >> 20} MiB: {advice}")
        values = json.loads(file.read_text(encoding="utf-8-sig"))
        if not isinstance(values, dict):
            raise UserError(f"{file} is not a sweep: {advice}")
        return StoredRuns.model_validate(values["runs"]) if "runs" in values else None
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}; {advice}") from error
    except ValidationError as error:
        raise UserError(f"{file} is damaged: its runs cannot be read; {advice}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"cannot read {file}: {error}; {advice}") from error
