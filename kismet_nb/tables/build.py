"""Build a typed DataFrame from the columns of all pages and the declaration.

If one value does not fit the declared dtype, the whole column is kept as sent.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa

from kismet_nb.tables.columns import ARROW_TYPES, column_name, to_arrow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kismet_nb.resources import Dtype, Resource
    from kismet_nb.tables.columns import Columns, Field

__all__ = ["PANDAS_DTYPES", "as_strings", "build_table", "infer_column", "is_day", "name_fields", "parse_instant"]

PANDAS_DTYPES = {
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
    pa.large_string(): pd.StringDtype("pyarrow", na_value=np.nan),
    pa.float64(): pd.Float64Dtype(),
}
_FIRST, _LAST = (pd.Timestamp(text, tz="UTC") for text in ("0001-01-01", "9999-12-31 23:59:59.999999"))
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d{1,6}0*)?)?(Z|[+-]\d\d:?\d\d)", re.IGNORECASE)


def build_table(resource: Resource, chunks: Sequence[Columns]) -> tuple[pd.DataFrame, list[str]]:
    """Build the table of a resource.

    Returns
    -------
    frame
        The declared columns in their order and dtypes, then the undeclared ones.
    drift
        Texts that describe what differs from the declaration. They contain no values.
    """
    rows = sum(piece.length for piece in chunks)
    fields = name_fields(resource, dict.fromkeys(field for piece in chunks for field in piece.columns))
    drift, series = [], {}
    for column in resource.columns:
        if rows and column.name not in fields and column.expected:
            drift.append(f"{column.name} is no longer sent, so all its values are missing")
        pieces = _pieces(fields.get(column.name, column.name), chunks)
        series[column.name], mismatches = _build_column(column.dtype, pieces)
        if mismatches:
            drift.append(f"{column.name} has {mismatches} values that are not {column.dtype}, and is kept as sent")
    for name, field in fields.items():
        if name not in series:
            series[name] = infer_column(_pieces(field, chunks))
            drift.append(f"{name} is new, and kept as {series[name].dtype}")
    drift = ["".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text) for text in drift]
    return _framed(series, rows), drift


def name_fields(resource: Resource, sent: Iterable[Field]) -> dict[str, Field]:
    """Return the fields that were sent, by the names of their columns."""
    sent = list(sent)
    fields: dict[str, Field] = {field: field for field in sent if isinstance(field, str)}
    for field in sent:
        if not isinstance(field, str):
            # user_id is a field of its own; an id within user must not take its place.
            names = itertools.chain(
                [column_name(resource, field)], (("." * dots).join(field) for dots in itertools.count(1))
            )
            fields[next(name for name in names if name not in fields)] = field
    return fields


def _framed(series: dict[str, pd.Series[Any]], rows: int) -> pd.DataFrame:
    try:
        return pd.DataFrame(series, index=pd.RangeIndex(rows))
    except UnicodeEncodeError:  # a field's name has a lone surrogate
        columns = pd.Index(list(series), dtype=object)
        return pd.DataFrame(dict(enumerate(series.values())), index=pd.RangeIndex(rows)).set_axis(columns, axis=1)


def as_strings(values: Any) -> pd.Series[Any]:  # noqa: ANN401 - a column or its array
    """Return values with dtype str, or as objects if one has a lone surrogate, which that dtype cannot hold."""
    column = pd.Series(values, dtype=object)
    texts = [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
    column = pd.Series(texts, column.index, dtype=object, name=column.name)
    try:
        return column.astype("str")
    except UnicodeEncodeError:
        return column


def _pieces(field: Field, chunks: Sequence[Columns]) -> list[pa.Array | list[Any]]:
    return [piece.columns.get(field, [None] * piece.length) for piece in chunks]


def _build_column(dtype: Dtype, pieces: list[pa.Array | list[Any]]) -> tuple[pd.Series[Any], int]:
    """Return a column, and how many of its values do not fit its dtype."""
    if dtype == "object":
        return _as_objects(pieces), 0
    arrays = [to_arrow(piece, dtype) if isinstance(piece, list) else piece for piece in pieces]
    mismatches = sum(_count_mismatches(piece, dtype) for piece in arrays if isinstance(piece, list))
    if mismatches:
        return _as_objects(pieces), mismatches
    column = pa.chunked_array(arrays, ARROW_TYPES[dtype][1])
    if not dtype.startswith("datetime64"):
        if dtype != "str":
            column = column.combine_chunks()  # pandas is slow with many chunks
        return column.to_pandas(types_mapper=PANDAS_DTYPES.get), 0
    times, mismatches = _times(column) if dtype.endswith("UTC]") else _days(column)
    return (_as_objects(pieces), mismatches) if times is None else (times, 0)


def _count_mismatches(values: list[Any], dtype: Dtype) -> int:
    return sum(isinstance(to_arrow([value], dtype), list) for value in values)


def _times(column: pa.ChunkedArray) -> tuple[pd.Series[Any] | None, int]:
    arrow = pa.timestamp("us", tz="UTC")
    try:
        times = column.cast(arrow).to_pandas()
        # Arrow also parses years outside 1 to 9999, which Python cannot show.
        if not ((times < _FIRST) | (times > _LAST)).any():
            return times, 0
    except pa.ArrowInvalid:
        pass  # Arrow parses the usual formats fast; others are parsed one by one
    values = [parse_instant(text) for text in column.to_pylist()]
    mismatches = sum(isinstance(value, str) for value in values)
    return (None, mismatches) if mismatches else (pa.chunked_array([pa.array(values, arrow)]).to_pandas(), 0)


def _days(column: pa.ChunkedArray) -> tuple[pd.Series[Any] | None, int]:
    """Parse days without a time zone: the API does not say in which one they begin."""
    mismatches = sum(text is not None and not is_day(text) for text in column.to_pylist())
    return (None, mismatches) if mismatches else (column.cast(pa.timestamp("us")).to_pandas(), 0)


def is_day(text: str) -> bool:
    """Return whether a text is a plain day, such as 2026-02-01."""
    try:
        return dt.date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def parse_instant(text: str | None) -> dt.datetime | str | None:
    """Return an ISO 8601 time with an offset as UTC, or the text if its format or precision does not fit."""
    if text is None or not _INSTANT.fullmatch(text):
        return text
    try:
        return dt.datetime.fromisoformat(text.upper()).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return text


def _as_objects(pieces: Iterable[pa.Array | list[Any]]) -> pd.Series[Any]:
    values: list[Any] = []
    for piece in pieces:
        values += piece if isinstance(piece, list) else piece.to_pylist()
    column = np.empty(len(values), dtype=object)
    column[:] = values  # np.array(values) would make lists of equal length a 2-D array
    return pd.Series(column, dtype=object)


def infer_column(pieces: list[pa.Array | list[Any]]) -> pd.Series[Any]:
    """Return an undeclared column with the dtype that all its values have, or as objects."""
    column = _as_objects(pieces)
    if column.notna().any():
        for dtype in ("Int64", "boolean", "str", "Float64"):
            array = to_arrow(list(column), dtype)
            if not isinstance(array, list):
                return cast("pd.Series[Any]", pa.chunked_array([array]).to_pandas(types_mapper=PANDAS_DTYPES.get))
    return column
