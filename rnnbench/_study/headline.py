"""The headline of a study: the sweep files whose runs commands show unless others are selected.

A study may hold a file ``study.toml`` with one line::

    headline = ["headline.toml", "far.toml"]
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from rnnbench._errors import UserError
from rnnbench._study.atomic import check_regular

STUDY_FILE = "study.toml"
LARGEST_FILE = 1 << 20
"""Bytes of a :data:`STUDY_FILE`, and of a sweep file of a headline, that are read at most."""


def headline_files(study: Path) -> list[Path]:
    """Return the sweep files of a study's headline, all in its folder; empty without a ``study.toml``.

    Raises:
        UserError: the file is damaged, or names something else than sweep files in the folder.
    """
    file = study / STUDY_FILE
    if not file.exists():
        return []
    check_small(file)
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise UserError(f'{file} is not TOML: write one line such as `headline = ["sweep.toml"]`') from error
    except OSError as error:
        raise UserError(f"cannot read {file}: {error.strerror}; correct it, or delete it") from error
    names = values.get("headline")
    if list(values) != ["headline"] or not isinstance(names, list) or not names:
        raise UserError(f'{file} must have the one key headline, a list of sweep files: headline = ["sweep.toml"]')
    for name in names:
        if not (isinstance(name, str) and Path(name).name == name and (study / name).is_file()):
            raise UserError(f"{file}: {str(name)[:80]!r} is not a file in {study}: name sweep files of this folder")
        check_small(study / name)
    return [study / name for name in names]


def check_small(file: Path) -> None:
    """Raise UserError if a file of a study is a link, not a regular file, or too large to be written by a person."""
    check_regular(file)
    if file.is_symlink() or file.stat().st_size > LARGEST_FILE:
        raise UserError(f"{file} is a link, or larger than {LARGEST_FILE >> 20} MiB: replace it by a sweep file, or delete it")
