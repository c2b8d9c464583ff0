"""Convert results of SQL queries to DataFrames with a fetch's dtypes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kismet_nb.errors import InvalidInputError
from kismet_nb.tables.build import PANDAS_DTYPES

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["to_frame"]

_EARLIEST, _LATEST = (  # microseconds
    pa.scalar(text).cast(pa.timestamp("us")).value for text in ("0001-01-01T00:00:00", "9999-12-31T23:59:59.999999")
)
_DTYPES = PANDAS_DTYPES | {pa.uint64(): pd.UInt64Dtype()}


def to_frame(table: pa.Table) -> pd.DataFrame:
    """Return the result of a query as a DataFrame; two columns may have the same name.

    Raises
    ------
    InvalidInputError
        A column has a value that a DataFrame cannot hold.
    """
    columns, problem = {}, ""
    for place, name in enumerate(table.column_names):
        try:
            columns[place] = _series(table.column(place))
        except (pa.ArrowException, OverflowError, ValueError):
            problem = name
            break
    if problem:
        raise InvalidInputError(
            f"The column {problem} has a value that a DataFrame cannot hold, for example infinity as a date. Cast the "
            "column in the query: CAST(… AS VARCHAR)."
        )
    frame = pd.DataFrame(columns, index=pd.RangeIndex(table.num_rows))
    frame.columns = pd.Index(table.column_names, dtype="str")
    return frame


def _series(column: pa.ChunkedArray) -> pd.Series[Any]:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
        kind = column.type
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale == 0):
        return _integers(column)
    if pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return _as_series(column.cast(pa.float64()))
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _as_series(column.cast(pa.large_string()))
    if pa.types.is_boolean(kind):
        return _as_series(column)
    if pa.types.is_timestamp(kind):
        return _times(column.cast(pa.timestamp("us", kind.tz), safe=False))
    if pa.types.is_date(kind):
        return _times(column.cast(pa.timestamp("us")))
    if kind == pa.month_day_nano_interval():
        return _durations(column)
    return _objects(column.to_pylist())


def _as_series(column: pa.ChunkedArray) -> pd.Series[Any]:
    series: pd.Series[Any] = column.combine_chunks().to_pandas(types_mapper=_DTYPES.get)
    return series


def _times(column: pa.ChunkedArray) -> pd.Series[Any]:
    """Return times; raise OverflowError outside of the years 1 to 9999, which Python cannot represent."""
    bounds = pc.min_max(column.cast(pa.int64())).as_py()
    if bounds["min"] is not None and not (_EARLIEST <= bounds["min"] <= bounds["max"] <= _LATEST):
        raise OverflowError
    return _as_series(column)


def _integers(column: pa.ChunkedArray) -> pd.Series[Any]:
    """Return Int64 if all values fit, because DuckDB's sums have 128 bits; otherwise UInt64 or objects."""
    try:
        return _as_series(column.cast(pa.int64()))
    except pa.ArrowInvalid:
        if pa.types.is_uint64(column.type):
            return _as_series(column)
        return _objects([None if value is None else int(value) for value in column.to_pylist()])


def _durations(column: pa.ChunkedArray) -> pd.Series[Any]:
    """Return timedelta64[us], or objects if an interval has months, because a month has no fixed length."""
    values = column.to_pylist()
    if any(value is not None and value.months for value in values):
        return _objects(values)
    microseconds = [
        None if value is None else value.days * 86_400_000_000 + value.nanoseconds // 1000 for value in values
    ]
    return _as_series(pa.chunked_array([pa.array(microseconds, pa.int64())]).cast(pa.duration("us")))


def _objects(values: Sequence[Any]) -> pd.Series[Any]:
    objects = np.empty(len(values), dtype=object)
    objects[:] = values  # np.array(...) would turn lists of equal length into a two-dimensional array
    return pd.Series(objects, dtype=object)
