"""The verdicts of a study, written down beside its runs, so that one that changes is noticed."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path

from rnnbench._claims.claim import Verdict
from rnnbench._errors import UserError
from rnnbench._study import Study
from rnnbench._study.atomic import replace

COLUMNS = ("name", "kind", "verdict", "numbers", "statement", "source")


def file_of(study: Study) -> Path:
    return study.folder / "verdicts.csv"


def recorded(study: Study) -> dict[str, str]:
    """The recorded word of every claim and finding by name; empty if none were recorded. Raises UserError for a damaged file."""
    file = file_of(study)
    if not file.exists():
        return {}
    return {name: row["verdict"] for name, row in _rows(file, study).items()}


def _rows(file: Path, study: Study) -> dict[str, dict[str, str]]:
    """The rows of a table of verdicts by name."""
    try:
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8"))))
        for number, row in enumerate(rows, start=2):
            if set(row) != set(COLUMNS) or None in row.values():
                raise ValueError(f"row {number}")
        return {row["name"]: row for row in rows}
    except (KeyError, OSError, ValueError, csv.Error) as error:
        raise UserError(
            f"{file} is no table of verdicts: delete it; `rnnbench verify {study.folder} --record` makes one"
        ) from error


def record(study: Study, verdicts: Iterable[Verdict]) -> Path:
    """Write the verdicts down, in the place of earlier ones of the same names; returns the file."""
    file, rows = file_of(study), {}
    if file.exists():
        rows = _rows(file, study)
    for verdict in verdicts:
        claim = verdict.claim
        values = (claim.name, type(claim).__name__.lower(), verdict.decision, verdict.numbers, claim.statement, claim.source)
        rows[claim.name] = dict(zip(COLUMNS, values, strict=True))
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows.values())
    replace(file, text.getvalue().encode())
    return file


def changed(verdicts: Iterable[Verdict], before: dict[str, str]) -> list[Verdict]:
    """Those that come out otherwise than recorded."""
    return [verdict for verdict in verdicts if before.get(verdict.claim.name, verdict.decision) != verdict.decision]
