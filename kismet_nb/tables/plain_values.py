"""Cells of other libraries as Python's own values: a list that comes back as an array is still a list."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

__all__ = ["plain_column", "plain_value"]

_PLAIN = (str, bool, int, float)


def plain_column(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of objects or of nested Arrow values as objects, with None for missing values."""
    missing = column.isna()
    values = np.empty(len(column), dtype=object)
    # np.array(...) would make a table of lists of equal length.
    values[:] = [
        None if absent else value if type(value) in _PLAIN else plain_value(value)
        for value, absent in zip(column, missing, strict=True)
    ]
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


def plain_value(value: Any) -> Any:  # noqa: ANN401 - any cell
    """Return arrays and tuples as lists and NumPy numbers as Python's own, also within lists and dictionaries."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    elif isinstance(value, np.integer | np.floating | np.bool_ | np.str_):
        return value.item()
    if isinstance(value, list | tuple):
        return [item if type(item) in _PLAIN else plain_value(item) for item in value]
    if isinstance(value, dict):
        return {key: plain_value(item) for key, item in value.items()}
    return value
