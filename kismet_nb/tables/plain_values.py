"""Convert cells from NumPy, pandas and Arrow to Python's own values, for example arrays to lists."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

__all__ = ["plain_column", "plain_value", "readable_column"]

_PLAIN = (str, bool, int, float)


def plain_column(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column of objects or of nested Arrow values as objects, with None for missing values."""
    missing = column.isna()
    values = np.empty(len(column), dtype=object)
    # np.array(...) would make lists of equal length a 2-D array.
    values[:] = [
        None if absent else value if type(value) in _PLAIN else plain_value(value)
        for value, absent in zip(column, missing, strict=True)
    ]
    return pd.Series(values, index=column.index, name=column.name, dtype=object)


def readable_column(column: pd.Series[Any]) -> pd.Series[Any]:
    """Return a column for display: arrays as lists; booleans, times and categories with the dtype of their values."""
    dtype = column.dtype
    if isinstance(dtype, pd.ArrowDtype) and pa.types.is_nested(dtype.pyarrow_dtype):
        return plain_column(column)
    if pd.api.types.is_object_dtype(dtype):
        plain = plain_column(column)
        present = plain[plain.notna()]
        are_booleans = len(present) > 0 and all(isinstance(value, bool) for value in present)
        return plain.astype("boolean") if are_booleans else plain
    if isinstance(dtype, pd.ArrowDtype) and pa.types.is_timestamp(dtype.pyarrow_dtype):
        times: pd.Series[Any] = pa.chunked_array([pa.array(column)]).to_pandas()
        return times.set_axis(column.index)
    if isinstance(dtype, pd.ArrowDtype) and pa.types.is_dictionary(dtype.pyarrow_dtype):
        return column.astype(pd.ArrowDtype(dtype.pyarrow_dtype.value_type))
    return column


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
