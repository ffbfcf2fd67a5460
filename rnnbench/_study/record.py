"""A row of a CSV file: one typed way between Python values and the text of a cell."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Annotated, ClassVar, Self, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from rnnbench._errors import expected_text, shorten_repr

if TYPE_CHECKING:
    import pandas as pd

Text = Annotated[str, Field(min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Record(BaseModel):
    """A row of a table. Columns that this version does not know are kept as text."""

    model_config = ConfigDict(frozen=True, extra="allow")

    KEY: ClassVar[tuple[str, ...]] = ()
    """The columns that identify a row. Of rows with the same key the last one counts; without columns every row counts."""

    @field_validator("option", "cell_option", mode="before", check_fields=False)
    @classmethod
    def _options(cls, value: object) -> object:
        try:
            return json.loads(value) if isinstance(value, str) else value
        except (ValueError, RecursionError) as error:
            raise ValueError('a table as JSON, such as {"bias": true}') from error

    @classmethod
    @cache
    def columns(cls) -> dict[str, str]:
        """Return every column with its description."""
        return {field.alias or name: str(field.description) for name, field in cls.model_fields.items()}

    @classmethod
    @cache
    def required(cls) -> frozenset[str]:
        """Return the columns that a file must have."""
        return frozenset(field.alias or name for name, field in cls.model_fields.items() if field.is_required())

    @classmethod
    @cache
    def _optional(cls) -> frozenset[str]:
        return frozenset(name for name, field in cls.model_fields.items() if NoneType in get_args(field.annotation))

    @classmethod
    def parse(cls, cells: Mapping[str, str]) -> Self:
        """Return the row that has these cells; raises ValueError that names the column and what it holds."""
        optional = cls._optional()
        try:
            return cls.model_validate({name: None if text == "" and name in optional else text for name, text in cells.items()})
        except ValidationError as error:
            first = error.errors()[0]
            column = str(first["loc"][0])
            if first["type"] == "missing":
                raise ValueError(f"column {column} is missing") from error
            raise ValueError(
                f"column {column} holds {shorten_repr(first['input'])}, which is not {expected_text(first)}"
            ) from error

    def cells(self) -> dict[str, str]:
        """Return the row as the texts of a CSV file."""
        return {name: _cell_text(value) for name, value in self.values().items()}

    def values(self) -> dict[str, object]:
        """Return the row as plain values in the order of the columns; options as JSON."""
        values = self.model_dump(by_alias=True)
        values = {name: values[name] for name in self.columns()} | values
        return {name: _plain(value) for name, value in values.items()}

    @property
    def key(self) -> tuple[object, ...]:
        """The values of :attr:`KEY`, options as JSON."""
        return tuple(_plain(getattr(self, name)) for name in self.KEY)

    @classmethod
    def key_of(cls, values: Mapping[str, object]) -> tuple[object, ...]:
        """Return the key of a row with these values."""
        return tuple(_plain(values[name]) for name in cls.KEY)


def frame(rows: Sequence[Record], cls: type[Record]) -> pd.DataFrame:
    """Return rows as a DataFrame with the types of their schema: texts stay texts, numbers that may be empty are floats.

    Columns that this version does not know come last, as text.
    """
    import pandas as pd

    fields = {field.alias or name: name for name, field in cls.model_fields.items()}
    columns = {name: [_plain(getattr(row, fields[name])) for row in rows] for name in cls.columns()}
    extra = [row.model_extra or {} for row in rows]
    columns |= {name: [cells.get(name) for cells in extra] for name in dict.fromkeys(name for cells in extra for name in cells)}
    dtypes = number_types(cls)
    return pd.DataFrame({name: pd.Series(column, dtype=dtypes.get(name)) for name, column in columns.items()})


@cache
def number_types(cls: type[Record]) -> dict[str, str]:
    """Return the dtype of every column of numbers; texts are left to pandas, which does not convert them."""
    found = {}
    for name, field in cls.model_fields.items():
        union = get_args(field.annotation) or (field.annotation,)
        types = {get_args(each)[0] if get_origin(each) is Annotated else each for each in union}
        if types <= {bool, int, float, NoneType}:
            found[field.alias or name] = "bool" if types == {bool} else "int64" if types == {int} else "float64"
    return found


def _plain(value: object) -> object:
    """Return a value as a table holds it: options as JSON."""
    return json.dumps(value, sort_keys=True) if isinstance(value, dict) else value


def _cell_text(value: object) -> str:
    return "" if value is None else str(value)
