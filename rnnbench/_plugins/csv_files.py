"""Labelled sequences from CSV files, for tasks over data sets."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench._errors import UserError, one_line
from rnnbench._spec.arguments import PathLike, checked


@checked
def csv_sequences(path: PathLike, label: str = "label") -> tuple[Tensor, Tensor]:
    """Read labelled sequences from a CSV file with a header: one row per sequence, a column per time step, and one of labels.

    Args:
        path: the file. A task names it in ``files`` too, so that its content is part of the identity of a run.
        label: the column with the classes: whole numbers from 0, or texts, which are numbered in alphabetical order.

    Returns:
        (n, T) int64 tokens if all steps are whole numbers of at least 0, else (n, T, 1) float32 values; and (n,) int64 classes.

    Raises:
        UserError: the file cannot be read, the column does not exist, or a value is missing or is not a number.
    """
    import pandas as pd

    try:
        frame = pd.read_csv(path)
    except ValueError as error:  # no columns, unequal rows, or not a text
        raise UserError(f"cannot read {path} as a CSV file: {one_line(error)}") from error
    if label not in frame.columns:
        raise UserError(f"{path} has no column {label!r}: its columns are {', '.join(map(str, frame.columns))}")
    steps = frame.drop(columns=label).apply(pd.to_numeric, errors="coerce")
    missing = steps.columns[steps.isna().any()]
    if len(missing) or frame[label].isna().any():
        column = missing[0] if len(missing) else label
        raise UserError(f"{path}: a value of column {column} is missing or is not a number")
    classes = frame[label]
    if not pd.api.types.is_integer_dtype(classes):
        classes = pd.Series(pd.Categorical(classes.astype(str)).codes)
    values = torch.from_numpy(steps.to_numpy(dtype="float64").copy())  # (n, T)
    labels = torch.from_numpy(classes.to_numpy(dtype="int64").copy())  # (n,)
    if all(pd.api.types.is_integer_dtype(dtype) for dtype in steps.dtypes) and bool((values >= 0).all()):
        return values.long(), labels
    return values.float().unsqueeze(2), labels
