"""Convert columns to texts, and texts back to columns of the same dtype and values, for CSV and Excel."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from kismet_nb.errors import ExportError
from kismet_nb.resources import RESOURCES
from kismet_nb.tables.provenance import provenance

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "DATE_DTYPE",
    "LONE_SURROGATE",
    "documented_dtype",
    "encode_column",
    "encode_json",
    "format_times",
    "is_text_lists",
    "is_valid_text",
    "parse_column",
    "parse_documented_column",
    "row_count_note",
    "to_json",
]

DATE_DTYPE = "date32[day][pyarrow]"  # dates without a time
LONE_SURROGATE = re.compile("[\ud800-\udfff]")
NEEDS_ESCAPE = re.compile('["\\\\\x00-\x1f\ud800-\udfff]')  # characters that JSON must escape
_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False).encode


def encode_column(column: pd.Series[Any], name: str) -> pa.Array:
    """Return numbers and booleans unchanged, and all other values as text.

    Raises
    ------
    ExportError
        The dtype, or one of the values, cannot be written as text.
    """
    dtype, problem = column.dtype, ""
    arrow = dtype.pyarrow_dtype if isinstance(dtype, pd.ArrowDtype) else pa.null()
    try:
        if (pd.api.types.is_numeric_dtype(dtype) and not pa.types.is_decimal(arrow)) or dtype == "boolean":
            return pa.array(column, from_pandas=True)
        if isinstance(dtype, pd.DatetimeTZDtype) or (dtype.kind == "M" and not pa.types.is_date(arrow)):
            return format_times(pa.array(column, from_pandas=True))
        if dtype == DATE_DTYPE:
            return pa.array(column, from_pandas=True).cast(pa.string())
        if dtype.kind == "m" and not isinstance(dtype, pd.ArrowDtype):
            return _format_durations(column)
        if isinstance(dtype, pd.StringDtype):
            return pa.array(column, pa.large_string(), from_pandas=True)
        if pd.api.types.is_object_dtype(dtype):
            return pa.array(encode_json(column), pa.large_string())
        problem = f"has dtype {dtype}, which this format cannot hold. Convert it with astype(str) first"
    except (TypeError, ValueError, OverflowError, RecursionError, NotImplementedError, pa.ArrowException):
        problem = "holds a value that cannot be written as text (a lone surrogate, not JSON, or nested too deeply)"
    raise ExportError(f"{name} {problem}.")


def format_times(times: pa.Array) -> pa.Array:
    """Return times in ISO 8601: in UTC with ``Z`` if they have a zone, as dates if all are midnights without one."""
    has_zone = times.type.tz is not None
    if has_zone:
        times = times.cast(pa.timestamp(times.type.unit, "UTC"))
    elif pc.all(pc.equal(times, pc.floor_temporal(times, unit="day"))).as_py():
        return pc.strftime(times, "%Y-%m-%d")
    in_seconds = times.cast(pa.timestamp("s", times.type.tz), safe=False)
    if pc.all(pc.equal(times, in_seconds)).as_py() is not False:
        times = in_seconds  # strftime writes fractions for every finer unit.
    return pc.strftime(times, "%Y-%m-%dT%H:%M:%S" + ("Z" if has_zone else ""))


def _format_durations(column: pd.Series[Any]) -> pa.Array:
    """Return durations as ``1 days 02:00:00``."""
    texts = [None if missing else str(value) for value, missing in zip(column, column.isna(), strict=True)]
    pd.to_timedelta(cast("Any", texts))  # Raises OverflowError or ValueError for a duration that would not read back.
    return pa.array(texts, pa.string())


def encode_json(column: pd.Series[Any]) -> list[str | None]:
    """Return each value as JSON, and a missing value as None."""
    return [
        None if missing else _encode_texts(value) or to_json(value)
        for value, missing in zip(column, column.isna(), strict=True)
    ]


def _encode_texts(value: object) -> str | None:
    """Return a list of texts that need no escape as JSON, several times as fast as the encoder; otherwise None."""
    if not isinstance(value, list) or not value:
        return None
    try:
        text = "".join(value)
    except TypeError:  # not all are texts
        return None
    return None if NEEDS_ESCAPE.search(text) else '["' + '", "'.join(value) + '"]'


def to_json(value: object) -> str:
    """Return a value as JSON that UTF-8 can hold: a lone surrogate becomes its JSON escape."""
    return _encode(value).encode(errors="backslashreplace").decode()


def is_text_lists(values: Iterable[object]) -> bool:
    """Return whether every value is missing or a list of texts that UTF-8 can hold."""
    return all(value is None or (isinstance(value, list) and all(map(is_valid_text, value))) for value in values)


def is_valid_text(item: object) -> bool:
    """Return whether a value is a text that UTF-8 can hold."""
    return isinstance(item, str) and not LONE_SURROGATE.search(item)


def row_count_note(df: pd.DataFrame) -> str:
    """Return the number of rows, and of fetched rows if it differs: pandas keeps ``attrs`` after filtering."""
    fetched = provenance(df).get("rows", len(df))
    if not isinstance(fetched, int) or fetched == len(df):
        return str(len(df))
    return f"{len(df)}: {fetched} were fetched"


def documented_dtype(name: str) -> str | None:
    """Return the dtype that the API's documentation gives a column of this name, or None."""
    documented = {column.name: column.dtype for resource in RESOURCES.values() for column in resource.columns}
    return documented.get(name)


def parse_documented_column(texts: pa.ChunkedArray, name: str) -> pd.Series[Any]:
    """Return a column with the documented dtype of its name if all texts fit it, otherwise as text."""
    with contextlib.suppress(ValueError, pa.ArrowException):
        return parse_column(texts, documented_dtype(name) or "str")
    return parse_column(texts, "str")


def parse_column(texts: pa.ChunkedArray, dtype: str) -> pd.Series[Any]:
    """Return a column of exactly this dtype.

    Raises
    ------
    ValueError, ArrowException
        A text does not fit the dtype.
    """
    if dtype == "object":
        values = np.empty(len(texts), dtype=object)
        values[:] = [None if text is None else json.loads(text) for text in texts.to_pylist()]
        return pd.Series(values, dtype=object)
    wanted = pd.api.types.pandas_dtype(dtype)
    if dtype.startswith("datetime64"):
        # Times with a zone are written in UTC with a Z, others without.
        zone = "UTC" if isinstance(wanted, pd.DatetimeTZDtype) else None
        column = texts.cast(pa.timestamp("ns" if dtype.startswith("datetime64[ns") else "us", zone)).to_pandas()
    elif dtype == DATE_DTYPE:
        column = texts.cast(pa.date32()).to_pandas(types_mapper=pd.ArrowDtype)
    elif dtype.startswith("timedelta64"):
        column = pd.Series(pd.to_timedelta(texts.to_pylist()))
    elif pd.api.types.is_numeric_dtype(wanted):
        # Convert through a nullable dtype: int64 has no missing value, and float64 would round integers.
        nullable = {"b": "boolean", "i": "Int64", "u": "UInt64", "f": "Float64"}[wanted.kind]
        arrow = {"b": pa.bool_(), "i": pa.int64(), "u": pa.uint64(), "f": pa.float64()}[wanted.kind]
        column = texts.cast(arrow).to_pandas(types_mapper=lambda _: pd.api.types.pandas_dtype(nullable))
    else:
        column = texts.to_pandas(types_mapper=lambda _: pd.StringDtype("pyarrow", na_value=np.nan))
    return cast("pd.Series[Any]", column.astype(wanted))
