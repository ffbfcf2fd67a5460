"""The frames that figures read: their types, and a sentence about what is wrong with one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated

import pandas as pd

from rnnbench._analysis.axes import with_declared_axes
from rnnbench._errors import UserError, shorten_repr
from rnnbench._spec.arguments import instance_of
from rnnbench._study import StudyFolder, insight_tables
from rnnbench._study.record import Record, number_types
from rnnbench._study.schema import Extrapolation, Row, RunRecord

Frame = Annotated[pd.DataFrame, instance_of("a DataFrame", pd.DataFrame)]
RunsLike = Annotated[pd.DataFrame | StudyFolder, instance_of("a study or a DataFrame", pd.DataFrame, StudyFolder)]

FRAME_ERRORS = (KeyError, AttributeError, ValueError, TypeError, ArithmeticError)
"""The exceptions of pandas, numpy and matplotlib for a frame that lacks something."""
MAY_BE_EMPTY = ("lives",)
"""Arguments that may have no rows: a cell without gates has no half-lives."""


def runs_frame(given: pd.DataFrame | StudyFolder) -> pd.DataFrame:
    """Return a frame unchanged, or the runs of a study."""
    return given if isinstance(given, pd.DataFrame) else given.runs()


def axis_frame(given: pd.DataFrame | StudyFolder) -> pd.DataFrame:
    """Return the rows of a frame, or the runs of a study, each task on the axis that it declares: the gap, or the length."""
    return with_declared_axes(runs_frame(given))


LIMITS = ("clip_norm", "recurrent_clip")
"""The columns in which inf means no limit."""


def frame_error(frames: Mapping[str, pd.DataFrame], error: Exception) -> Exception:
    """Return the UserError for the frame that caused ``error``, by the name of its argument; ``error`` if none did."""
    for name, frame in frames.items():
        if frame.empty and name not in MAY_BE_EMPTY:
            return UserError(f"{name} has no rows: pass at least one")
    for column in _named_columns(error):
        if lacking := [name for name, frame in frames.items() if column not in frame.columns]:
            return UserError(f"no column {shorten_repr(column)} in {' or '.join(lacking)}: the help names every frame's columns")
    for name, frame in frames.items():
        for column in frame.columns:
            if wrong := _wrong_values(str(column), frame[column]):
                return UserError(f"column {shorten_repr(column)} of {name} {wrong}")
    return error


@cache
def _numbers() -> dict[str, str]:
    """Return the columns of numbers in the tables of a study, with their types."""
    tables = [one for one in vars(insight_tables).values() if isinstance(one, type) and issubclass(one, Record)]
    return {name: kind for table in (*tables, Extrapolation, Row, RunRecord) for name, kind in number_types(table).items()}


def _wrong_values(column: str, values: pd.Series) -> str:
    """Return what is wrong with the values of a column; empty if nothing is."""
    for value in values[values.map(lambda one: isinstance(one, list | dict | tuple | set))]:
        return f"must hold texts or numbers, not {shorten_repr(value)}"
    kind = _numbers().get(column)
    if column in ("option", "cell_option"):
        return next((f"must hold options as JSON, not {shorten_repr(one)}" for one in values if not _is_table(one)), "")
    if kind:
        as_numbers = pd.to_numeric(values, errors="coerce")
        infinite = as_numbers.isin([float("inf"), float("-inf")]) & (column not in LIMITS)
        for value in values[(as_numbers.isna() & values.notna()) | infinite]:
            return f"must hold finite numbers, not {shorten_repr(value)}"
        if values.dtype == object or pd.api.types.is_string_dtype(values):
            return f"holds texts: convert it with frame[{column!r}].astype(float)"
    if (kind == "int64" or column in ("task", "cell", "init", "name")) and values.isna().any():
        return f"has no value in row {int(values.isna().to_numpy().argmax())}"
    return ""


def _is_table(text: object) -> bool:
    try:
        return isinstance(json.loads(str(text)), dict)
    except ValueError:
        return False


def _named_columns(error: Exception) -> Iterator[str]:
    """Yield the words in an exception that name a column, if it is about one."""
    if isinstance(error, AttributeError) and error.name:
        yield error.name
    elif isinstance(error, KeyError):
        yield from (quoted or plain for quoted, plain in re.findall(r"'([^']+)'|not found: (\w+)", str(error)))
