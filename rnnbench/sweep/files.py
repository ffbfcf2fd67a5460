"""A sweep from a TOML file and from flags; what is wrong with it is said by key, place and likely meaning."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rnnbench.catalog import did_you_mean
from rnnbench.config import SweepConfig
from rnnbench.errors import UserError


def read_sweep(file: Path | None, flags: dict[str, Any]) -> SweepConfig:
    """The sweep of a TOML file (keys are the flags' words, with underscores), each flag in the place of the file's value.

    Args:
        file: the file, or None for flags alone.
        flags: values by field name, of the types that TOML would give.

    Raises:
        UserError: one line: ``study.toml, line 3: unknown key 'gaps': did you mean 'gap'?``
    """
    text = _read(file) if file else ""
    values = _parse(file, text) if file else {}
    known = SweepConfig.model_fields

    def place(key: str) -> str:
        return f"--{key.replace('_', '-')}" if key in flags or not file else f"{file}, {_line(text, key)}: {key}"

    for key in values:
        if key not in known:
            raise UserError(f"{file}, {_line(text, key)}: unknown key {key!r}{did_you_mean(key.replace('-', '_'), list(known))}")
    return check_sweep(values | flags, place)


def check_sweep(values: dict[str, Any], place: Callable[[str], str]) -> SweepConfig:
    """The sweep of plain values; raises UserError that starts with ``place(key)``."""
    try:
        sweep: SweepConfig = SweepConfig.model_validate(values)
        return sweep
    except ValidationError as error:
        first = error.errors()[0]
        key, *inside = first["loc"]
        if first["type"] == "missing":
            raise UserError(f"a sweep needs a {key}: give --{key}, or `{key} = [...]` in a sweep file") from error
        # inside is the place in a list or table, or pydantic's name for the kind it tried
        entry = f" (value {int(inside[0]) + 1})" if inside and isinstance(inside[0], int) else ""
        message = first["msg"].replace("Input should", "must")
        raise UserError(f"{place(str(key))}{entry} {message}, not {first['input']!r}") from error


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise UserError(f"cannot read sweep file {file}: {reason}") from error


def _parse(file: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UserError(f"{file} is not TOML: {error}; a sweep file has lines such as `gap = [10, 20]`") from error


def _line(text: str, key: str) -> str:
    """Where a key of the file stands; tomllib does not say."""
    found = re.search(rf"""^[ \t]*\[?[ \t]*["']?{re.escape(key)}["']?[ \t]*[\]=.]""", text, re.MULTILINE)
    return f"line {text.count(chr(10), 0, found.start()) + 1}" if found else "somewhere"
